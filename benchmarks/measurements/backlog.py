"""What a claim costs with a million jobs in the table that wait, are scheduled, or are held back."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import psycopg

import queueapi
from benchmarks.bench import Bench
from benchmarks.errors import BenchmarkError
from benchmarks.figures import Target, percentile
from benchmarks.goals import Goal, beside
from benchmarks.parts import Column, Contender, Part
from benchmarks.peers.longpoll import database
from queueapi.postgres.connection import connect
from queueapi.postgres.sessions import Dedicated
from queueapi.postgres.store import Store

_FEW = 10_000
_ROOM, _CLAIMS = 50, 60
_WAITING = (
    "insert into queueapi.jobs (queue, kind, args) select 'default', 'noop', '{{}}' from generate_series(1, {}) n"
)
_BESIDE = {
    "waiting": _WAITING,
    "scheduled": """
        insert into queueapi.jobs (state, run_at, queue, kind)
        select 'scheduled', now() + interval '1 year' + n * interval '1 ms', 'default', 'noop'
        from generate_series(1, {}) n""",
    "held back": """
        insert into queueapi.jobs (state, queue, kind, blocked_by, limit_keys)
        select 'blocked', 'default', 'noop', 'limit:key', array['key'] from generate_series(1, {}) n""",
}


@contextmanager
def _open(bench: Bench) -> Iterator[list[Contender]]:
    million, held = bench.pick(50_000, 1_000_000), bench.pick(10_000, 100_000)
    yield [
        _contender(bench, "few", "", 0),
        _contender(bench, "many waiting", "waiting", million),
        _contender(bench, "many scheduled", "scheduled", million),
        _contender(bench, "many held back", "held back", held),
    ]


def _contender(bench: Bench, name: str, beside: str, count: int) -> Contender:
    bench.say(f"loading a database: {name}")
    dsn = database(bench, f"backlog {name}")
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(_WAITING.format(_FEW).encode())
        if beside:
            connection.execute(_BESIDE[beside].format(count).encode())
        connection.execute("vacuum (analyze) queueapi.jobs")
        connection.execute("checkpoint")
    many = f", and {count:,} {beside}" if beside else ""
    command = f"{_CLAIMS} claims of {_ROOM}, {_FEW:,} waiting{many}"
    return Contender(name, lambda: claims(dsn), queueapi.__version__, command, True)


def claims(dsn: str) -> dict[str, float]:
    """What claims take, in ms; then all is as it was."""
    session = Dedicated(lambda: connect(dsn, "bench", 60))
    store, worker = Store(session), uuid4()
    waits, tokens = [], []
    try:
        for number in range(_CLAIMS + 5):
            tokens.append(number + 1)
            start = time.perf_counter()
            claimed = store.claim(["default"], _ROOM, tokens[-1], worker, 30.0)
            waits.append((time.perf_counter() - start) * 1000)
            if len(claimed) != _ROOM:
                raise BenchmarkError(f"a claim got {len(claimed)} jobs of {_ROOM}")
        store.return_claims(worker, tokens)
    finally:
        session.close()
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("vacuum queueapi.jobs")
    return {"p50": percentile(waits[5:], 50), "p99": percentile(waits[5:], 99)}


def _goal(name: str, what: str) -> Goal:
    return Goal(f"a claim with {what}", "with 10,000 waiting", Target(1.2, at_least=False), beside(name, "few", "p50"))


PART = Part(
    name="backlog",
    title="A claim with a million jobs in the table",
    about="""\
The statement that workers claim with, on a connection set up as theirs is, 50 jobs at a time: beside 10,000 jobs that
wait, and with 1,000,000 more that wait, or 1,000,000 that are scheduled, or 100,000 that a limit holds back.""",
    columns=(Column("p50", "a claim, p50", "ms", "less"), Column("p99", "a claim, p99", "ms", "less")),
    open=_open,
    goals=(
        _goal("many waiting", "1,000,000 waiting"),
        _goal("many scheduled", "1,000,000 scheduled"),
        _goal("many held back", "100,000 held back by limits"),
    ),
)
