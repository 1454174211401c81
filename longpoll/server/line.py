"""The socket of a connection, and all that goes out on it without a greenlet."""

from __future__ import annotations

import _socket  # the plain one: gevent's wrapper costs two watchers and half a KiB for each idle connection
from collections.abc import Callable
from typing import Any

from longpoll.server import wire
from longpoll.server.host import Host, Keeper
from longpoll.server.outbox import Outbox
from longpoll.server.rooms import Room

# Bytes of a request's body or a websocket's message that are not counted: what most send passes even when others
# fill the server with long ones.
UNCOUNTED = 16 * 1024


class Line:
    """A socket which is always in a room; the lower half of a connection.

    1. It is read when there is something to read, unless it is paused.
    2. What is posted goes out at once, or as the socket takes it.
    3. It counts what is collected of long bodies and messages.
    4. It closes, once, and tells the keeper that had it.
    """

    __slots__ = ("_counted", "_outbox", "_room", "_socket", "_watcher", "host", "keeper")

    def __init__(self, host: Host, socket: _socket.socket) -> None:
        self.host = host
        self.keeper: Keeper | None = None
        self._socket = socket
        self._watcher = host.loop.io(socket.fileno(), wire.READ)
        self._room: Room[Any] | None = None
        self._outbox: Outbox | None = None
        self._counted = 0

    # -- 1. reading

    def listen(self, readable: Callable[[], object]) -> None:
        """Has *readable* called while there is something to read, until told otherwise."""
        self._watcher.start(readable)

    def pause(self) -> None:
        """Whatever the client sends now waits in the kernel."""
        self._watcher.stop()

    def read(self, size: int) -> bytes | None:
        """At most *size* bytes. None: nothing there yet. Empty: the client is gone, and the connection closed."""
        data = wire.read(self._socket, size)
        if data == b"":
            self.close()
        return data

    # -- 2. writing

    def post(self, parts: list[wire.Part]) -> None:
        """Sends *parts*, now or as the socket takes them, and tells the keeper when all is out. Never waits.

        Who has more than *max_unsent* bytes waiting behind what is just being sent, and is to get still more, reads too
        slowly and is cut off. One part may be as long as it likes: whoever asked for it could never get it otherwise.
        """
        if self._outbox is None:
            rest = wire.send(self._socket, parts)
            if rest is None:
                self.close()
            elif rest:
                self._outbox = Outbox(self.host.loop, self._socket, rest, self._send_on)
                self.enter(self.host.rooms.sending)
            else:
                self._is_written()
        elif self._outbox.waiting > self.host.max_unsent:
            self.close()
        else:
            self._outbox.add(parts)

    @property
    def is_sending(self) -> bool:
        """Whether the socket has not taken everything yet."""
        return self._outbox is not None

    def _send_on(self) -> None:
        assert self._outbox is not None
        if not self._outbox.send():
            self.close()
        elif self._outbox:
            self.enter(self.host.rooms.sending, anew=True)  # slow, but it reads
        else:
            self._outbox.close()
            self._outbox = None
            self._is_written()

    def _is_written(self) -> None:
        if self.keeper is not None:
            self.keeper.written()

    # -- 3. counting

    def count(self, size: int) -> bool:
        """Notes how much of a body or a message is here. False: the server has collected more than it may."""
        counted = max(0, size - UNCOUNTED)
        self.host.collected += counted - self._counted
        self._counted = counted
        return not counted or self.host.collected <= self.host.max_collected

    # -- 4. the end

    def close(self) -> None:
        """Ends at once, whatever was under way."""
        if self._room is None:
            return
        self._room.leave(self)
        self._room = None
        self.count(0)
        self._watcher.stop()
        self._watcher.close()
        if self._outbox is not None:
            self._outbox.close()
            self._outbox = None
        self._socket.close()
        self.let_go()

    def let_go(self) -> None:
        """Takes the connection from whoever keeps it."""
        keeper, self.keeper = self.keeper, None
        if keeper is not None:
            keeper.leave()

    def enter(self, room: Room[Any], anew: bool = False) -> None:
        """Does nothing if the connection is there already: a byte now and then renews no deadline, unless *anew*."""
        if self._room is room and not anew:
            return
        if self._room is not None:
            self._room.leave(self)
        self._room = room
        room.enter(self)
