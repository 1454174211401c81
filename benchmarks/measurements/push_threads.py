"""What a push costs beside a plain INSERT of the same row: many threads, each with a connection, both in turn."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from benchmarks.bench import Bench
from benchmarks.figures import Target
from benchmarks.goals import Goal, beside
from benchmarks.parts import Column, Contender, Part
from benchmarks.peers.installed import Installed
from benchmarks.peers.ours import Ours

THREADS = 32
# Python's start, the connections and their first statements.
_WARM_UP = 2.5
# What the worker does, and the queue that it serves.
_WORKERS = {"a worker asleep": "another", "a worker at work": "default"}
_HOW = {"push": "queue.push", "insert": "plain INSERT"}


@contextmanager
def _open(bench: Bench) -> Iterator[list[Contender]]:
    import queueapi

    seconds = bench.pick(1, 4)
    found = []
    for state, queue in _WORKERS.items():
        peer = Ours(keep=True)
        peer.variables = {"QUEUES": queue}
        installed = Installed(bench, peer, queueapi.__version__, f"push_{queue}")
        for processes in (1,) if bench.quick else (1, 4):
            found += [_contender(bench, installed, state, how, processes, seconds) for how in _HOW]
    yield found


def _contender(bench: Bench, installed: Installed, state: str, how: str, processes: int, seconds: float) -> Contender:
    def run() -> dict[str, float]:
        with installed.working(1):
            pushed = rate(bench, installed.url, how, THREADS, processes, seconds)
        installed.clear()
        return {"rate": pushed}

    version = installed.version if how == "push" else f"psycopg {psycopg.__version__}"
    command = f"python -m benchmarks.load.pusher {how} --threads {THREADS // processes} (× {processes})"
    return Contender(name(how, state, processes), run, version, command, how == "push")


def name(how: str, state: str, processes: int) -> str:
    """Of a contender."""
    return f"{_HOW[how]}, {state}, {processes} process{'es' if processes > 1 else ''}"


def rate(bench: Bench, dsn: str, how: str, threads: int, processes: int, seconds: float) -> float:
    """So many a second, of all threads together."""
    begin = time.monotonic() + _WARM_UP
    options = ["--threads", str(threads // processes), "--begin", str(begin), "--end", str(begin + seconds)]
    command = [sys.executable, "-m", "benchmarks.load.pusher", how, dsn, *options]
    started = [bench.processes.start(f"pusher-{number}", command) for number in range(processes)]
    try:
        return sum(int(pusher.await_line("pushed").split()[1]) for pusher in started) / seconds
    finally:
        for pusher in started:
            pusher.stop()


def _goal(state: str, processes: int) -> Goal:
    where = "one process" if processes == 1 else f"{processes} processes"
    return Goal(
        f"push from {THREADS} threads of {where}, {state}", "plain INSERT, the same otherwise", Target(0.9),
        beside(name("push", state, processes), name("insert", state, processes), "rate"),
    )  # fmt: skip


PART = Part(
    name="push_threads",
    title="Push from 32 threads at once",
    about="""\
`queue.push` against a plain psycopg `INSERT` of an equal row into the same table: prepared, autocommit, the id
returned, 32 threads with a connection each. In one process, where Python's lock limits both; and in four, where it is
the database. With a worker that is asleep, on another queue, which is when every push looks at the sleepers' table; and
with one that works off what is pushed, for both. All threads run before the counting begins and after it ends.""",
    columns=(Column("rate", "pushes a second", "/s", "more"),),
    open=_open,
    goals=tuple(_goal(state, processes) for state in _WORKERS for processes in (1, 4)),
)
