"""The native dialect as it is served: /poll, its streams, and what belongs to them.

See :mod:`longpoll.dialects.native`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import falcon

from longpoll import script
from longpoll.cursor import decode
from longpoll.dialects import native
from longpoll.endpoints.history import History
from longpoll.endpoints.jobs import Cancel, Job
from longpoll.endpoints.requests import body_of, callback_of
from longpoll.endpoints.streams import Events, Socket
from longpoll.errors import Refused
from longpoll.services import App, Services
from longpoll.transports import jsonp
from longpoll.transports.held import HeldReply
from longpoll.waiter import News, Waiter

# Seconds that a browser may use its copy of the script without asking: after a deploy pages are not old for long.
SCRIPT_AGE: Final = 300
# Bytes of a request: two hundred tickets and a cursor.
MAX_BODY: Final = 64 * 1024


class Native:
    """See :class:`longpoll.services.Endpoint`."""

    def install(self, app: App, services: Services) -> None:
        app.add_route("/poll", Poll(services))
        app.add_route("/events", Events(services))
        app.add_route("/socket", Socket(services))
        app.add_route("/history", History(services))
        app.add_route("/job", Job(services))
        app.add_route("/job/cancel", Cancel(services))
        app.add_route("/longpoll.js", Script(script.joined()))
        app.add_route("/private_pub.js", Script(script.private_pub()))


class Poll:
    """POST or GET /poll: waits for news of channels."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        ask = native.read_body(body_of(req, MAX_BODY, "ask for fewer channels"))
        self._hold(ask, req, resp, _written)

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        callback = callback_of(req, resp)
        ask = native.read_query(req.params)
        if callback is None:
            self._hold(ask, req, resp, _written)
        else:
            self._hold(ask, req, resp, lambda news: jsonp.wrap(callback, _written(news)))

    def _hold(
        self, ask: native.Ask, req: falcon.Request, resp: falcon.Response, write: Callable[[News], bytes]
    ) -> None:
        visitor = self._services.visitor(req, "native")
        channels = self._services.door.listen(visitor, ask.channels)
        hub, meter, address = self._services.hub(), self._services.meter, visitor.address
        meter.subscribe(len(ask.channels))
        meter.enter(visitor)

        def answer(news: News) -> None:
            meter.leave(address)
            held.answer(write(news))

        def forget() -> None:
            meter.leave(address)
            hub.forget(waiter)

        held = HeldReply(forget)
        waiter = Waiter(channels, answer)
        cursor = decode(ask.cursor) if ask.cursor else None
        try:
            hub.wait(waiter, cursor, ask.wait, unreadable=bool(ask.cursor and cursor is None))
        except Refused:
            meter.leave(address)
            raise
        if held.body is None:
            resp.stream = held
        else:
            resp.data = held.body


def _written(news: News) -> bytes:
    return news.worded(native.write_news)


class Script:
    """GET /longpoll.js: the browser's side; and what else of it there is."""

    def __init__(self, text: str) -> None:
        self._text = text.encode()

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        resp.content_type = "text/javascript; charset=utf-8"
        resp.cache_control = [f"public, max-age={SCRIPT_AGE}"]
        resp.data = self._text

    on_head = on_get
