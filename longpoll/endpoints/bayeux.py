"""Bayeux as it is served, so that Faye's and CometD's clients work as they are. See :mod:`longpoll.dialects.bayeux`."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from functools import cache
from typing import Final
from urllib.parse import parse_qs

import falcon

from longpoll.dialects import bayeux, native
from longpoll.dialects.bayeux import Message
from longpoll.dialects.bayeux_replies import write
from longpoll.endpoints.bayeux_house import Checker, House, Service, Words
from longpoll.endpoints.bayeux_script import Script
from longpoll.endpoints.bayeux_streams import open_socket, open_stream
from longpoll.endpoints.bayeux_talk import Talk
from longpoll.endpoints.requests import body_of, plain
from longpoll.errors import BadRequest, Forbidden, Refused
from longpoll.services import ANYBODY, App, Services
from longpoll.sessions.registry import Sessions
from longpoll.transports import handshake, jsonp
from longpoll.transports.held import HeldReply
from queueapi.errors import StoreUnavailable

# Bytes of a request: a message of the largest size, and what is around it.
MAX_BODY: Final = 1_100_000
# Fields of a form; each "message" is one request.
_MAX_FIELDS: Final = 100
# What Faye's clients expect where they name no function.
_CALLBACK: Final = "jsonpcallback"


class Bayeux:
    """See :class:`longpoll.services.Endpoint`.

    Args:
        mount: where it is served; what is below belongs to it as well. ``/`` is allowed.
        checkers: let clients in by other means than tickets.
        service: given what clients publish on ``/service/...``: (visitor, channel, data); what it returns goes back.
        hold: seconds that a request is held when nothing comes, 50 at most.
    """

    def __init__(
        self,
        mount: str = "/faye",
        checkers: Sequence[Checker] = (),
        service: Service | None = None,
        hold: float = native.WAIT,
    ) -> None:
        self._mount = mount.rstrip("/")
        self._checkers = checkers
        self._service = service
        self._hold = min(hold, native.LONGEST_WAIT)

    def install(self, app: App, services: Services) -> None:
        sessions = Sessions(services.feed, services.runtime)
        services.feed.guests.join(sessions)
        script = Script()
        mount = Mount(House(services, sessions, self._checkers, self._service, self._hold), script)
        app.add_route(self._mount or "/", mount)
        app.add_route(f"{self._mount}/{{rest:path}}", mount)
        for name in ("/client.js", "/faye-browser-min.js", *([".js"] if self._mount else [])):
            app.add_route(self._mount + name, script)


class Mount:
    """All of it under one address: 1. a POST with messages, as JSON or in a form; 2. a script with messages (JSONP);
    3. an event stream; 4. a websocket; 5. with nothing of all that, Faye's client as a script.

    Refusals are plain text: Faye's client would take JSON for messages, whatever the status.
    """

    def __init__(self, house: House, script: Script) -> None:
        self._house = house
        self._script = script

    # -- 1.

    def on_post(self, req: falcon.Request, resp: falcon.Response, rest: str = "") -> None:
        def work() -> None:
            self._welcome(req)
            messages = _posted(req)
            resp.content_type = "application/json; charset=utf-8"
            self._answer(messages, req, resp, write)

        _say_plainly(resp, work)

    def _welcome(self, req: falcon.Request) -> None:
        """A form can be sent by any page without being asked for leave, and bring its user's cookies."""
        if not self._house.services.welcomes(req):
            raise Forbidden(f"pages of {req.get_header('Origin')} may not ask here: name it by --origin")

    def _answer(
        self, messages: Sequence[Message], req: falcon.Request, resp: falcon.Response, wrap: Callable[[Words], bytes]
    ) -> None:
        services = self._house.services
        visitor = services.visitor(req, "bayeux")
        talk = Talk(self._house, visitor, self._types(req))

        def forget() -> None:
            services.meter.leave(visitor.address)
            talk.leave()

        def say(words: Words) -> None:
            services.meter.leave(visitor.address)
            held.answer(wrap(words))

        held = HeldReply(forget)
        services.meter.enter(visitor)
        try:
            talk.hear(messages, say)
        except BaseException:
            held.abandon()
            raise
        if held.body is None:
            resp.stream = held
        else:
            resp.data = held.body

    def _types(self, req: falcon.Request) -> tuple[str, ...]:
        return _offered(self._house.services.origins == ANYBODY, bool(req.env.get(handshake.UPGRADES)))

    # -- 2. to 5.

    def on_get(self, req: falcon.Request, resp: falcon.Response, rest: str = "") -> None:
        if handshake.asks(req.env):
            _say_plainly(resp, lambda: self._upgrade(req, resp))
        elif "text/event-stream" in req.get_header("Accept", default=""):
            _say_plainly(resp, lambda: open_stream(self._house, rest.rpartition("/")[2], req, resp))
        elif not req.query_string and not rest:
            self._script.on_get(req, resp)
        else:
            _say_plainly(resp, lambda: self._call_back(req, resp))

    def _upgrade(self, req: falcon.Request, resp: falcon.Response) -> None:
        if refusal := handshake.refusal(req.env):
            plain(resp, refusal.status, refusal.sentence, refusal.headers)
            return
        self._welcome(req)
        resp.stream = open_socket(self._house, req, self._types(req))

    def _call_back(self, req: falcon.Request, resp: falcon.Response) -> None:
        callback = jsonp.checked_callback(req.params.get("jsonp", _CALLBACK))
        messages = _in_query(req)
        resp.set_headers(jsonp.HEADERS)
        self._answer(messages, req, resp, lambda words: jsonp.wrap(callback, write(words)))
        for message in messages:
            # Scripts run in the order in which the page asked for them: this one would wait behind the one that waits.
            session = self._house.sessions.here(message.client)
            if session is not None and message.channel != bayeux.CONNECT:
                session.release()


@cache
def _offered(any_origin: bool, upgrades: bool) -> tuple[str, ...]:
    left_out = set()
    if any_origin:  # it sends cookies along, and that is allowed to pages that are named only: others take JSONP
        left_out.add("cross-origin-long-polling")
    if not upgrades:
        left_out.add(bayeux.SOCKET)
    return tuple(kind for kind in bayeux.TYPES if kind not in left_out)


def _posted(req: falcon.Request) -> list[Message]:
    body = body_of(req, MAX_BODY, "publish less at once")
    if (req.content_type or "").partition(";")[0].strip().lower() == falcon.MEDIA_JSON:
        return bayeux.read(body)
    try:
        texts = parse_qs(body.decode(), errors="strict", max_num_fields=_MAX_FIELDS).get("message", [])
    except ValueError as error:
        raise BadRequest(f"the body should be JSON, or a form with message=: {str(error)[:200]}") from None
    return _together(texts)


def _in_query(req: falcon.Request) -> list[Message]:
    found = req.params.get("message", [])
    return _together([found] if isinstance(found, str) else found)


def _together(texts: Sequence[str]) -> list[Message]:
    if not texts:
        raise BadRequest("there is no message: send  message=[...]  or JSON with the Content-Type application/json")
    return [message for text in texts for message in bayeux.read(text)]


def _say_plainly(resp: falcon.Response, work: Callable[[], None]) -> None:
    try:
        work()
    except Refused as refused:
        plain(resp, refused.status, str(refused))
    except StoreUnavailable as error:
        logging.getLogger("longpoll").warning("%s", error)  # names hosts and users: not for browsers
        plain(resp, 503, "PostgreSQL is away: ask again in a moment", {"Retry-After": "2"})
