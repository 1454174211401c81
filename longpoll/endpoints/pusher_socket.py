"""Pusher's protocol over a websocket: GET /app/{key}."""

from __future__ import annotations

from secrets import randbelow
from typing import Final

import falcon

from longpoll.dialects import pusher, pusher_words
from longpoll.endpoints.pusher_connection import Connection
from longpoll.endpoints.pusher_desk import Desk
from longpoll.endpoints.requests import plain
from longpoll.errors import Forbidden, TooMuch
from longpoll.transports import handshake
from longpoll.transports.websocket import WebSocketReply

_LARGEST: Final = 10**10


def new_socket_id() -> str:
    """What a connection is called: it is in what the application signs, and never comes again."""
    return f"{randbelow(_LARGEST)}.{randbelow(_LARGEST)}"


class Socket:
    """What refuses a client here is a close code: it sees no status and no body."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def on_get(self, req: falcon.Request, resp: falcon.Response, key: str) -> None:
        if refusal := handshake.refusal(req.env):
            plain(resp, refusal.status, refusal.sentence, refusal.headers)
            return
        services = self._desk.services
        if not services.welcomes(req):
            raise Forbidden(f"pages of {req.get_header('Origin')} may not ask here: name it by --origin")
        visitor = services.visitor(req, "pusher", new_socket_id())
        services.hub()
        if reason := refused(self._desk, req, key):
            resp.stream = _closed(*reason)
            return
        try:
            services.meter.enter(visitor)
        except TooMuch as error:
            resp.stream = _closed(pusher.COME_BACK_LATER, str(error))
            return
        wire = SocketWire(self._desk)
        wire.connection = Connection(self._desk, visitor, wire, visitor.client)
        resp.stream = wire.reply
        wire.connection.begin()


class SocketWire:
    """See :class:`longpoll.endpoints.pusher_wire.Wire`."""

    __slots__ = ("_desk", "connection", "reply")

    connection: Connection

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.reply = WebSocketReply(self._hear, self._gone)

    def _hear(self, text: str) -> None:
        self.connection.hear(text)

    def _gone(self) -> None:
        self.connection.gone()
        self._desk.services.meter.leave(self.connection.visitor.address)

    def send(self, frame: str) -> None:
        """At once."""
        self.reply.send_text(frame)

    def flush(self) -> None:
        """Nothing is kept back."""

    def idle(self) -> None:
        """The server pings by itself."""

    def close(self, code: int, reason: str) -> None:
        """With the protocol's code."""
        self.reply.close(code, reason)

    def end(self) -> None:
        """It is in no channel any more."""
        connection = self.connection
        self._desk.presence.leave(connection.socket_id, list(connection.subscriptions))


def refused(desk: Desk, req: falcon.Request, key: str) -> tuple[int, str] | None:
    """The close code and why, of a client that can have no connection."""
    if key != desk.application.key:
        return pusher.UNKNOWN_APP, f"there is no application with the key {key[:50]}"
    return pusher.version_refused(req.params.get("protocol"))


def _closed(code: int, reason: str) -> WebSocketReply:
    reply = WebSocketReply(lambda _: None)
    reply.send_text(pusher_words.error(code, reason))  # for clients that cannot read a close code
    reply.close(code, reason)
    return reply
