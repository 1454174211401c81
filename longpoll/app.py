"""The Falcon app: HTTP to dialect, hub and transport, and back. For any WSGI server; see ``serve`` for ours."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from importlib.resources import files
from typing import Final

import falcon

from longpoll.cancelling import Cancel
from longpoll.cursor import decode
from longpoll.dialects import native
from longpoll.errors import BadRequest, BadTicket, Refused, Unavailable, UnknownJob
from longpoll.jobbook import JobState
from longpoll.listener import Feed, state_of
from longpoll.names import Channels, resolve
from longpoll.transports import jsonp
from longpoll.transports.held import HeldReply
from longpoll.waiter import News, Waiter
from queueapi.errors import StoreUnavailable
from queueapi.events import Events
from queueapi.runtime import Runtime, default
from queueapi.signing import Signer

# Seconds that a browser may use its copy of the script without asking: after a deploy pages are not old for long.
SCRIPT_AGE: Final = 300

ANYBODY: Final = "*"


def create_app(
    feed: Feed | None = None, runtime: Runtime | None = None, origins: str | Sequence[str] = ANYBODY
) -> falcon.App[falcon.Request, falcon.Response]:
    """The WSGI app.

    Under ``longpoll-serve`` a held poll costs a few KiB; under another server it costs whatever a request costs
    there, which for most is a thread.

    Args:
        feed: where the news comes from; by default one on the runtime's database, started by the first request.
        runtime: by default that of the environment.
        origins: of the pages that may ask from a browser. ``*``: any, which is safe, since what a browser may see
            is in its ticket and never in a cookie.

    Raises:
        SettingsError: QUEUEAPI_SECRET is missing or too short.
    """
    runtime = runtime or default()
    feed = feed or Feed(runtime.open, Events(), runtime.open_listening)
    signer = runtime.signer()
    app = falcon.App()
    app.add_middleware(falcon.CORSMiddleware(origins, expose_headers=["Retry-After"]))
    app.add_middleware(Headers(any_origin=origins == ANYBODY))
    app.add_route("/poll", Poll(feed, signer))
    app.add_route("/job", Job(runtime, signer))
    app.add_route("/job/cancel", Cancel(runtime, signer))
    app.add_route("/longpoll.js", Script())
    app.add_route("/healthz", Health(feed))
    app.add_error_handler(Refused, _refuse)
    app.add_error_handler(StoreUnavailable, _away)
    app.add_error_handler(falcon.HTTPError, _http_error)
    app.add_error_handler(Exception, _failed)
    return app


class Poll:
    """POST or GET /poll: waits for news of channels."""

    def __init__(self, feed: Feed, signer: Signer) -> None:
        self._feed = feed
        self._signer = signer

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        self._hold(native.read_body(_body(req)), resp, native.write_news)

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        callback = _callback(req, resp)
        ask = native.read_query(req.params)
        if callback is None:
            self._hold(ask, resp, native.write_news)
        else:
            self._hold(ask, resp, lambda news: jsonp.wrap(callback, native.write_news(news)))

    def _hold(self, ask: native.Ask, resp: falcon.Response, write: Callable[[News], bytes]) -> None:
        channels = resolve(ask.channels, self._signer)
        hub = self._feed.start()
        held = HeldReply(lambda: hub.forget(waiter))
        waiter = Waiter(channels, lambda news: held.answer(write(news)))
        cursor = decode(ask.cursor) if ask.cursor else None
        hub.wait(waiter, cursor, ask.wait, unreadable=bool(ask.cursor and cursor is None))
        if held.body is None:
            resp.stream = held
        else:
            resp.data = held.body


class Job:
    """GET /job?ticket=: a job's present state, without waiting."""

    def __init__(self, runtime: Runtime, signer: Signer) -> None:
        self._runtime = runtime
        self._signer = signer

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        callback = _callback(req, resp)
        ticket = req.params.get("ticket")
        if not isinstance(ticket, str):
            raise BadRequest("the query should have one ticket=")
        body = native.write_job(self._state(resolve([ticket], self._signer), ticket))
        resp.data = body if callback is None else jsonp.wrap(callback, body)

    on_head = on_get

    def _state(self, channels: Channels, ticket: str) -> JobState:
        if not channels.jobs:
            raise BadTicket("this is not a job's ticket: poll for its messages", [ticket])
        id_ = channels.jobs[0][0]
        status = self._runtime.read(id_) if id_ >= 0 else self._runtime.bundles.read(-id_)
        if status is None:
            what = f"job {id_}" if id_ >= 0 else f"batch {-id_}"
            raise UnknownJob(f"there is no {what}: its transaction was rolled back, or it is no longer kept", [ticket])
        return state_of(status)


class Script:
    """GET /longpoll.js: the browser's side."""

    def __init__(self) -> None:
        self._text = (files("longpoll") / "static" / "longpoll.js").read_bytes()

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        resp.content_type = "text/javascript; charset=utf-8"
        resp.cache_control = [f"public, max-age={SCRIPT_AGE}"]
        resp.data = self._text

    on_head = on_get


class Health:
    """GET /healthz: 200 while polls can be answered."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        hub = self._feed.start()
        if hub.is_away:
            raise Unavailable("PostgreSQL is away: held polls go on waiting, new ones are refused")
        resp.media = {"status": "ok", "held": hub.held, "jobs": hub.watched}

    on_head = on_get


class Headers:
    """What every reply carries: it is nobody else's, and is to be taken for what it says it is."""

    def __init__(self, any_origin: bool) -> None:
        self._any_origin = any_origin

    def process_response(self, req: falcon.Request, resp: falcon.Response, resource: object, succeeded: bool) -> None:
        if resp.get_header("Cache-Control") is None:
            resp.set_header("Cache-Control", "no-store")
        if not self._any_origin:  # the reply names the one that asked: a cache must not give it to another
            resp.append_header("Vary", "Origin")
        resp.set_header("X-Content-Type-Options", "nosniff")
        # A script or a reply is of use to pages of other origins: that is what this server is for.
        resp.set_header("Cross-Origin-Resource-Policy", "cross-origin")


def _body(req: falcon.Request) -> bytes:
    # Whatever the Content-Type: text/plain is what spares a browser the preflight.
    if (req.content_length or 0) > 64 * 1024:
        raise BadRequest("the body is longer than 64 KiB: ask for fewer channels")
    return req.bounded_stream.read()


def _callback(req: falcon.Request, resp: falcon.Response) -> str | None:
    """The function that a JSONP request names; None for another request."""
    if "callback" not in req.params:
        return None
    callback = jsonp.checked_callback(req.params["callback"])
    req.context.callback = callback
    resp.set_headers(jsonp.HEADERS)
    return callback


def _refuse(req: falcon.Request, resp: falcon.Response, error: Refused, params: object) -> None:
    if error.retry_after is not None:
        resp.set_header("Retry-After", str(error.retry_after))
    _say(req, resp, error.status, error.code, str(error), error.channels)


def _away(req: falcon.Request, resp: falcon.Response, error: StoreUnavailable, params: object) -> None:
    # The sentence names hosts and users: it is for the log, not for the browser.
    logging.getLogger("longpoll").warning("%s", error)
    _refuse(req, resp, Unavailable("PostgreSQL is away: ask again in a moment"), params)


def _http_error(req: falcon.Request, resp: falcon.Response, error: falcon.HTTPError, params: object) -> None:
    resp.set_headers(error.headers or {})
    _say(req, resp, error.status_code, "http", error.description or error.title or "refused")


def _failed(req: falcon.Request, resp: falcon.Response, error: Exception, params: object) -> None:
    logging.getLogger("longpoll").error("%s %s failed", req.method, req.path, exc_info=error)
    _say(req, resp, 500, "failed", "the server failed, and its log says why")


def _say(
    req: falcon.Request, resp: falcon.Response, status: int, code: str, sentence: str, channels: Sequence[str] = ()
) -> None:
    body = native.write_error(code, sentence, status, channels)
    callback = req.context.get("callback")
    if callback:  # a script with an error status is not run
        resp.status = falcon.HTTP_200
        resp.data = jsonp.wrap(callback, body)
        return
    resp.status = falcon.code_to_http_status(status)
    resp.content_type = falcon.MEDIA_JSON
    resp.data = body
