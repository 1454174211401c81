"""What a socket did not take at once."""

from __future__ import annotations

import _socket
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from longpoll.server import wire

if TYPE_CHECKING:
    from gevent._types import _Loop


class Outbox:
    """The unsent bytes of one connection. There is one only while there are any.

    1. It keeps them, in order.
    2. It says when the socket takes more.
    3. It sends.
    """

    __slots__ = ("_parts", "_size", "_socket", "_writable")

    def __init__(
        self, loop: _Loop, socket: _socket.socket, rest: list[wire.Part], when_writable: Callable[[], object]
    ) -> None:
        self._socket = socket
        self._parts = rest
        self._size = sum(map(len, rest))
        self._writable = loop.io(socket.fileno(), wire.WRITE)
        self._writable.start(when_writable)

    def add(self, parts: Iterable[wire.Part]) -> None:
        for part in parts:
            self._parts.append(part)
            self._size += len(part)

    def send(self) -> bool:
        """Sends what the socket takes now. False: the client is gone."""
        rest = wire.send(self._socket, self._parts)
        if rest is None:
            return False
        self._parts = rest
        self._size = sum(map(len, rest))
        return True

    @property
    def waiting(self) -> int:
        """How many bytes stand behind the part that is just being sent."""
        return self._size - len(self._parts[0])

    def __bool__(self) -> bool:
        return bool(self._parts)

    def close(self) -> None:
        self._writable.stop()
        self._writable.close()
