"""Bayeux without asking again and again: an event stream for what comes, and a websocket for everything."""

from __future__ import annotations

import logging
from typing import Any, Final

import falcon

from longpoll.dialects import bayeux
from longpoll.dialects.bayeux_replies import RESET, events, write
from longpoll.endpoints.bayeux_house import House, Words
from longpoll.endpoints.bayeux_talk import Talk
from longpoll.endpoints.requests import plain
from longpoll.errors import BadRequest, Refused
from longpoll.sessions.session import Session
from longpoll.transports.stream import StreamReply
from longpoll.transports.websocket import WebSocketReply
from longpoll.waiter import News
from queueapi.errors import StoreUnavailable

# Browsers come back after a second; and some, as some proxies, show nothing before they have two kilobytes.
_PRELUDE: Final = b"retry: 1000\n:" + b" " * 2048 + b"\n\n"
_TRY_AGAIN_LATER: Final = 1013
_BAD_REQUEST: Final[Words] = [{"successful": False, "error": bayeux.error_text(400)}]


def open_stream(house: House, client: str, req: falcon.Request, resp: falcon.Response) -> None:
    """GET <mount>/<clientId> by an EventSource. What it has is in its ``Last-Event-ID``, wherever it comes back.

    Raises:
        TooMuch: its address has as many connections as it may.
    """
    try:
        house.services.hub()
        session = house.sessions.find(client) if bayeux.CLIENT.fullmatch(client) else None
    except StoreUnavailable as error:  # an error's status would keep the browser from coming back
        logging.getLogger("longpoll").warning("%s", error)
        resp.content_type = "text/event-stream; charset=utf-8"
        resp.data = _PRELUDE
        return
    if session is None:
        plain(resp, 404, "There is no such client: shake hands again.")
        return
    resp.content_type = "text/event-stream; charset=utf-8"
    resp.set_header("X-Accel-Buffering", "no")
    resp.set_header("Cache-Control", "no-store, no-transform")
    resp.stream = _stream(house, session, req)


def _stream(house: House, session: Session, req: falcon.Request) -> StreamReply:
    visitor = house.services.visitor(req, "bayeux", session.id)
    meter = house.services.meter
    meter.enter(visitor)

    def leave() -> None:
        meter.leave(visitor.address)
        session.leave(stream)

    reply = StreamReply(leave, prelude=_PRELUDE)
    stream = session.stream(req.get_header("Last-Event-ID") or None, lambda news: reply.write(_event(news)), reply.end)
    return reply


def _event(news: News) -> bytes:
    told: list[Any] = list(events(news))
    if news.reset:
        told.insert(0, {"channel": bayeux.CONNECT, "ext": RESET})
    data = b"\ndata: " + write(told) if told else b""
    return b"id: " + news.cursor.encode() + data + b"\n\n"


def open_socket(house: House, req: falcon.Request, types: tuple[str, ...]) -> WebSocketReply:
    """GET <mount> upgraded. Each frame is a request; a connect is answered by a frame of its own.

    Raises:
        TooMuch: its address has as many connections as it may.
    """
    visitor = house.services.visitor(req, "bayeux")
    talk = Talk(house, visitor, types, apart=True)
    house.services.meter.enter(visitor)

    def say(words: Words) -> None:
        if words:
            websocket.send_text(write(words))

    def hear(text: str) -> None:
        try:
            messages = bayeux.read(text)
            if messages:
                talk.hear(messages, say)
            else:
                websocket.send_text("[]")  # how old clients ask whether anybody is there
        except BadRequest:
            say(_BAD_REQUEST)
        except (Refused, StoreUnavailable) as error:
            logging.getLogger("longpoll").warning("%s", error)
            websocket.close(_TRY_AGAIN_LATER, "ask again in a moment")

    def leave() -> None:
        house.services.meter.leave(visitor.address)
        talk.leave()

    websocket = WebSocketReply(hear, leave)
    return websocket
