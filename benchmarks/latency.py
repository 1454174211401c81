"""How long a job waits when nobody else does: from before ``push()`` to the first line of ``run()``, worker idle.

Includes the INSERT and its commit. Both ends read the monotonic clock, which all processes of a machine share.
"""

from __future__ import annotations

import os
import random
import select
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import queueapi
from benchmarks.bench import Bench
from benchmarks.errors import BenchmarkError
from benchmarks.figures import Figure, Target, percentile
from benchmarks.peers.ours import migrated, start_worker
from benchmarks.workload import Stamp

TITLE = "push to run(), worker idle"
_WARM_UP = 20
_PATIENCE = 10.0


def measure(bench: Bench) -> list[Figure]:
    """p50, p99 and the longest of single pushes, at two paces."""
    pushes = 150 if bench.quick else 1000
    dsn = bench.database("latency")
    migrated(dsn)
    queue = queueapi.connect(dsn)
    figures: list[Figure] = []
    with _pipe(bench.home / "latency.pipe") as (path, pipe):
        worker = start_worker(bench, dsn, 1, 20, BENCH_PIPE=str(path))
        try:
            for pace, least, most in (("50 a second", 0.020, 0.020), ("now and then", 0.05, 0.25)):
                bench.say(f"latency: {pace}")
                count = pushes if pace == "50 a second" else pushes // 5
                for _ in range(_WARM_UP):
                    _wait(queue, pipe)
                waits = [_wait(queue, pipe, random.uniform(least, most)) for _ in range(count)]
                figures += _figures(pace, waits)
        finally:
            worker.stop()
    return figures


def _wait(queue: queueapi.Queue, pipe: int, pause: float = 0.02) -> float:
    """Push one job, and the milliseconds until it ran."""
    time.sleep(pause)
    start = time.monotonic_ns()
    queue.push(Stamp(1))
    if not select.select([pipe], [], [], _PATIENCE)[0]:
        raise BenchmarkError(f"a job did not run in {_PATIENCE:.0f} s: the worker's output is in .bench/logs")
    _, ran = os.read(pipe, 100).split()
    return (int(ran) - start) / 1e6


def _figures(pace: str, waits: list[float]) -> list[Figure]:
    return [
        Figure(TITLE, f"p50, {pace}", percentile(waits, 50), "ms", target=Target(2.0, at_least=False)),
        Figure(TITLE, f"p99, {pace}", percentile(waits, 99), "ms"),
        Figure(TITLE, f"longest of {len(waits)}, {pace}", max(waits), "ms"),
    ]


@contextmanager
def _pipe(path: Path) -> Iterator[tuple[Path, int]]:
    path.unlink(missing_ok=True)
    os.mkfifo(path)
    pipe = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        yield path, pipe
    finally:
        os.close(pipe)
        path.unlink()
