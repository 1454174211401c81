"""``queueapi bench``: what this database and this machine can do, in half a minute."""

from __future__ import annotations

import argparse
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from queueapi.cli import terminal
from queueapi.cli.words import Commands, number, runtime, session, taught
from queueapi.errors import QueueAPIError
from queueapi.queues import Queue
from queueapi.runtime import Runtime
from queueapi.served import SCRATCH
from queueapi.tables import Table

_CHUNK: Final = 1000
_SINGLE: Final = 500
# Jobs that are pushed one by one, each when the result of the last is there: the worker sleeps in between.
_ANSWERED: Final = 100
# Seconds for one of them, and for a worker to start.
_PATIENCE: Final = 30.0


def add(commands: Commands) -> None:
    """Add the command to the others."""
    bench = commands.add_parser("bench", help="measure how fast this database takes and gives out jobs")
    taught(
        bench,
        "Push jobs that do nothing to a queue of its own, have workers of its own run them, and say how "
        "fast that went, and how fast one job after the other comes back with its result. Nobody else's workers "
        "take these jobs, its workers take no other jobs, and nothing "
        "is left behind. It does put load on the server.",
        "  queueapi bench                10,000 jobs, a process\n  queueapi bench -n 100000 -p 2",
    )
    bench.add_argument("-n", type=number, default=10_000, metavar="N", help="how many jobs (default: 10,000)")
    bench.add_argument("-p", "--processes", type=number, default=1, metavar="N", help="worker processes (default: 1)")
    bench.set_defaults(run=_bench)


def _bench(arguments: argparse.Namespace) -> int:
    from queueapi.postgres.yardstick import Yardstick

    name = f"{SCRATCH}{secrets.token_hex(4)}"
    ids: list[int] = []
    with runtime() as made, session("bench") as own:
        yardstick = Yardstick(own, name)
        try:
            rows = _pushed(made, name, arguments.n, ids)
            _drain(name, arguments.n, arguments.processes)
            done, seconds = yardstick.time(ids)
            answered = _answered(made, name, ids)
        finally:
            yardstick.forget(ids)
    if done != arguments.n:
        raise QueueAPIError(f"only {done:,} of {arguments.n:,} jobs were run: look at what the workers said above")
    rows.append(_row(f"run by {arguments.processes} × 20 slots", done, seconds))
    rows.append(_row("one after the other, each with its result", _ANSWERED, answered))
    terminal.show(Table(["", "jobs", "seconds", "a second"], rows, ""))
    return 0


def _pushed(made: Runtime, name: str, count: int, ids: list[int]) -> list[list[str]]:
    from queueapi.cli.benchjob import Nothing

    queue = Queue(lambda: made)[name]
    single = min(_SINGLE, count)
    with terminal.counting("pushing", count) as note:
        began = time.perf_counter()
        for n in range(single):
            ids.append(queue.push(Nothing(n)).id)
            note(1)
        middle = time.perf_counter()
        for start in range(single, count, _CHUNK):
            jobs = [Nothing(n) for n in range(start, min(start + _CHUNK, count))]
            ids += [handle.id for handle in queue.push_all(jobs)]
            note(len(jobs))
        ended = time.perf_counter()
    rows = [_row("pushed one by one", single, middle - began)]
    return rows if count == single else [*rows, _row("pushed by the thousand", count - single, ended - middle)]


def _drain(name: str, count: int, processes: int) -> None:
    with terminal.counting(f"running {count:,}"), _worker(name, "-p", str(processes), "--burst") as worker:
        _, said = worker.communicate()
    if worker.returncode:
        print(said, end="", file=sys.stderr)


def _answered(made: Runtime, name: str, ids: list[int]) -> float:
    """Seconds for so many, with a worker that is there and sleeps."""
    from queueapi.cli.benchjob import Nothing

    queue = Queue(lambda: made)[name]

    def ask(n: int) -> None:
        handle = queue.push(Nothing(n))
        ids.append(handle.id)
        handle.wait(_PATIENCE)

    with terminal.counting("waiting for each", _ANSWERED) as note, _worker(name):
        ask(0)  # until then it starts
        began = time.perf_counter()
        for n in range(_ANSWERED):
            ask(n)
            note(1)
        return time.perf_counter() - began


@contextmanager
def _worker(name: str, *more: str) -> Iterator[subprocess.Popen[str]]:
    words = ["queueapi.cli.benchjob", "-q", name, "-c", "20", *more]
    code = "import sys; from queueapi.cli import work; sys.exit(work())"
    # What the environment says of the user's own workers is not meant for these.
    environment = {name: value for name, value in os.environ.items() if name not in _NOT_OURS}
    worker = subprocess.Popen(  # noqa: S603
        [sys.executable, "-c", code, *words], env=environment, stderr=subprocess.PIPE, text=True
    )
    try:
        yield worker
    finally:
        if worker.poll() is None:
            worker.terminate()
            worker.communicate()


_NOT_OURS: Final = ("QUEUES", "QUEUE", "VERBOSE", "QUEUEAPI_MAX_JOBS", "QUEUEAPI_MAX_MEMORY", "QUEUEAPI_LOG_FORMAT")


def _row(what: str, count: int, seconds: float | None) -> list[str]:
    seconds = max(seconds or 0.0, 0.001)
    return [what, f"{count:,}", f"{seconds:.2f}", f"{count / seconds:,.0f}"]
