"""What the tests of the queue share: connections that are closed again, and a look past the house into the tables."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from queueapi import Queue, Settings
from queueapi.postgres.connection import Connection, connect
from queueapi.postgres.sessions import Dedicated
from queueapi.postgres.store import Store
from queueapi.postgres.upkeep import Upkeep
from queueapi.runtime import Runtime

REPOSITORY = Path(__file__).parents[2]

Sql = Callable[..., list[tuple[Any, ...]]]


@pytest.fixture
def session(dsn: str) -> Iterator[Dedicated]:
    """A connection of the test's own."""

    def open_() -> Connection:
        return connect(dsn, "tests", 5)

    session = Dedicated(open_)
    yield session
    session.close()


@pytest.fixture
def store(session: Dedicated) -> Store:
    """The verbs of pushers and workers."""
    return Store(session)


@pytest.fixture
def upkeep(session: Dedicated) -> Upkeep:
    """The verbs of supervisors."""
    return Upkeep(session)


@pytest.fixture
def sql(dsn: str) -> Iterator[Sql]:
    """Run any SQL on a plain connection, committed, and have its rows."""
    with psycopg.connect(dsn, autocommit=True) as connection:

        def run(statement: str, *params: object) -> list[tuple[Any, ...]]:
            cursor = connection.execute(statement.encode(), params or None)
            return cursor.fetchall() if cursor.description else []

        yield run


@pytest.fixture
def runtime(dsn: str) -> Iterator[Runtime]:
    """A web process's backend."""
    runtime = Runtime(Settings(database_url=dsn, secrets=("s" * 32,)))
    yield runtime
    runtime.pool.close()


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
