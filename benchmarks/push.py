"""What a push costs beside a plain INSERT of the same row: many threads, each with a connection, both in turn.

Once without any worker; once with one asleep, which is what the look at the sleepers' table is for (the quick form
does this alone); once with one that works off what is pushed. Each from one process, where Python's lock is the limit
of both, and from four, where it is the database.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from benchmarks.bench import Bench
from benchmarks.figures import Figure, Target
from benchmarks.peers.ours import migrated, start_worker

THREADS = 32
TITLE = f"push from {THREADS} threads"
# Python's start, the connections and their first statements.
_WARM_UP = 2.0
# What the worker does, the queue that it serves, and what a push should be beside an INSERT then.
_WORKERS: tuple[tuple[str, str, Target | None], ...] = (
    ("no worker", "", Target(0.9)),
    ("a worker asleep", "another", Target(0.9)),
    ("a worker at work", "default", None),
)


def measure(bench: Bench) -> list[Figure]:
    """For every case, ours, the INSERT, and the ratio of their medians."""
    seconds, rounds = (1.0, 3) if bench.quick else (4.0, 5)
    dsn = bench.database("push")
    migrated(dsn)
    figures: list[Figure] = []
    for label, queue, target in _WORKERS[1:2] if bench.quick else _WORKERS:
        with _worker(bench, dsn, queue):
            for processes in (1, 4):
                where = f"{label}, {processes} process{'es' if processes > 1 else ''}"
                rates = _rounds(bench, dsn, where, processes, seconds, rounds)
                figures += _figures(where, rates, target)
    return figures


@contextmanager
def _worker(bench: Bench, dsn: str, queue: str) -> Iterator[None]:
    worker = start_worker(bench, dsn, 1, 20, QUEUES=queue) if queue else None
    try:
        yield
    finally:
        if worker:
            worker.stop()


def _rounds(bench: Bench, dsn: str, where: str, processes: int, seconds: float, rounds: int) -> dict[str, list[float]]:
    rates: dict[str, list[float]] = {"push": [], "insert": []}
    for number in range(1, rounds + 1):
        for how, seen in rates.items():
            bench.say(f"push: {where}, {how}, round {number} of {rounds}")
            seen.append(_rate(bench, dsn, how, processes, seconds))
            with psycopg.connect(dsn, autocommit=True) as connection:
                connection.execute("truncate queueapi.jobs")
    return rates


def _figures(where: str, rates: dict[str, list[float]], target: Target | None) -> list[Figure]:
    ours, plain = (statistics.median(seen) for seen in rates.values())
    return [
        Figure(TITLE, f"queue.push, {where}", ours, "/s", tuple(rates["push"])),
        Figure(TITLE, f"plain INSERT, {where}", plain, "/s", tuple(rates["insert"]), ours=False),
        Figure(TITLE, f"push ÷ INSERT, {where}", ours / plain, "×", target=target),
    ]


def _rate(bench: Bench, dsn: str, how: str, processes: int, seconds: float) -> float:
    begin = time.monotonic() + _WARM_UP
    options = ["--threads", str(THREADS // processes), "--begin", str(begin), "--end", str(begin + seconds)]
    started = [
        bench.processes.start(f"pusher-{number}", [sys.executable, "-m", "benchmarks.pusher", how, dsn, *options])
        for number in range(processes)
    ]
    try:
        return sum(int(pusher.await_line("pushed").split()[1]) for pusher in started) / seconds
    finally:
        for pusher in started:
            pusher.stop()
