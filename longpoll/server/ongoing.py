"""A reply that goes on, on its connection: what a stream and a websocket have in common."""

from __future__ import annotations

from longpoll.server import wire
from longpoll.server.connection import Connection
from longpoll.server.host import Keeper
from longpoll.transports.outgoing import Outgoing


class Ongoing(Keeper):
    """Sends what the reply has, as it comes, until the last of it is out."""

    __slots__ = ("_connection", "_is_last", "_reply")

    _reply: Outgoing

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._is_last = False

    def _begin(self, head: bytes) -> None:
        self._reply.attach(self._awake)
        self._flush(head)

    def _awake(self) -> None:
        host = self._connection.host
        if host.in_loop_thread():
            self._flush()
        else:
            host.loop.run_callback_threadsafe(self._flush)

    def _flush(self, head: bytes = b"") -> None:
        if self._connection.keeper is not self:
            return
        if self._reply.abandoned:
            self._connection.close()
            return
        if self._is_last:
            return
        parts, self._is_last = self._reply.take()
        if parts or head or self._is_last:
            posted = self._framed(parts)
            self._connection.post([head, *posted] if head else posted)

    def _framed(self, parts: list[wire.Part]) -> list[wire.Part]:
        return parts

    def leave(self) -> None:
        # In a greenlet: this may be the event loop's callback, and whoever is told may wait for a lock.
        self._connection.host.tell(self._reply.abandon)
