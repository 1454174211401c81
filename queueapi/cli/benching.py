"""``queueapi bench``: what this database and this machine can do, in half a minute."""

from __future__ import annotations

import argparse
import os
import secrets
import subprocess
import sys
import time
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


def add(commands: Commands) -> None:
    """Add the command to the others."""
    bench = commands.add_parser("bench", help="measure how fast this database takes and gives out jobs")
    taught(
        bench,
        "Push jobs that do nothing to a queue of its own, have workers of its own run them, and say how "
        "fast that went. Nobody else's workers take these jobs, its workers take no other jobs, and nothing "
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
        finally:
            yardstick.forget(ids)
    if done != len(ids):
        raise QueueAPIError(f"only {done:,} of {len(ids):,} jobs were run: look at what the workers said above")
    rows.append(_row(f"run by {arguments.processes} × 20 slots", done, seconds))
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
    words = ["queueapi.cli.benchjob", "-q", name, "-p", str(processes), "-c", "20", "--burst"]
    code = "import sys; from queueapi.cli import work; sys.exit(work())"
    # What the environment says of the user's own workers is not meant for these.
    environment = {name: value for name, value in os.environ.items() if name not in _NOT_OURS}
    with terminal.counting(f"running {count:,}"):
        done = subprocess.run(  # noqa: S603
            [sys.executable, "-c", code, *words], env=environment, capture_output=True, text=True, check=False
        )
    if done.returncode:
        print(done.stderr, end="", file=sys.stderr)


_NOT_OURS: Final = ("QUEUES", "QUEUE", "VERBOSE", "QUEUEAPI_MAX_JOBS", "QUEUEAPI_MAX_MEMORY", "QUEUEAPI_LOG_FORMAT")


def _row(what: str, count: int, seconds: float | None) -> list[str]:
    seconds = max(seconds or 0.0, 0.001)
    return [what, f"{count:,}", f"{seconds:.2f}", f"{count / seconds:,.0f}"]
