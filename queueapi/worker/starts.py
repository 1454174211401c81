"""When another worker process is to be started."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

# A process that dies before it has worked for so long died young. The first is replaced at once, as everything that
# can happen once; those that follow later and later, up to the second figure.
YOUNG, LONGEST_DELAY = 2.0, 30.0


class Starts:
    """The starts that are to come.

    Args:
        clock: in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock: Final = clock
        self._at: list[float] = []
        self._young_deaths = 0  # in a row

    def __bool__(self) -> bool:
        return bool(self._at)

    @property
    def soonest(self) -> float:
        """When the first is due; infinity if there is none."""
        return min(self._at, default=float("inf"))

    def add(self, count: int = 1, delay: float = 0.0) -> None:
        """So many more, after so many seconds."""
        self._at += [self._clock() + delay] * count

    def due(self) -> int:
        """How many are due, which are not to come any more."""
        now, before = self._clock(), len(self._at)
        self._at = [at for at in self._at if at > now]
        return before - len(self._at)

    def replace(self, worked_since: float | None) -> float:
        """One for a process that has died. In how many seconds it is.

        Args:
            worked_since: None if it never did.
        """
        young = worked_since is None or self._clock() - worked_since < YOUNG
        self._young_deaths = self._young_deaths + 1 if young else 0
        delay = min(LONGEST_DELAY, 2.0 ** (self._young_deaths - 2)) if self._young_deaths > 1 else 0.0
        self.add(delay=delay)
        return delay

    def hurry(self) -> None:
        """What killed the young ones may be gone: all are due now."""
        self._young_deaths = 0
        self._at = [self._clock()] * len(self._at)

    def clear(self) -> None:
        """None is to come."""
        self._at.clear()
