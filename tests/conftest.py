"""What every test may ask for: a fresh, migrated database on a real PostgreSQL, and ways into it."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import conninfo
from psycopg.sql import SQL, Identifier

from queueapi.embedded import EmbeddedPostgres
from queueapi.postgres.connection import Connection, connect
from queueapi.postgres.migrate import migrate
from queueapi.postgres.sessions import Dedicated
from queueapi.postgres.upkeep import Upkeep
from queueapi.runtime import Runtime
from queueapi.settings import Settings

Sql = Callable[..., list[tuple[Any, ...]]]

_numbers = count(1)
_PREFIX = f"queueapi_test_{os.getpid()}"

# Who starts the tests in the background, or with nohup, has these ignored, and so would everything started here.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture(scope="session")
def server_dsn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The server that all databases of this run are made on: QUEUEAPI_TEST_DSN, or an embedded one of our own."""
    given = os.environ.get("QUEUEAPI_TEST_DSN")
    if given:
        yield given
        return
    server = EmbeddedPostgres(tmp_path_factory.mktemp("postgres"), durable=False).start()
    try:
        yield server.dsn
    finally:
        server.destroy()


@pytest.fixture(scope="session")
def template(server_dsn: str) -> Iterator[str]:
    """A migrated database that others are copied from, in 30 ms instead of the 200 that migrating takes."""
    name = f"{_PREFIX}_template"
    _run(server_dsn, "create database {}", name)
    try:
        migrated(_to(server_dsn, name))
        yield name
    finally:
        _run(server_dsn, "drop database {} with (force)", name)


@pytest.fixture
def dsn(server_dsn: str, template: str) -> Iterator[str]:
    """A fresh database with the schema in it, gone after the test."""
    name = f"{_PREFIX}_{next(_numbers)}"
    _run(server_dsn, "create database {} template {}", name, template)
    try:
        yield _to(server_dsn, name)
    finally:
        _run(server_dsn, "drop database {} with (force)", name)


@pytest.fixture(scope="module")
def lasting_dsn(server_dsn: str, template: str) -> Iterator[str]:
    """A database for all tests of a file that do not mind each other."""
    name = f"{_PREFIX}_{next(_numbers)}"
    _run(server_dsn, "create database {} template {}", name, template)
    try:
        yield _to(server_dsn, name)
    finally:
        _run(server_dsn, "drop database {} with (force)", name)


@pytest.fixture
def empty_dsn(server_dsn: str) -> Iterator[str]:
    """A fresh database with nothing in it."""
    name = f"{_PREFIX}_{next(_numbers)}"
    _run(server_dsn, "create database {}", name)
    try:
        yield _to(server_dsn, name)
    finally:
        _run(server_dsn, "drop database {} with (force)", name)


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    """A server of the test's own, migrated, that it may stop and restart. Gone with all its data after the test."""
    # What nobody waited for shall be lost in a crash.
    server = EmbeddedPostgres(tmp_path / "postgres", durable=False, settings={"wal_writer_delay": "10s"})
    try:
        migrated(server.start().dsn)
        yield server
    finally:
        server.destroy()


@pytest.fixture
def session(dsn: str) -> Iterator[Dedicated]:
    """A connection of the test's own."""

    def open_() -> Connection:
        return connect(dsn, "tests", 5)

    session = Dedicated(open_)
    yield session
    session.close()


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


def migrated(dsn: str) -> None:
    """Bring a new database to the present schema."""
    with connect(dsn, "tests", 5) as connection:
        migrate(connection, lambda _: None)
        Upkeep(Dedicated(lambda: connection)).partition()


def _to(dsn: str, database: str) -> str:
    return conninfo.make_conninfo(dsn, dbname=database)


def _run(dsn: str, statement: str, *names: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(SQL(statement).format(*(Identifier(name) for name in names)))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--database", action="store_true", help="only what runs on the server of QUEUEAPI_TEST_DSN")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--database"):
        there = [item for item in items if "server_dsn" in getattr(item, "fixturenames", ())]
        config.hook.pytest_deselected(items=list(set(items).difference(there)))
        items[:] = there


def pytest_report_header() -> str:
    return f"postgresql: {'QUEUEAPI_TEST_DSN' if os.environ.get('QUEUEAPI_TEST_DSN') else 'embedded'}"
