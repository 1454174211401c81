"""A held poll on its connection."""

from __future__ import annotations

from longpoll.server.connection import Connection
from longpoll.server.host import Keeper
from longpoll.server.replies import ReplyHead
from longpoll.transports.held import HeldReply

# Bytes up to which a reply is joined with its head, which is quicker to send. Longer ones are shared by all who wait.
SHORT = 4 * 1024


class Holding(Keeper):
    """Keeps a connection until the poll has an answer, or the client is gone."""

    __slots__ = ("_closing", "_connection", "_held", "_reply_head")

    def __init__(self, connection: Connection, held: HeldReply, reply_head: ReplyHead) -> None:
        self._connection = connection
        self._held: HeldReply | None = held
        self._reply_head = reply_head
        self._closing = False

    def begin(self) -> None:
        assert self._held is not None
        self._connection.enter(self._connection.host.rooms.held)
        if not self._held.park(self._deliver):
            assert self._held.body is not None
            self._answer(self._held.body)

    def _deliver(self, body: bytes) -> None:
        host = self._connection.host
        if host.in_loop_thread():
            self._answer(body)
        else:
            host.loop.run_callback_threadsafe(self._answer, body)

    def _answer(self, body: bytes) -> None:
        connection, head = self._connection, self._reply_head
        if connection.keeper is not self:
            return  # the client left first
        self._held = None
        self._closing = connection.host.draining or not head.keep_alive
        before = head.before(body, self._closing)
        if head.bodiless:
            connection.post([before])
        elif len(body) <= SHORT:
            connection.post([before + body])
        else:
            connection.post([before, body])

    def written(self) -> None:
        self._connection.proceed(self._closing)

    def readable(self) -> None:
        if not self._connection.read_early():
            self._connection.pause()

    def expire(self) -> None:
        self._connection.close()  # it does not read its answer

    def retire(self) -> None:
        """It is answered by whoever holds the reply."""

    def leave(self) -> None:
        held, self._held = self._held, None
        if held is not None:
            # In a greenlet: this may be the event loop's callback, and whoever is told may wait for a lock.
            self._connection.host.tell(held.abandon)
