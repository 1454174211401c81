"""Greenlets that work off what comes: one for a whole burst, unless somebody has to wait."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from time import monotonic
from typing import TYPE_CHECKING, Generic, TypeVar

from gevent.pool import Group

if TYPE_CHECKING:
    from gevent._types import _Loop

T = TypeVar("T")

# Seconds of work until the event loop looks at its sockets again.
SLICE = 0.005


class Crew(Generic[T]):
    """1. takes work; 2. does it, one piece after another in one greenlet; while a piece waits for something, another
    greenlet goes on with the next; 3. is killed.

    A greenlet for each piece would cost 25 of the 250 µs that a poll takes, and a stack each: thousands of polls come
    in one moment.
    """

    def __init__(self, loop: _Loop, work: Callable[[T], object]) -> None:
        self._work = work
        self._waiting: deque[T] = deque()
        self._at_work = Group()
        # The loop's own callbacks run dozens of times before it looks at its sockets again; a timer runs once.
        self._next = loop.timer(0.0)
        self._is_called = False
        self._until = 0.0

    # -- 1.

    def add(self, piece: T) -> None:
        self._waiting.append(piece)
        self._call()

    def _call(self) -> None:
        if not self._is_called:
            self._is_called = True
            self._next.start(self._begin)

    # -- 2.

    def _begin(self) -> None:
        self._is_called = False
        if self._waiting:
            self._until = monotonic() + SLICE
            self._at_work.spawn(self._run)

    def _run(self) -> None:
        while self._waiting and monotonic() < self._until:
            piece = self._waiting.popleft()
            if self._waiting:
                self._call()  # now: this piece may have to wait, or fail
            self._work(piece)
        if self._waiting:
            self._call()

    # -- 3.

    def kill(self, timeout: float) -> None:
        """What is at work is told to end, and has *timeout* seconds for that. What has not begun never does."""
        self._waiting.clear()
        self._at_work.kill(timeout=timeout)
        self._next.close()
