"""The loop, written once: a tick does the work and returns how long to wait until the next.

Sleeping, being woken and being stopped are one mechanism, so whoever waits can always be told. Plain
``threading``: in a patched process the thread is a greenlet.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable

from queueapi.errors import StoreUnavailable
from queueapi.events import Events


class Loop:
    """1. runs ``tick`` in a thread of its own; 2. waits as long as it says, or until woken; 3. stops when told;
    4. outlives a database that is away: one event when it goes, one when it is back, growing waits between.

    Args:
        name: what logs and thread lists call it.
        tick: returns the seconds to wait; 0 runs it again at once.
        events: told ``store_lost`` and ``store_back``.
    """

    def __init__(self, name: str, tick: Callable[[], float], events: Events) -> None:
        self.name = name
        self._tick = tick
        self._events = events
        self._awake = threading.Event()
        self._stopping = False
        self._away = 0  # failed ticks in a row
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Start ticking. Once."""
        self._thread.start()

    def wake(self) -> None:
        """End the present wait, or skip the next: a wake is never lost, and many are one."""
        self._awake.set()

    def stop(self, timeout: float | None = None) -> bool:
        """Ask it to end after the present tick and wait for that. True if it has ended."""
        self._stopping = True
        self._awake.set()
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join(timeout)
        return not self._thread.is_alive()

    @property
    def stopping(self) -> bool:
        """Whether :meth:`stop` was called; a tick that runs long looks here."""
        return self._stopping

    def _run(self) -> None:
        while not self._stopping:
            wait = self._guarded_tick()
            if wait > 0:
                self._awake.wait(wait)
            self._awake.clear()

    def _guarded_tick(self) -> float:
        try:
            wait = self._tick()
        except StoreUnavailable as error:
            if not self._away:
                self._events.emit("store_lost", who=self.name, error=error)
            self._away += 1
            # From 0.1 s, doubling to 2 s: PostgreSQL restarts in under a second, and must not be met by a herd.
            return min(2.0, 0.1 * 2.0 ** min(self._away, 6)) * random.uniform(0.5, 1.0)  # noqa: S311
        except Exception as error:
            self._events.emit("loop_failed", who=self.name, error=error)
            return 1.0
        if self._away:
            self._events.emit("store_back", who=self.name, tries=self._away)
            self._away = 0
        return wait
