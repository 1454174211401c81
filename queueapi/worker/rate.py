"""How fast jobs end, by which the consumer fetches ahead."""

from __future__ import annotations

import time


class Rate:
    """How many jobs end in a second, over the last few tenths."""

    def __init__(self) -> None:
        self._count = 0
        self._per_second = 0.0
        self._since = time.monotonic()

    def note(self) -> None:
        """One has ended."""
        self._count += 1

    def expected(self, seconds: float) -> int:
        """How many will end in that time, if it goes on so."""
        now = time.monotonic()
        if now - self._since >= 0.01:
            newest = self._count / (now - self._since)
            # Halfway to the newest each time: follows a burst in a few claims, and one slow job does not stop it.
            self._per_second += (newest - self._per_second) / 2
            self._count, self._since = 0, now
        return int(self._per_second * seconds)
