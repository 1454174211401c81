"""One TCP connection, from accept to close."""

from __future__ import annotations

import _socket  # the plain one: gevent's wrapper costs two watchers and half a KiB for each idle connection
from collections.abc import Callable
from socket import MSG_PEEK, SHUT_WR
from typing import TYPE_CHECKING, Any, Protocol

import gevent

from longpoll.server import replies, wire
from longpoll.server.reader import Reader, Request
from longpoll.server.replies import ReplyHead
from longpoll.server.rooms import Room, Rooms
from longpoll.server.strict import Refusal
from longpoll.transports.held import HeldReply

if TYPE_CHECKING:
    from gevent._types import _Loop

PACKET = 16 * 1024  # bytes asked of the socket at once; a poll is a tenth of that


class Host(Protocol):
    """What a connection needs of its server."""

    loop: _Loop
    rooms: Rooms[Connection]
    draining: bool
    max_body: int
    send_timeout: float

    def serve(self, connection: Connection, request: Request) -> None:
        """Runs the application, in a greenlet, and then calls `proceed`, `hold` or `close`."""

    def spawn(self, work: Callable[..., object], *args: Any) -> object: ...

    def in_loop_thread(self) -> bool: ...


class Connection:
    """A socket and what is going on with it. While nothing is, there is no greenlet.

    1. It collects a request in the event loop's own callbacks: a slow client costs no greenlet either.
    2. The server's greenlet runs the application and writes through `sendall`.
    3. Then it waits for the next request, holds a poll, or finishes.
    4. A held poll ends with an answer, or with the client gone.

    Measured with 5,000 held polls: 0.8 KiB of memory each, its HeldReply included, when they come one after
    another; 2.6 KiB when all of them ask in the same moment and 5,000 greenlets are made to run once.
    """

    __slots__ = ("_held", "_host", "_reader", "_reply_head", "_room", "_socket", "_watcher", "address")

    def __init__(self, host: Host, socket: _socket.socket, address: Any) -> None:
        self.address = address
        self._host = host
        self._socket = socket
        self._watcher = host.loop.io(socket.fileno(), wire.READ)
        self._room: Room[Connection] | None = None
        self._reader: Reader | None = None
        self._held: HeldReply | None = None
        self._reply_head: ReplyHead | None = None

    # -- a request comes in

    def open(self) -> None:
        self._enter(self._host.rooms.head)
        self._watcher.start(self._receive)

    def _receive(self) -> None:
        data = wire.read(self._socket, PACKET)
        if data is None:
            return
        if not data:
            self.close()
            return
        if self._reader is None:
            self._reader = Reader(self._host.max_body)
        self._reader.feed(data)
        self._advance(self._reader)

    def _advance(self, reader: Reader) -> None:
        found = reader.request()
        if isinstance(found, Request):
            self._serve(found, reader)
        elif isinstance(found, Refusal):
            self.refuse(found)
        elif reader.empty:
            self._wait_idle()
        else:
            self._enter(self._host.rooms.body if reader.in_body else self._host.rooms.head)
            if reader.must_say_continue():
                wire.send(self._socket, replies.CONTINUE)
            self._watcher.start(self._receive)

    def _serve(self, request: Request, reader: Reader) -> None:
        self._watcher.stop()
        if reader.empty:
            self._reader = None
        self._enter(self._host.rooms.active)
        self._host.serve(self, request)

    # -- a reply goes out

    def sendall(self, data: wire.Part) -> None:
        """Sends all of *data*; in a greenlet.

        Raises BrokenPipeError, and has closed, if the client is gone or takes longer than the send timeout.
        """
        try:
            wire.send_all(self._host.loop, self._socket, data, self._host.send_timeout)
        except BrokenPipeError:
            self.close()
            raise

    # -- after the reply

    def proceed(self, closing: bool) -> None:
        """The reply is out: this was the last one, or the next request may be here already."""
        if closing:
            self._finish()
        elif self._reader is not None:
            self._advance(self._reader)
        else:
            self._wait_idle()

    def _wait_idle(self) -> None:
        self._reader = None
        if self._host.draining:
            self._finish()
            return
        self._enter(self._host.rooms.idle)
        self._watcher.start(self._receive)

    def _finish(self) -> None:
        """No more replies: says so, and closes when the client has read it."""
        self._reader = None
        try:
            self._socket.shutdown(SHUT_WR)
        except OSError:
            self.close()
            return
        self._enter(self._host.rooms.lingering)
        self._watcher.start(self._discard)

    def _discard(self) -> None:
        if wire.read(self._socket, PACKET) == b"":
            self.close()

    # -- a poll is held

    def hold(self, held: HeldReply, reply_head: ReplyHead) -> None:
        """Keeps the poll; whatever greenlet brought it may end."""
        self._held = held
        self._reply_head = reply_head
        self._enter(self._host.rooms.held)
        if held.park(self._deliver):
            self._watcher.start(self._notice)
        else:
            assert held.body is not None
            self._answer(held.body)

    def _deliver(self, body: bytes) -> None:
        if self._host.in_loop_thread():
            self._answer(body)
        else:
            self._host.loop.run_callback_threadsafe(self._answer, body)

    def _answer(self, body: bytes) -> None:
        reply_head, self._reply_head = self._reply_head, None
        self._held = None
        if reply_head is None:
            return  # the client left first
        self._watcher.stop()
        closing = self._host.draining or not reply_head.keep_alive
        rest = wire.send(self._socket, reply_head.before(body, closing), b"" if reply_head.bodiless else body)
        if rest is None:
            self.close()
        elif rest:
            self._enter(self._host.rooms.active)
            self._host.spawn(self._send_rest, rest, closing)
        else:
            self.proceed(closing)

    def _send_rest(self, rest: memoryview, closing: bool) -> None:
        try:
            self.sendall(rest)
        except BrokenPipeError:
            return
        self.proceed(closing)

    def _notice(self) -> None:
        """Something happened to a client that waits: it left, or it sent its next request too early."""
        data = wire.read(self._socket, 1, MSG_PEEK)
        if data:
            # Its turn comes after the answer; until then it would be reported again and again.
            self._watcher.stop()
        elif data is not None:
            self.close()

    # -- the end

    def expire(self) -> None:
        """The room's time is over."""
        if self._reader is None:
            self.close()
        else:
            self.refuse(Refusal(408, "The request did not arrive in time."))

    def retire(self) -> None:
        """The server drains: closes the connection unless a request is under way, or has just come."""
        if self._reader is None:
            self._receive()
        if self._reader is None and self._room in (self._host.rooms.idle, self._host.rooms.head):
            self.close()

    def refuse(self, refusal: Refusal) -> None:
        """Says why, and ends."""
        if wire.send(self._socket, replies.refusal_reply(refusal)) is None:
            self.close()
        else:
            self._finish()

    def close(self) -> None:
        """Ends at once, whatever was under way."""
        if self._room is None:
            return
        self._room.leave(self)
        self._room = self._reader = self._reply_head = None
        self._watcher.stop()
        self._watcher.close()
        self._socket.close()
        held, self._held = self._held, None
        if held is not None:
            # In a greenlet: this may be the event loop's callback, and whoever is told may wait for a lock.
            gevent.spawn(held.abandon)

    def _enter(self, room: Room[Connection]) -> None:
        """Does nothing if the connection is there already: a byte now and then renews no deadline."""
        if self._room is room:
            return
        if self._room is not None:
            self._room.leave(self)
        self._room = room
        room.enter(self)
