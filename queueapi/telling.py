"""How a job that runs in this process hears what a worker raises in its jobs at any switch: at its progress calls."""

from __future__ import annotations

import time

from queueapi.claims import Claimed
from queueapi.interrupts import Cancelled, HardTimeout, SoftTimeout
from queueapi.reporting import Reporter
from queueapi.rows import Row


class Teller(Reporter):
    """Notes how far the job is, and raises in it, once each, that it is cancelled or over its time.

    No process is ended for a hard timeout here: it would be that of a test, or of a web server.
    """

    def __init__(self, row: Row, claimed: Claimed) -> None:
        super().__init__(lambda _: None, self._told)
        self._row = row
        self._claimed = claimed
        self._began = time.monotonic()
        options = claimed.more().options
        self._soft: float | None = options.get("timeout")
        self._hard: float | None = options.get("hard_timeout")

    def _told(self, _: Reporter) -> None:
        self._row.report(self)
        if self._row.cancelled and not self.cancelled:
            self.cancelled = True
            raise Cancelled(self._claimed)
        ran = time.monotonic() - self._began
        if self._hard is not None and ran > self._hard:
            self._hard = None
            raise HardTimeout(self._claimed)
        if self._soft is not None and ran > self._soft:
            seconds, self._soft = self._soft, None
            raise SoftTimeout(seconds)
