"""Where attempts run: so many at a time, and each out of the reach of those before it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from sys import getrefcount
from typing import Any, Generic, TypeVar

import gevent
from gevent import get_hub, getcurrent
from gevent.queue import SimpleQueue
from greenlet import GreenletExit

T = TypeVar("T")

# Greenlets that a slot keeps for later. The hub lets go of one while the next runs: two take turns.
RESTING = 2


class Slots(Generic[T]):
    """1. takes what is put in, in that order, one thing for each slot; 2. runs it in a greenlet that nothing else has
    a hold of; 3. throws into what runs; 4. opens anew a slot that was ended by force; 5. closes: what runs goes on,
    nothing more begins.

    What an attempt leaves running (a ``Timeout`` that was not closed, a ``kill`` that is still on its way) would hit
    whatever runs in its greenlet by then. A greenlet for each attempt costs 8 µs, half of all that a short job costs.
    But who is to throw into a greenlet must hold a reference to it: so they are counted, and a greenlet that somebody
    else knows runs nothing. A job that waited for something leaves the hub's, which goes a moment later: its greenlet
    rests meanwhile, and another of the slot's runs the next. What comes for a greenlet that rests ends it.

    Args:
        count: of slots.
        run: runs one thing in a slot of that number, and does not raise.
    """

    def __init__(self, count: int, run: Callable[[int, T], None]) -> None:
        self._run = run
        self._waiting: SimpleQueue[T | None] = SimpleQueue()
        self._taken: list[T | None] = [None] * count
        self._runners: list[gevent.Greenlet[..., Any] | None] = [None] * count
        self._resting: list[deque[gevent.Greenlet[..., Any]]] = [deque() for _ in range(count)]
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
        resting = self._resting[number]
        while (item := self._waiting.get()) is not None:
            self._taken[number] = item
            offered = len(resting)
            while self._taken[number] is not None:
                self._switch_to(number, resting.popleft() if offered > 0 else self._runner(number))
                offered -= 1
            while len(resting) > RESTING:
                _end(resting.popleft())
        while resting:
            _end(resting.popleft())

    def _runner(self, number: int) -> gevent.Greenlet[..., Any]:
        runner = gevent.Greenlet(self._work, number)
        runner.parent = getcurrent()
        runner.switch()
        return runner

    def _switch_to(self, number: int, runner: gevent.Greenlet[..., Any]) -> None:
        """Have it run what was taken, unless somebody knows it."""
        me = getcurrent()
        runner.parent = me  # to which it comes back
        self._runners[number] = runner
        runner.switch(me)
        self._runners[number] = None
        runner.parent = get_hub()  # where a late switch to it goes
        if not runner.dead:
            self._resting[number].append(runner)

    def _work(self, number: int) -> None:
        me, slot = getcurrent(), self._slots[number]
        own = 0
        while _rest(slot):
            own = own or getrefcount(me)
            while self._taken[number] is not None and getrefcount(me) == own:
                self._run(number, self._take(number))
                if getrefcount(me) == own and self._waiting.qsize() and not self._closing:
                    self._taken[number] = self._waiting.get_nowait()

    def _take(self, number: int) -> T:
        item, self._taken[number] = self._taken[number], None
        assert item is not None
        return item


def _rest(slot: gevent.Greenlet[..., Any]) -> bool:
    """Whether it is the slot that ends the rest. Whatever else does comes too late for whom it was meant."""
    try:
        return slot.switch() is slot
    except BaseException:
        return False


def _end(runner: gevent.Greenlet[..., Any]) -> None:
    runner.parent = getcurrent()
    runner.throw(GreenletExit)
