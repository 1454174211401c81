"""The jobs that the benchmarks push. ``queueapi-work benchmarks.workload`` runs them."""

from __future__ import annotations

import os
import time

from queueapi import Job


class Noop(Job, kind="noop"):
    """Nothing: what is left is the queue itself."""

    i: int

    def run(self) -> None:
        pass


class Stamp(Job, kind="stamp"):
    """Writes the monotonic time, which all processes share, into the pipe that BENCH_PIPE names."""

    i: int

    def run(self) -> None:
        now = time.monotonic_ns()
        os.write(_pipe(), f"{self.i} {now}\n".encode())


_opened: list[int] = []


def _pipe() -> int:
    if not _opened:
        _opened.append(os.open(os.environ["BENCH_PIPE"], os.O_WRONLY))
    return _opened[0]
