"""The Falcon app: dialects put together on one hub. For any WSGI server; see ``serve`` for ours."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from typing import Final

import falcon

from longpoll.addresses import Proxies
from longpoll.dialects import native
from longpoll.door import Authorize, Door
from longpoll.endpoints.debug import Debug
from longpoll.endpoints.native import Native
from longpoll.errors import Refused, Unavailable
from longpoll.listener import Feed
from longpoll.meter import Limits, Meter
from longpoll.services import ANYBODY, App, Endpoint, Services
from longpoll.transports import jsonp
from longpoll.upkeep import Caretaker
from queueapi.errors import StoreUnavailable
from queueapi.events import Events
from queueapi.runtime import Runtime, default


def create_app(
    feed: Feed | None = None,
    runtime: Runtime | None = None,
    origins: str | Sequence[str] = ANYBODY,
    *,
    authorize: Authorize | None = None,
    publish: Iterable[str] = (),
    private: Iterable[str] = (),
    limits: Limits | None = None,
    proxies: Proxies | None = None,
    endpoints: Iterable[Endpoint] = (),
) -> App:
    """The WSGI app.

    Under ``longpoll-serve`` a held poll costs a few KiB; under another server it costs whatever a request costs
    there, which for most is a thread.

    Args:
        feed: where the news comes from; by default one on the runtime's database, started by the first request.
        runtime: by default that of the environment.
        origins: of the pages that may ask from a browser. ``*``: any, which is safe, since what a browser may see
            is in its ticket and never in a cookie. Only pages that are named may send cookies along.
        authorize: ``(request, channel, action)`` -> True, False or None; see :data:`longpoll.door.Authorize`.
        publish: channels and patterns on which any client may publish.
        private: those that take a ticket to listen to, beside what begins with ``private-`` or ``presence-``.
        limits: what one client, channel and address may have.
        proxies: that are believed where a request comes from; by default those on the loopback.
        endpoints: the dialects that are served beside the native one.

    Raises:
        SettingsError: QUEUEAPI_SECRET is missing or too short.
        BadChannel: one of ``publish`` or ``private`` is neither a channel nor a pattern.
    """
    runtime = runtime or default()
    feed = feed or Feed(runtime.open, Events(), runtime.open_listening)
    feed.guests.join(Caretaker(runtime.open, runtime.settings.message_days, feed.events))
    door = Door(runtime.signer(), authorize, publish, private)
    services = Services(feed, runtime, door, Meter(limits), origins, proxies or Proxies())
    app: App = falcon.App()
    any_origin = origins == ANYBODY
    app.add_middleware(
        falcon.CORSMiddleware(
            origins, expose_headers=["Retry-After"], allow_credentials=None if any_origin else origins
        )
    )
    app.add_middleware(Strangers(services))
    app.add_middleware(Headers(any_origin))
    app.add_error_handler(Refused, _refuse)
    app.add_error_handler(StoreUnavailable, _away)
    app.add_error_handler(falcon.HTTPError, _http_error)
    app.add_error_handler(Exception, _failed)
    app.add_route("/healthz", Health(feed))
    served: list[Endpoint] = [Native(), Debug(), *endpoints]
    for endpoint in served:
        endpoint.install(app, services)
    return app


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


class Strangers:
    """Takes from requests of pages that nobody named what a browser sends along for its user: a websocket, a form or a
    script can be had by any page, and what ``authorize`` says to the user is not for that page."""

    _SCRIPTS: Final = frozenset(("callback", "jsonp"))

    def __init__(self, services: Services) -> None:
        self._services = services

    def process_request(self, req: falcon.Request, resp: falcon.Response) -> None:
        if not self._services.knows(req) or not self._SCRIPTS.isdisjoint(req.params):
            for name in ("HTTP_COOKIE", "HTTP_AUTHORIZATION"):
                req.env.pop(name, None)


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
