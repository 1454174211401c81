"""The native dialect without asking again and again: GET /events, an event stream, and GET /socket, a websocket.

Both say what polls would be answered, with the same cursor: a client may change from one to another at any moment.
"""

from __future__ import annotations

from typing import Final

import falcon

from longpoll.dialects import native
from longpoll.endpoints.listening import Listening
from longpoll.endpoints.requests import plain
from longpoll.errors import Forbidden, Refused
from longpoll.services import Services
from longpoll.transports import handshake
from longpoll.transports.stream import StreamReply
from longpoll.transports.websocket import WebSocketReply
from longpoll.waiter import News

# Some proxies and old browsers show nothing of a reply before they have two kilobytes of it.
_PRELUDE: Final = b":" + b" " * 2048 + b"\n\n"
_TRY_AGAIN_LATER: Final = 1013


class Events:
    """GET /events?channels=[...]&cursor=: replies as server-sent events, each with the cursor as its id."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        resp.content_type = "text/event-stream; charset=utf-8"
        resp.set_header("X-Accel-Buffering", "no")
        resp.set_header("Cache-Control", "no-store, no-transform")
        try:
            resp.stream = self._listen(req)
        except Refused as refused:  # an EventSource shows its page neither status nor body of a refusal
            resp.data = _refused(refused)

    def _listen(self, req: falcon.Request) -> StreamReply:
        params = dict(req.params)
        if last := req.get_header("Last-Event-ID"):  # it has come further than its address says
            params["cursor"] = last
        ask = native.read_query(params)
        stream = StreamReply(lambda: listening.leave(), prelude=_PRELUDE)

        def refuse(refused: Refused) -> None:
            stream.write(_refused(refused))
            stream.end()

        listening = Listening(
            self._services,
            self._services.visitor(req, "native"),
            lambda news: stream.write(news.worded(_event)),
            refuse,
        )
        try:
            listening.ask(ask)
        except Refused:
            listening.leave()
            raise
        return stream


class Socket:
    """GET /socket: each text frame asks as a poll's body does, and replaces what was asked before."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        if refusal := handshake.refusal(req.env):
            plain(resp, refusal.status, refusal.sentence, refusal.headers)
            return
        if not self._services.welcomes(req):
            raise Forbidden(f"pages of {req.get_header('Origin')} may not ask here: name it by --origin")
        resp.stream = self._listen(req)

    def _listen(self, req: falcon.Request) -> WebSocketReply:
        def refuse(refused: Refused) -> None:
            websocket.send_text(native.write_refusal(refused))
            if refused.retry_after is not None:
                websocket.close(_TRY_AGAIN_LATER, "ask again in a moment")

        def hear(text: str) -> None:
            try:
                listening.ask(native.read_body(text.encode()))
            except Refused as refused:
                refuse(refused)

        websocket = WebSocketReply(hear, lambda: listening.leave())
        listening = Listening(
            self._services,
            self._services.visitor(req, "native"),
            lambda news: websocket.send_text(news.worded(native.write_news)),
            refuse,
        )
        return websocket


def _event(news: News) -> bytes:
    return b"id: " + news.cursor.encode() + b"\ndata: " + native.write_news(news) + b"\n\n"


def _refused(refused: Refused) -> bytes:
    return b"event: refused\ndata: " + native.write_refusal(refused) + b"\n\n"
