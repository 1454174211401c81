"""Where attempts run: so many at a time, and each out of the reach of those before it."""

from __future__ import annotations

from collections.abc import Callable
from sys import getrefcount
from typing import Any, Generic, TypeVar

import gevent
from gevent import get_hub, getcurrent
from gevent.queue import SimpleQueue
from greenlet import GreenletExit

T = TypeVar("T")


class Slots(Generic[T]):
    """1. takes what is put in, in that order, one thing for each slot; 2. runs it in a greenlet that nothing else has
    a hold of; 3. throws into what runs; 4. opens anew a slot that was ended by force; 5. closes: what runs goes on,
    nothing more begins.

    What an attempt leaves running (a ``Timeout`` that was not closed, a ``kill`` that is still on its way) would hit
    whatever runs in its greenlet by then. A greenlet for each attempt costs 8 µs, half of all that a short job costs.
    But who is to throw into a greenlet must hold a reference to it: so they are counted, and a greenlet that somebody
    else knows runs nothing more. It is dead when the throw comes. A job that waited for something always leaves one,
    the hub's, and can bear those 8 µs.

    Args:
        count: of slots.
        run: runs one thing in a slot of that number, and does not raise.
    """

    def __init__(self, count: int, run: Callable[[int, T], None]) -> None:
        self._run = run
        self._waiting: SimpleQueue[T | None] = SimpleQueue()
        self._taken: list[T | None] = [None] * count
        self._runners: list[gevent.Greenlet[..., Any] | None] = [None] * count
        self._slots: list[gevent.Greenlet[..., Any]] = []
        self._closing = False

    def open(self) -> None:
        """Begin to take."""
        self._slots = [self._opened(number) for number in range(len(self._taken))]

    def put(self, item: T) -> None:
        """Have that run as soon as a slot is free."""
        self._waiting.put(item)

    @property
    def waiting(self) -> int:
        """How many wait for a slot."""
        return self._waiting.qsize()

    def take_out(self) -> list[T]:
        """All that waits, which does not begin any more."""
        items = [self._waiting.get_nowait() for _ in range(self._waiting.qsize())]
        return [item for item in items if item is not None]

    def runner(self, number: int) -> gevent.Greenlet[..., Any] | None:
        """What runs in the slot, to be looked at and let go of: while anybody holds it, it takes nothing new."""
        return self._runners[number]

    def throw(self, number: int, error: BaseException) -> None:
        """Raise that in what runs in the slot. From the hub only."""
        runner = self._runners[number]
        if runner is not None:
            runner.throw(error)

    def close(self) -> None:
        """Begin nothing more."""
        self._closing = True
        for _ in self._slots:
            self._waiting.put(None)

    def ended(self) -> gevent.Greenlet[..., Any]:
        """Ends when all slots have, once they were closed."""
        return gevent.spawn(gevent.joinall, self._slots)

    # -- a slot waits, its runner works

    def _opened(self, number: int) -> gevent.Greenlet[..., Any]:
        slot = gevent.spawn(self._slot, number)
        slot.link(lambda _: self._reopen(number))
        return slot

    def _reopen(self, number: int) -> None:
        if not self._closing:
            self._runners[number] = None
            self._slots[number] = self._opened(number)

    def _slot(self, number: int) -> None:
        while (item := self._waiting.get()) is not None:
            self._taken[number] = item
            runner = self._runners[number]
            if runner is None:
                runner = self._runners[number] = gevent.Greenlet(self._work, number)
                runner.parent = getcurrent()  # to which it comes back
            runner.switch()
            if runner.dead:
                runner.parent = get_hub()  # where a late switch to it goes
                self._runners[number] = None
            del runner  # or it would be counted
        if idle := self._runners[number]:
            idle.throw(GreenletExit)

    def _work(self, number: int) -> None:
        me, slot = getcurrent(), self._slots[number]
        own = getrefcount(me)
        while True:
            item, self._taken[number] = self._taken[number], None
            assert item is not None
            self._run(number, item)
            del item
            if getrefcount(me) != own:
                return
            if self._waiting.qsize() and not self._closing:
                self._taken[number] = self._waiting.get_nowait()
            else:
                slot.switch()
