"""What a session is asked and what it answers: connects, and streams that need none."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

from longpoll.follower import Follower
from longpoll.waiter import News, Waiter


class Connect(NamedTuple):
    """A client asks for what came.

    Attributes:
        id: the client's own, as JSON. Under the same it asks again for what it did not get; without one it never does.
        wait: seconds until it is to be answered, whether something came or not.
        ack: the number of the last answer that it got, if it counts.
    """

    id: str | None
    wait: float
    ack: int | None = None


class Answer(NamedTuple):
    """What it gets. ``news`` is None if it shall just ask again; ``number`` is that of the last answer with news."""

    news: News | None
    number: int


class Sent(NamedTuple):
    """The last answer that brought something, until the client has confirmed it."""

    cursor: str
    id: str
    number: int


class Held:
    """A connect that waits."""

    __slots__ = ("answer", "id", "until", "waiter")

    def __init__(self, connect: Connect, answer: Callable[[Answer], object]) -> None:
        self.id = connect.id or ""
        self.answer = answer
        self.until = time.monotonic() + connect.wait
        self.waiter: Waiter | None = None


class Stream:
    """A way to tell without being asked. ``mark`` is how far it had come when its client last said that it is there."""

    __slots__ = ("_ended", "follower", "mark")

    def __init__(self, follower: Follower, ended: Callable[[], object]) -> None:
        self.follower = follower
        self.mark: str | None = None
        self._ended: Callable[[], object] | None = ended

    def end(self) -> None:
        """Tell its owner, once."""
        ended, self._ended = self._ended, None
        if ended is not None:
            ended()
