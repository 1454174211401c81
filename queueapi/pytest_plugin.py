"""Fixtures for the tests of applications. pytest finds them by itself where queueapi is installed.

No driver and no gevent is imported before a test asks for a fixture that needs it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import pytest

if TYPE_CHECKING:
    from queueapi.inprocess import SynchronousQueue, TestQueue
    from queueapi.postgres.scratch import Scratch
    from queueapi.queues import Queue
    from queueapi.testing.draining import Drainer


class Database(NamedTuple):
    """A database of one test.

    Attributes:
        dsn: how to connect to it; everything may be done to it.
        queue: on it. ``queueapi.queue`` goes there as well, as long as the test runs.
    """

    dsn: str
    queue: Queue


@pytest.fixture
def test_queue() -> Iterator[TestQueue]:
    """A TestQueue, behind ``queueapi.queue`` as well: jobs wait until the test looks at them, or drains them."""
    from queueapi.application import current
    from queueapi.inprocess import TestQueue

    queue = TestQueue()
    with current.instead(queue):
        yield queue


@pytest.fixture
def inline_queue() -> Iterator[SynchronousQueue]:
    """A SynchronousQueue, behind ``queueapi.queue`` as well: a push runs the job, and raises what it raises."""
    from queueapi.application import current
    from queueapi.inprocess import SynchronousQueue

    queue = SynchronousQueue()
    with current.instead(queue):
        yield queue


@pytest.fixture(scope="session")
def queueapi_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The server on which databases are made: that of QUEUEAPI_TEST_DSN; else an embedded one, if its programs are
    there; else that of DATABASE_URL. A suite with a server of its own overrides this fixture."""
    if given := os.environ.get("QUEUEAPI_TEST_DSN"):
        yield given
        return
    from queueapi.embedded import EmbeddedError, EmbeddedPostgres
    from queueapi.embedded.binaries import find_binaries

    try:
        find_binaries()
    except EmbeddedError as error:
        if given := os.environ.get("DATABASE_URL"):
            yield given
            return
        raise EmbeddedError(f"{error}; or name a server for the tests in QUEUEAPI_TEST_DSN") from error
    server = EmbeddedPostgres(tmp_path_factory.mktemp("queueapi-postgres"), durable=False)
    try:
        yield server.start().dsn
    finally:
        server.destroy()


@pytest.fixture(scope="session")
def queueapi_databases(queueapi_server: str) -> Iterator[Scratch]:
    """What makes the databases: a migrated template, and copies of it."""
    from queueapi.postgres.scratch import Scratch

    scratch = Scratch(queueapi_server)
    yield scratch
    scratch.close()


@pytest.fixture
def queueapi_db(queueapi_databases: Scratch) -> Iterator[Database]:
    """A migrated database of the test's own, with ``queueapi.queue`` on it; gone after the test."""
    from queueapi.application import current
    from queueapi.queues import Queue
    from queueapi.runtime import Runtime
    from queueapi.settings import Settings

    dsn = queueapi_databases.copy()
    runtime = Runtime(Settings.from_env(database_url=dsn))
    queue = Queue(lambda: runtime)
    try:
        with current.instead(queue):
            yield Database(dsn, queue)
    finally:
        runtime.pool.close()
        queueapi_databases.drop(dsn)


@pytest.fixture
def queueapi_worker(queueapi_db: Database) -> Iterator[Drainer]:
    """Runs the jobs of ``queueapi_db`` for real, in the test's thread: ``queueapi_worker.drain()``."""
    from queueapi.settings import Settings
    from queueapi.testing.draining import Drainer

    drainer = Drainer(Settings.from_env(database_url=queueapi_db.dsn, queues=("*",)))
    yield drainer
    drainer.close()
