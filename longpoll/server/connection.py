"""One TCP connection, from accept to close."""

from __future__ import annotations

import _socket
from socket import SHUT_WR
from typing import Any

from longpoll.server import replies, wire
from longpoll.server.host import Host, Keeper
from longpoll.server.line import Line
from longpoll.server.reader import Reader, Request
from longpoll.server.strict import Refusal

PACKET = 16 * 1024  # bytes asked of the socket at once; a poll is a tenth of that


class Connection(Line):
    """A socket and what is going on with it. While nothing is, there is no greenlet.

    1. It collects a request in the event loop's own callbacks: a slow client costs no greenlet either.
    2. The server's greenlet runs the application and writes through `sendall`.
    3. Then it waits for the next request, or finishes,
    4. or a `Keeper` has it, for a held poll, a stream or a websocket, until it proceeds or is closed.

    Measured with 5,000 held polls: 0.8 KiB of memory each, its HeldReply included, when they come one after
    another; 1.0 KiB when all of them ask in the same moment.
    """

    __slots__ = ("_reader", "address")

    def __init__(self, host: Host, socket: _socket.socket, address: Any) -> None:
        super().__init__(host, socket)
        self.address = address
        self._reader: Reader | None = None

    # -- 1. a request comes in

    def open(self) -> None:
        self.enter(self.host.rooms.head)
        self.listen(self._receive)

    def _receive(self) -> None:
        reader = self._read_on()
        if reader is None:
            return
        if self.count(reader.size):
            self._advance(reader)
        else:
            self.refuse(replies.TOO_MUCH)

    def _read_on(self) -> Reader | None:
        data = self.read(PACKET)
        if not data:
            return None
        if self._reader is None:
            self._reader = Reader(self.host.max_body)
        self._reader.feed(data)
        return self._reader

    def _advance(self, reader: Reader) -> None:
        found = reader.request()
        if isinstance(found, Request):
            self._serve(found, reader)
        elif isinstance(found, Refusal):
            self.refuse(found)
        elif reader.empty:
            self._wait_idle()
        else:
            self.enter(self.host.rooms.body if reader.in_body else self.host.rooms.head)
            if reader.must_say_continue():
                wire.send(self._socket, [replies.CONTINUE])
            self.listen(self._receive)

    def _serve(self, request: Request, reader: Reader) -> None:
        self.pause()
        if reader.empty:
            self._reader = None
        self.enter(self.host.rooms.active)
        self.host.serve(self, request)

    # -- 2. a reply goes out

    def sendall(self, data: wire.Part) -> None:
        """Sends all of *data*; in a greenlet.

        Raises BrokenPipeError, and has closed, if the client is gone or takes longer than the send timeout.
        """
        try:
            wire.send_all(self.host.loop, self._socket, data, self.host.send_timeout)
        except BrokenPipeError:
            self.close()
            raise

    # -- 3. after the reply

    def proceed(self, closing: bool) -> None:
        """The reply is out: this was the last one, or the next request may be here already."""
        self.let_go()
        if closing:
            self._finish()
        elif self._reader is not None:
            self.count(self._reader.size)
            self._advance(self._reader)
        else:
            self._wait_idle()

    def _wait_idle(self) -> None:
        self._reader = None
        self.count(0)
        if self.host.draining:
            self._finish()
            return
        self.enter(self.host.rooms.idle)
        self.listen(self._receive)

    def _finish(self) -> None:
        """No more replies: says so, and closes when the client has read it."""
        self._reader = None
        self.count(0)
        try:
            self._socket.shutdown(SHUT_WR)
        except OSError:
            self.close()
            return
        self.enter(self.host.rooms.lingering)
        self.listen(self._discard)

    def _discard(self) -> None:
        self.read(PACKET)

    # -- 4. it is kept

    def keep(self, keeper: Keeper) -> None:
        """Leaves the connection to *keeper*; whatever greenlet brought it may end."""
        self.count(0 if self._reader is None else self._reader.size)
        self.keeper = keeper
        self.listen(keeper.readable)
        keeper.begin()

    def read_early(self) -> bool:
        """For a keeper that expects nothing of the client: what comes is its next request, and has its turn later.

        False: it is more than anybody sends early.
        """
        reader = self._read_on()
        return reader is None or reader.size <= PACKET

    def take_early(self) -> bytes:
        """What came behind the request."""
        reader, self._reader = self._reader, None
        return b"" if reader is None else reader.rest()

    # -- the end

    def expire(self) -> None:
        """The room's time is over."""
        if self.keeper is not None:
            self.keeper.expire()
        elif self._reader is None:
            self.close()
        else:
            self.refuse(Refusal(408, "The request did not arrive in time."))

    def retire(self) -> None:
        """The server drains: closes the connection unless a request is under way, or has just come."""
        if self._reader is None:
            self._receive()
        if self._reader is None and self._room in (self.host.rooms.idle, self.host.rooms.head):
            self.close()

    def refuse(self, refusal: Refusal) -> None:
        """Says why, and ends."""
        if wire.send(self._socket, [replies.refusal_reply(refusal)]) is None:
            self.close()
        else:
            self._finish()

    def close(self) -> None:
        self._reader = None
        super().close()
