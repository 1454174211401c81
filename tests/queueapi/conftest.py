"""What the tests of the queue share: connections that are closed again, and a look past the house into the tables."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg import conninfo
from psycopg.sql import SQL, Identifier

from queueapi import MemoryQueue, Queue, Settings, SynchronousQueue, TestQueue
from queueapi.claims import Claimed
from queueapi.executor import Executor
from queueapi.kinds import kinds
from queueapi.postgres.sessions import Dedicated
from queueapi.postgres.store import Store
from queueapi.postgres.upkeep import Upkeep
from queueapi.runtime import Runtime
from queueapi.states import State

REPOSITORY = Path(__file__).parents[2]

Sql = Callable[..., list[tuple[Any, ...]]]

# What a test may leave behind for the next to find. A database of one's own takes 200 ms, an emptied one 5.
EMPTY = """
set lock_timeout = '5s';
select pg_terminate_backend(pid, 5000) from pg_stat_activity
where datname = current_database() and pid <> pg_backend_pid();
delete from queueapi.jobs; delete from queueapi.finished; delete from queueapi.messages; delete from queueapi.leases;
delete from queueapi.progress; delete from queueapi.watches; delete from queueapi.watchers;
delete from queueapi.batches; delete from queueapi.batch_ledger;
delete from queueapi.sleepers; delete from queueapi.workers; delete from queueapi.crons;
delete from queueapi.limits; delete from queueapi.holds; delete from queueapi.pauses;
delete from queueapi.windows; delete from queueapi.sessions; delete from queueapi.publications;
delete from queueapi.nodes; delete from queueapi.channels; delete from queueapi.subscriptions;
delete from queueapi.members; delete from queueapi.fallbacks
"""
# What it may not: then the database is thrown away.
SHAPE = """
select (select array_agg((oid, reloptions) order by oid) from pg_class where relnamespace = 'queueapi'::regnamespace),
       (select array_agg(oid order by oid) from pg_constraint where connamespace = 'queueapi'::regnamespace),
       (select array_agg((number, sha256) order by number) from queueapi.migrations),
       (select xid from queueapi.messages_floor), (select min(at) from queueapi.messages)
"""


class Databases:
    """Migrated databases, lent to one test at a time, and emptied between two."""

    def __init__(self, server_dsn: str, template: str) -> None:
        self._server_dsn = server_dsn
        self._template = template
        self._clean: list[tuple[str, object]] = []
        self._numbers = count(1)

    def lend(self) -> tuple[str, object]:
        if self._clean:
            return self._clean.pop()
        name = f"{self._template}_{next(self._numbers)}"
        self._run("create database {} template {}", name, self._template)
        with psycopg.connect(self.dsn(name)) as connection:
            return name, connection.execute(SHAPE.encode()).fetchone()

    def take_back(self, name: str, shape: object) -> None:
        try:
            with psycopg.connect(self.dsn(name), autocommit=True) as connection:
                connection.execute(EMPTY.encode())
                unchanged = connection.execute(SHAPE.encode()).fetchone() == shape
        except psycopg.Error:
            unchanged = False
        if unchanged:
            self._clean.append((name, shape))
        else:
            self._run("drop database {} with (force)", name)

    def dsn(self, name: str) -> str:
        return conninfo.make_conninfo(self._server_dsn, dbname=name)

    def drop(self) -> None:
        for name, _ in self._clean:
            self._run("drop database {} with (force)", name)

    def _run(self, statement: str, *names: str) -> None:
        with psycopg.connect(self._server_dsn, autocommit=True) as connection:
            connection.execute(SQL(statement).format(*map(Identifier, names)))


@pytest.fixture(scope="session")
def databases(server_dsn: str, template: str) -> Iterator[Databases]:
    """All databases of these tests."""
    databases = Databases(server_dsn, template)
    yield databases
    databases.drop()


@pytest.fixture
def dsn(databases: Databases) -> Iterator[str]:
    """A database with the schema in it and nothing else."""
    name, shape = databases.lend()
    yield databases.dsn(name)
    databases.take_back(name, shape)


@pytest.fixture
def store(session: Dedicated) -> Store:
    """The verbs of pushers and workers."""
    return Store(session)


@pytest.fixture
def upkeep(session: Dedicated) -> Upkeep:
    """The verbs of supervisors."""
    return Upkeep(session)


@pytest.fixture
def queue(runtime: Runtime) -> Queue:
    """The queue as a web process has it."""
    return Queue(lambda: runtime)


@pytest.fixture
def python() -> Callable[..., str]:
    """Run a program in a Python of its own, since gevent's patch and a fork are for a whole process; what it says.

    ``patched`` patches it by gevent before anything else. It fails the test if it fails, and warnings are errors.
    """

    def run(program: str, *words: str, patched: bool = False, timeout: float = 30.0) -> str:
        first = "from gevent import monkey; monkey.patch_all()\n" if patched else ""
        line = [sys.executable, "-W", "error", "-c", first + program, *words]
        done = subprocess.run(line, capture_output=True, text=True, cwd=REPOSITORY, timeout=timeout)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    return run


# A queue that is added is added here, and held to the contract.
OF_THIS_PROCESS: dict[str, Callable[[Settings], Queue]] = {
    "memory": MemoryQueue,
    "test": TestQueue,
    "synchronous": SynchronousQueue,
}


@pytest.fixture(params=["postgresql", *OF_THIS_PROCESS])
def any_queue(request: pytest.FixtureRequest) -> Queue:
    """Every queue there is."""
    return _queue(request)


@pytest.fixture(params=["postgresql", *(name for name in OF_THIS_PROCESS if name != "synchronous")])
def waiting_queue(request: pytest.FixtureRequest) -> Queue:
    """Every queue in which jobs wait."""
    return _queue(request)


def _queue(request: pytest.FixtureRequest) -> Queue:
    if request.param == "postgresql":
        queue: Queue = request.getfixturevalue("queue")
        return queue
    return OF_THIS_PROCESS[request.param](Settings(secrets=("s" * 32,), max_args=1000))


class Hands:
    """What runs the jobs of any queue, one at a time, when the test says so."""

    def __init__(self, queue: Queue) -> None:
        self._backend: Any = queue.backend()
        self._tokens = count(1)

    def take(self) -> Claimed:
        """Begin the next that is due."""
        if not isinstance(self._backend, Runtime):
            taken: Claimed = self._backend.take(None, timeout=0.0)
            return taken
        store = Store(self._backend.pool)
        with self._backend.pool.connection() as connection:
            names = [name for (name,) in connection.execute("select distinct queue from queueapi.jobs").fetchall()]
        (job,) = store.claim(names, 1, next(self._tokens), UUID(int=1), 30.0)
        return job

    def run(self, claimed: Claimed) -> None:
        """Run what was taken to its end."""
        if not isinstance(self._backend, Runtime):
            self._backend.run(claimed)
            return
        outcome = Executor(kinds, 1000).execute(claimed)
        store = Store(self._backend.pool)
        if outcome.state in (State.SCHEDULED, State.AVAILABLE):
            store.reschedule([outcome])
        else:
            store.finish([outcome], 60.0)

    def run_next(self) -> None:
        """Both."""
        self.run(self.take())


@pytest.fixture
def hands() -> type[Hands]:
    """Runs jobs: ``hands(queue).run_next()``."""
    return Hands


@pytest.fixture
def eventually() -> Callable[[Callable[[], bool]], None]:
    """Look until it is so, where nothing tells."""

    def look(done: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 10.0
        while not done():
            assert time.monotonic() < deadline, "it never came about"
            time.sleep(0.01)

    return look
