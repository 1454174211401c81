"""Where the connections are, and how long each may stay there."""

from __future__ import annotations

from collections.abc import Iterator
from time import monotonic
from typing import Generic, NamedTuple, Protocol, TypeVar


class Guest(Protocol):
    def expire(self) -> None:
        """Called when the room's time is over; leaves the room."""


G = TypeVar("G", bound=Guest)


class Room(Generic[G]):
    """Connections in one state.

    All of them may stay equally long, so they leave in the order in which they came: the oldest is always the
    first in the dict, and neither a heap nor a timer each is needed.
    """

    __slots__ = ("_guests", "_stay")

    def __init__(self, stay: float | None = None) -> None:
        """*stay*: seconds; None for as long as it takes."""
        self._guests: dict[G, float] = {}
        self._stay = stay

    def enter(self, guest: G) -> None:
        self._guests[guest] = 0.0 if self._stay is None else monotonic() + self._stay

    def leave(self, guest: G) -> None:
        del self._guests[guest]

    def oldest(self) -> G | None:
        return next(iter(self._guests), None)

    def expire(self, now: float) -> None:
        """Sends away whoever stayed too long."""
        while self._stay is not None and self._guests:
            guest, deadline = next(iter(self._guests.items()))
            if deadline > now:
                return
            guest.expire()

    def __len__(self) -> int:
        return len(self._guests)

    def __iter__(self) -> Iterator[G]:
        """The guests as they are now, oldest first; they may leave meanwhile."""
        return iter(list(self._guests))


class Stays(NamedTuple):
    """How many seconds a connection may stay where."""

    head: float
    body: float
    idle: float
    send: float
    ping: float
    pong: float
    close: float


class Rooms(Generic[G]):
    """All rooms of a server. A connection is always in exactly one."""

    __slots__ = (
        "active", "body", "closing", "head", "held", "idle", "lingering", "pinged", "sending", "streams", "websockets",
    )  # fmt: skip

    # A client that was told to go has this long to read it, in seconds: closing while its bytes are still
    # coming in would reset the connection, and the reset overtakes the reply.
    LINGER = 2.0

    def __init__(self, stays: Stays) -> None:
        self.idle: Room[G] = Room(stays.idle)  # between two requests
        self.head: Room[G] = Room(stays.head)  # connected, and the head is not whole yet
        self.body: Room[G] = Room(stays.body)  # the body is not whole yet
        self.active: Room[G] = Room()  # a greenlet is at work
        self.held: Room[G] = Room()  # a poll without an answer yet
        self.streams: Room[G] = Room()  # open, and everything written has been sent
        self.websockets: Room[G] = Room(stays.ping)  # the same
        self.pinged: Room[G] = Room(stays.pong)  # a websocket that has not answered yet
        self.sending: Room[G] = Room(stays.send)  # a client that does not take all at once
        self.closing: Room[G] = Room(stays.close)  # a websocket that we have closed
        self.lingering: Room[G] = Room(self.LINGER)

    def sweep(self) -> None:
        now = monotonic()
        for name in self.__slots__:
            getattr(self, name).expire(now)

    def busy(self) -> int:
        """How many connections still owe or are owed something."""
        return len(self) - len(self.idle) - len(self.lingering)

    def counts(self) -> dict[str, int]:
        return {name: len(getattr(self, name)) for name in self.__slots__}

    def __len__(self) -> int:
        return sum(self.counts().values())

    def __iter__(self) -> Iterator[G]:
        return iter([guest for name in self.__slots__ for guest in getattr(self, name)])
