"""What an old transaction does to the queue: it keeps every row that is deleted meanwhile in its place."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from uuid import uuid4

import psycopg

import queueapi
from benchmarks.bench import Bench
from benchmarks.figures import Target, percentile
from benchmarks.goals import Goal, beside
from benchmarks.parts import Column, Contender, Part
from benchmarks.peers.installed import Installed
from benchmarks.peers.ours import Ours
from queueapi.postgres.connection import connect
from queueapi.postgres.sessions import Dedicated
from queueapi.postgres.store import Store

RATE = 500
_PROBE = 0.1  # seconds between claims that are timed


@contextmanager
def _open(bench: Bench) -> Iterator[list[Contender]]:
    yield [_contender(bench, "without", False), _contender(bench, "with an old transaction", True)]


def _contender(bench: Bench, name: str, pinned: bool) -> Contender:
    seconds = bench.pick(4, 600)

    def run() -> dict[str, float]:
        installed = Installed(bench, Ours(keep=True), queueapi.__version__, f"xmin_{pinned}")
        with pinning(installed.url) if pinned else nullcontext(), installed.working(1), Probe(installed.url) as probe:
            start = time.monotonic()
            waits = installed.pace(RATE * seconds, RATE)
            took = time.monotonic() - start
        late, claims = waits[len(waits) // 2 :], probe.waits[len(probe.waits) // 2 :]
        return {"rate": len(waits) / took, "claim": percentile(claims, 99), "wait": percentile(late, 99)}

    command = f"{RATE} pushes a second for {seconds} s, one worker process of 20 slots"
    return Contender(name, run, queueapi.__version__, command, True)


@contextmanager
def pinning(dsn: str) -> Iterator[None]:
    """A transaction that has begun, and does nothing: its snapshot and its number are kept."""
    with psycopg.connect(dsn) as connection:
        connection.execute("set transaction isolation level repeatable read")
        connection.execute("select pg_current_xact_id()")
        yield
        connection.rollback()


class Probe(AbstractContextManager["Probe"]):
    """Claims a job now and then, as workers do, and returns it: how long that took, in ms."""

    def __init__(self, dsn: str) -> None:
        self._session = Dedicated(lambda: connect(dsn, "bench", 60))
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.waits: list[float] = []

    def __enter__(self) -> Probe:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self._session.close()

    def _run(self) -> None:
        store, worker, token = Store(self._session), uuid4(), 0
        while not self._over.wait(_PROBE):
            token += 1
            start = time.perf_counter()
            claimed = store.claim(["default"], 1, token, worker, 30.0)
            self.waits.append((time.perf_counter() - start) * 1000)
            if claimed:
                store.return_claims(worker, [token])


PART = Part(
    name="xmin",
    title="An old transaction that pins xmin",
    about="""\
500 pushes a second for ten minutes, with a worker that runs them: without, and with a transaction that has begun before
and stays open. It keeps every row version that goes meanwhile, 600,000 of them at the end, and a claim may have to step
over them. Claims are timed by another connection, ten a second, in the second half of the time; so is the time from
push to run. By itself a round takes twenty minutes, so there is one, unless more are asked for.""",
    columns=(
        Column("claim", "a claim, p99", "ms", "less"),
        Column("rate", "jobs a second", "/s", "more"),
        Column("wait", "push to run(), p99", "ms", "less"),
    ),
    open=_open,
    goals=(
        Goal(
            "throughput with an old transaction, at 500 jobs a second", "without it", Target(0.9),
            beside("with an old transaction", "without", "rate"),
        ),
        Goal(
            "a claim's p99 with an old transaction", "without it", Target(3, at_least=False),
            beside("with an old transaction", "without", "claim"),
        ),
    ),
    full=1,
)  # fmt: skip
