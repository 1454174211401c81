"""The jobs that the benchmarks push. ``queueapi-work benchmarks.workload`` runs them."""

from __future__ import annotations

import time

from benchmarks.peers.script import stamp
from queueapi import Job


class Noop(Job, kind="noop"):
    """Nothing: what is left is the queue itself."""

    i: int

    def run(self) -> None:
        pass


class Wait(Job, kind="wait"):
    """Waits as for I/O, a millisecond."""

    i: int

    def run(self) -> None:
        time.sleep(0.001)


class Stamp(Job, kind="stamp"):
    """Writes down when it ran."""

    i: int

    def run(self) -> None:
        stamp(self.i)


class Linger(Job, kind="linger"):
    """Runs until a browser certainly waits for it, and writes down when it ended."""

    i: int

    def run(self) -> None:
        time.sleep(0.05)
        stamp(self.i)
