"""What ``import queueapi`` costs a web process."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import queueapi
from benchmarks.bench import Bench
from benchmarks.figures import Target
from benchmarks.goals import Goal, alone
from benchmarks.parts import Column, Contender, Part
from benchmarks.peers.peer import PythonPeer, peers

# The names that a web process uses; and what it takes until a job is defined and the first can be pushed.
_OURS = "import queueapi; queueapi.Job; queueapi.queue; queueapi.queue['mail']"
_READY = "import queueapi, queueapi.pushing; queueapi.job(lambda user_id: None)"
_OTHERS = {"Procrastinate": "procrastinate", "Celery, gevent": "celery", "Dramatiq": "dramatiq", "RQ": "rq"}
_CODE = """
import sys, time
start = time.perf_counter()
{}
took = time.perf_counter() - start
drivers = {{"psycopg", "psycopg2", "asyncpg", "redis", "gevent"}}
print(took * 1000, len(drivers & {{name.partition(".")[0] for name in sys.modules}}))
"""


@contextmanager
def _open(bench: Bench) -> Iterator[list[Contender]]:
    found = [
        _contender("queueapi", sys.executable, _OURS, queueapi.__version__, True),
        _contender("queueapi, ready to push", sys.executable, _READY, queueapi.__version__, True),
    ]
    for peer in [] if bench.quick else peers():
        if peer.name in _OTHERS and isinstance(peer, PythonPeer):
            version = bench.attempt(peer.name, partial(peer.install, bench))
            if version is not None:
                found.append(_contender(peer.name, peer.script("python"), f"import {_OTHERS[peer.name]}", version))
    yield found


def _contender(name: str, python: str, code: str, version: str, ours: bool = False) -> Contender:
    def run() -> dict[str, float]:
        said = [_output(python, code) for _ in range(11)]
        return {"time": statistics.median(time for time, _ in said[1:]), "drivers": said[0][1]}

    return Contender(name, run, version, f'python -c "{code}"', ours)


def _output(python: str, code: str) -> tuple[float, float]:
    environ = {**os.environ, "PYTHONDONTWRITEBYTECODE": ""}  # compiled once, as what is installed is
    told = subprocess.run([python, "-c", _CODE.format(code)], check=True, capture_output=True, text=True, env=environ)
    time, drivers = told.stdout.split()
    return float(time), float(drivers)


PART = Part(
    name="imports",
    title="Import in a web process",
    about="""\
In a new interpreter, files in the disk's cache: the median of ten, in each round. And how many drivers and patching
libraries (psycopg, asyncpg, redis, gevent) are loaded by then. The second row is a process in which a job has been
defined and the first can be pushed: all but the driver.""",
    columns=(Column("time", "import", "ms", "less"), Column("drivers", "drivers loaded", "", "less")),
    open=_open,
    goals=(
        Goal("`import queueapi`", "a figure by itself", Target(40, at_least=False), alone("queueapi", "time"), "ms"),
        Goal("drivers that it loads", "none", Target(0, at_least=False), alone("queueapi", "drivers"), "drivers"),
    ),
)
