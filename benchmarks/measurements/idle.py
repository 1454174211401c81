"""What is used while nothing happens: by a worker that sleeps, and by a server that holds ten thousand polls."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import sql

import queueapi
from benchmarks import machine
from benchmarks.bench import Bench
from benchmarks.figures import Target
from benchmarks.goals import Goal, alone
from benchmarks.parts import Column, Contender, Part
from benchmarks.peers.installed import Installed
from benchmarks.peers.longpoll import LongPoll
from benchmarks.peers.ours import Ours
from benchmarks.peers.pushing import serving

# Seconds until a worker that has nothing to do is asleep, and a server has read all that its first polls asked for.
_SETTLE = 3.0
# A poll's wait: ten thousand polls of 25 s are 400 re-polls a second.
_WAIT = 25.0
_STATEMENT = re.compile(rb"LOG:  (?:statement|execute [^:]+):")


@contextmanager
def _open(bench: Bench) -> Iterator[list[Contender]]:
    installed = Installed(bench, Ours(keep=True), queueapi.__version__, "idle")
    with psycopg.connect(installed.url, autocommit=True) as connection:  # what follows is counted in the server's log
        name = sql.Identifier(connection.info.dbname)
        connection.execute(sql.SQL("alter database {} set log_statement = 'all'").format(name))
    seconds, polls = bench.pick(3, 30), bench.pick(1_000, 10_000)
    server = LongPoll(1, "native", installed.url)

    def worker() -> dict[str, float]:
        with installed.working(1) as (process,):
            return _used(bench, process.pid, seconds)

    def held() -> dict[str, float]:
        pages = [[f"page-{number}"] for number in range(polls)]
        with serving(bench, server) as running, running.clients(bench, pages, wait=_WAIT):
            return _used(bench, running.process.pid, seconds)

    polling = f"{server.command()}; {polls:,} polls held, {polls / _WAIT:.0f} re-polls a second"
    yield [
        Contender("worker, 20 slots", worker, installed.version, f"{installed.command(1)}; {seconds} s", True),
        Contender("longpoll, 10,000 polls", held, installed.version, f"{polling}; {seconds} s", True),
    ]


def _used(bench: Bench, pid: int, seconds: float) -> dict[str, float]:
    time.sleep(_SETTLE)
    before, offset, start = machine.seconds_used(pid), bench.log.stat().st_size, time.monotonic()
    time.sleep(seconds)
    took = time.monotonic() - start
    used = machine.seconds_used(pid) - before
    with bench.log.open("rb") as log:
        log.seek(offset)
        statements = sum(1 for line in log if _STATEMENT.search(line))
    return {"core": 100 * used / took, "statements": statements / took}


def _goal(contender: str, what: str, figure: str, target: float, unit: str) -> Goal:
    shown = "of a core" if figure == "core" else "statements"
    reading = alone(contender, figure)
    return Goal(f"{what}, {shown}", "a figure by itself", Target(target, at_least=False), reading, unit)


PART = Part(
    name="idle",
    title="While nothing happens",
    about="""\
Processor time of all its processes, by the kernel's count, and the statements that the server logs: of a worker that
sleeps, its supervisor included; and of a longpoll-serve of one process with 10,000 polls held and nothing to say, each
of which comes again every 25 s, 400 a second. Statements of what is done now and then are in the average.""",
    columns=(Column("core", "of a core", "%", "less"), Column("statements", "statements a second", "/s", "less")),
    open=_open,
    goals=(
        _goal("worker, 20 slots", "an idle worker", "core", 1, "%"),
        _goal("worker, 20 slots", "an idle worker", "statements", 2, "/s"),
        _goal("longpoll, 10,000 polls", "longpoll with 10,000 polls and nothing to say", "core", 10, "%"),
        _goal("longpoll, 10,000 polls", "longpoll with 10,000 polls and nothing to say", "statements", 5, "/s"),
    ),
)
