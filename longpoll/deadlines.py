"""Until when each waiter waits. Kept in steps of a quarter of a second: adding and removing are one set operation."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from longpoll.waiter import Waiter

# Deadlines are met to this many seconds.
STEP: Final = 0.25
# A wait is varied by this much either way, so that the polls which a restart brought together drift apart. Not 10 %,
# which is what we promise of 25 s: a deadline is met up to two steps late.
JITTER: Final = 0.08


class Deadlines:
    """Part of the hub, and guarded by its lock."""

    def __init__(self) -> None:
        self._steps: dict[int, set[Waiter]] = {}

    def __iter__(self) -> Iterator[Waiter]:
        return (waiter for step in list(self._steps.values()) for waiter in list(step))

    def __len__(self) -> int:
        return sum(map(len, self._steps.values()))

    def __contains__(self, waiter: Waiter) -> bool:
        return waiter in self._steps.get(waiter.step, ())

    def add(self, waiter: Waiter, seconds: float) -> None:
        """It is late in so many seconds."""
        waiter.step = int((time.monotonic() + seconds) / STEP) + 1
        self._steps.setdefault(waiter.step, set()).add(waiter)

    def discard(self, waiter: Waiter) -> None:
        """It waits no more; twice is harmless."""
        step = self._steps.get(waiter.step)
        if step is not None:
            step.discard(waiter)
            if not step:
                del self._steps[waiter.step]

    def late(self) -> list[Waiter]:
        """Whose time is over."""
        now = int(time.monotonic() / STEP)
        return [waiter for step in list(self._steps) if step <= now for waiter in self._steps[step]]


def varied(seconds: float) -> float:
    """A little more, or less."""
    return seconds * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311
