"""Where the connections are, and how long each may stay there."""

from __future__ import annotations

from collections.abc import Iterator
from time import monotonic
from typing import Generic, Protocol, TypeVar


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


class Rooms(Generic[G]):
    """All rooms of a server. A connection is always in exactly one."""

    __slots__ = ("active", "body", "head", "held", "idle", "lingering")

    # A client that was told to go has this long to read it, in seconds: closing while its bytes are still
    # coming in would reset the connection, and the reset overtakes the reply.
    LINGER = 2.0

    def __init__(self, head_timeout: float, body_timeout: float, idle_timeout: float) -> None:
        self.idle: Room[G] = Room(idle_timeout)  # between two requests
        self.head: Room[G] = Room(head_timeout)  # connected, and the head is not whole yet
        self.body: Room[G] = Room(body_timeout)  # the body is not whole yet
        self.active: Room[G] = Room()  # a greenlet is at work
        self.held: Room[G] = Room()  # a poll without an answer yet
        self.lingering: Room[G] = Room(self.LINGER)

    def sweep(self) -> None:
        now = monotonic()
        for room in (self.idle, self.head, self.body, self.lingering):
            room.expire(now)

    def busy(self) -> int:
        """How many connections still owe or are owed something."""
        return len(self.head) + len(self.body) + len(self.active) + len(self.held)

    def counts(self) -> dict[str, int]:
        return {name: len(getattr(self, name)) for name in self.__slots__}

    def __len__(self) -> int:
        return sum(self.counts().values())

    def __iter__(self) -> Iterator[G]:
        return iter([guest for name in self.__slots__ for guest in getattr(self, name)])
