"""What all endpoints read of a request."""

from __future__ import annotations

from collections.abc import Mapping

import falcon

from longpoll.errors import BadRequest
from longpoll.transports import jsonp


def body_of(req: falcon.Request, at_most: int, remedy: str) -> bytes:
    """The body, whatever its Content-Type: text/plain is what spares a browser the preflight.

    Raises:
        BadRequest: it has more than so many bytes.
    """
    body = b"" if (req.content_length or 0) > at_most else req.bounded_stream.read(at_most + 1)
    if len(body) > at_most or (req.content_length or 0) > at_most:
        raise BadRequest(f"the body is longer than {at_most} bytes: {remedy}")
    return body


def callback_of(req: falcon.Request, resp: falcon.Response) -> str | None:
    """The function that a JSONP request names; None for another request.

    Raises:
        BadRequest: it names something else.
    """
    if "callback" not in req.params:
        return None
    callback = jsonp.checked_callback(req.params["callback"])
    req.context.callback = callback
    resp.set_headers(jsonp.HEADERS)
    return callback


def plain(resp: falcon.Response, status: int, sentence: str, headers: Mapping[str, str] = {}) -> None:
    """A reply for people, or for a client that would take JSON for messages."""
    resp.status = falcon.code_to_http_status(status)
    resp.content_type = falcon.MEDIA_TEXT
    resp.set_headers(dict(headers))
    resp.text = f"{sentence}\n"
