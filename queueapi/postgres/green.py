"""Waiting through gevent's own event loop.

psycopg under monkey-patching waits by the patched ``select.poll``: a new object per wait, and a wake-up ten times
a second. Watchers that stay with the connection halve the processor time of a statement (44 -> 24 µs) and cost
nothing while nobody speaks (50 idle LISTEN connections: 2 ms in 3 s, against 40 ms).
"""

from __future__ import annotations

import select
import time
from typing import Any, TypeVar

import psycopg
from gevent import get_hub, getcurrent
from gevent.monkey import get_original
from psycopg import errors, waiting
from psycopg.abc import PQGen

from queueapi.postgres.plain import Connection

RV = TypeVar("RV")

_poll = get_original("select", "poll")
_READ, _WRITE = int(waiting.READY_R), int(waiting.READY_W)


class GreenConnection(Connection):
    """A connection whose waits switch to gevent's hub.

    The loop belongs to the thread in which the connection waits first: one thread per connection, many greenlets
    one after the other.
    """

    _watchers: dict[int, Any] | None = None

    def _wait(self, gen: PQGen[RV], interval: float, timeout: float | None) -> RV:
        deadline = None if timeout is None else time.monotonic() + timeout
        try:
            wants = int(next(gen))
            while True:
                wants = int(gen.send(self._ready(wants, deadline)))
        except StopIteration as end:
            result: RV = end.value
            return result

    def _ready(self, wants: int, deadline: float | None) -> int:
        """What of READ and WRITE is possible, waiting until something is."""
        # A socket can nearly always be written to: one look spares the round through the hub.
        if wants & _WRITE and (ready := _now(self.pgconn.socket, wants)):
            return ready
        while True:
            left = None if deadline is None else deadline - time.monotonic()
            if left is not None and left <= 0:
                if ready := _now(self.pgconn.socket, wants):  # with timeout 0, a look is still due
                    return ready
                raise errors._WaitTimeout("wait timeout expired")
            if ready := self._switch(wants, left):
                return ready

    def _switch(self, wants: int, timeout: float | None) -> int:
        hub = get_hub()
        watchers = self._watchers
        if watchers is None:
            watchers = self._watchers = {}
        watcher = watchers.get(wants)
        if watcher is None:
            watcher = watchers[wants] = hub.loop.io(self.pgconn.socket, wants)
        wake = getcurrent().switch
        timer = None
        watcher.start(wake, pass_events=True)
        try:
            if timeout is not None:
                timer = hub.loop.timer(timeout)
                timer.start(wake, 0)
            events = hub.switch()
        finally:
            watcher.stop()
            if timer is not None:
                timer.stop()
                timer.close()
        return max(0, int(events)) & wants

    def close(self) -> None:
        """Close it, and wake a greenlet that waits on it with an OperationalError."""
        watchers, self._watchers = self._watchers, None
        for watcher in (watchers or {}).values():
            get_hub().cancel_wait(watcher, psycopg.OperationalError("the connection was closed"), True)
        super().close()


def _now(fileno: int, wants: int) -> int:
    poll = _poll()
    poll.register(fileno, (select.POLLIN if wants & _READ else 0) | (select.POLLOUT if wants & _WRITE else 0))
    ready = 0
    for _, events in poll.poll(0):
        if events & ~select.POLLOUT:  # input, or hung up: reading shows which
            ready |= _READ
        if events & select.POLLOUT:
            ready |= _WRITE
    return ready & wants or ready & _READ
