"""Through pgbouncer in transaction mode all works but LISTEN, which has an address of its own, or is done without."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest
from falcon import testing
from psycopg import conninfo

from queueapi import Job, JobNotFound, MigrationRefused, Queue, Settings
from queueapi.postgres.connection import Connection, connect
from queueapi.postgres.migrate import migrate
from queueapi.postgres.sessions import Dedicated
from queueapi.runtime import Runtime

PGBOUNCER = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(PGBOUNCER is None, reason="there is no pgbouncer: install Debian's package of that name"),
]


class Add(Job, kind="apps.pgbouncer.add"):
    a: int
    b: int = 1

    def run(self) -> int:
        return self.a + self.b


@pytest.fixture
def pooled(dsn: str, tmp_path: Path) -> Iterator[str]:
    """The database by way of a pgbouncer, with two connections for everybody."""
    parts = conninfo.conninfo_to_dict(dsn)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    user = f" user={parts['user']}" if "user" in parts else ""
    password = f" password={parts['password']}" if "password" in parts else ""
    tmp_path.chmod(0o755)
    ini = tmp_path / "pgbouncer.ini"
    ini.write_text(
        f"[databases]\n{parts['dbname']} = host={parts['host']} port={parts.get('port', 5432)}{user}{password}\n"
        f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nauth_type = any\npool_mode = transaction\n"
        "default_pool_size = 2\nmax_client_conn = 200\nunix_socket_dir =\n"
    )
    assert PGBOUNCER is not None
    # It refuses to run as root.
    line = [PGBOUNCER, *(["-u", pwd.getpwnam("nobody").pw_name] if os.geteuid() == 0 else []), str(ini)]
    log = tmp_path / "pgbouncer.log"
    with log.open("wb") as file:
        process = subprocess.Popen(line, stdin=subprocess.DEVNULL, stdout=file, stderr=file)
    try:
        _await_port(port, log)
        yield conninfo.make_conninfo(dsn, host="127.0.0.1", port=port)
    finally:
        process.terminate()
        process.wait(10)
        print(log.read_text())


def _await_port(port: int, log: Path) -> None:
    deadline = time.monotonic() + 10
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.02)


@pytest.fixture
def through(pooled: str) -> Iterator[Queue]:
    """A web process's queue, whose connections all go through the pooler."""
    runtime = Runtime(Settings(database_url=pooled, secrets=("s" * 32,)))
    yield Queue(lambda: runtime)
    runtime.pool.close()


@pytest.fixture
def pgbouncer_worker(pooled: str, burst: Callable[..., str]) -> Callable[..., str]:
    """A worker that goes through it as well."""
    return lambda *words, **more: burst("test_pgbouncer", *words, DATABASE_URL=pooled, **more)


def test_a_pooler_is_seen_and_a_server_is_not_taken_for_one(pooled: str, dsn: str) -> None:
    with connect(pooled, "tests", 5) as one, connect(dsn, "tests", 5) as other:
        assert (one.pooled, other.pooled) == (True, False)


def test_many_threads_push_and_look_through_two_connections(through: Queue) -> None:
    def work(number: int) -> str:
        handle = through.push(Add(number))
        through.push(Add(number, 2), unique=True, expires_in=60)
        return handle.state()

    with ThreadPoolExecutor(8) as threads:
        assert set(threads.map(work, range(50))) == {"available"}
    assert through.size() == 100
    through.push_all(Add(number) for number in range(12_000))
    assert through.size() == 12_100


def test_jobs_are_in_the_callers_transaction(through: Queue, pooled: str) -> None:
    with psycopg.connect(pooled) as conn:
        handle = through.push(Add(1), conn=conn)
        conn.rollback()
        kept = through.push(Add(2), conn=conn)
    assert kept.state() == "available"
    with pytest.raises(JobNotFound):
        handle.state()


def test_nothing_that_is_set_or_listened_to_is_left_on_a_shared_connection(
    through: Queue, pooled: str, pgbouncer_worker: Callable[..., str]
) -> None:
    through.push(Add(1))
    pgbouncer_worker()
    with psycopg.connect(pooled, autocommit=True) as one, psycopg.connect(pooled, autocommit=True) as other:
        for _ in range(2):
            with one.transaction(), other.transaction():  # both server connections at once
                for connection in (one, other):
                    names = ("synchronous_commit", "enable_seqscan", "plan_cache_mode")
                    settings = [connection.execute(f"show {name}").fetchone() for name in names]
                    assert settings == [("on",), ("on",), ("auto",)]
                    assert connection.execute("select * from pg_listening_channels()").fetchall() == []
                    assert connection.execute("select name from pg_prepared_statements").fetchall() == []


def test_a_worker_works_through_it(through: Queue, pgbouncer_worker: Callable[..., str]) -> None:
    handles = through.push_all(Add(number) for number in range(300))
    limited = through.push(Add(5), unique=True, expires_in=60)
    pgbouncer_worker("-p", "2")
    assert [handle.result() for handle in handles] == list(range(1, 301))
    assert limited.result() == 6


def test_to_wait_for_a_job_finds_it_by_polling(
    through: Queue, pgbouncer_worker: Callable[..., str]
) -> None:
    handle = through.push(Add(1))
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(handle.wait, 30)
        pgbouncer_worker()
        assert waiting.result(30) == 2


def test_with_an_address_of_its_own_listen_is_heard(pooled: str, dsn: str) -> None:
    runtime = Runtime(Settings(database_url=pooled, listen_url=dsn))
    assert (_pooled(runtime.open), _pooled(runtime.open_listening)) == (True, False)


def test_a_worker_hears_by_that_address(through: Queue, pooled: str, dsn: str, tmp_path: Path) -> None:
    line = [sys.executable, "-c", "import sys; from queueapi.cli import work; sys.exit(work())", "test_pgbouncer"]
    paths = {"PYTHONPATH": str(Path(__file__).parent), "DATABASE_URL": pooled, "QUEUEAPI_LISTEN_URL": dsn}
    log = tmp_path / "worker.log"
    with log.open("wb") as file:
        worker = subprocess.Popen(
            line, env={**os.environ, **paths}, cwd=tmp_path, stdin=subprocess.DEVNULL, stdout=file, stderr=file
        )
    try:
        with psycopg.connect(dsn, autocommit=True) as connection:
            deadline = time.monotonic() + 30
            while connection.execute(_LISTENS).fetchone() != (1,):
                assert time.monotonic() < deadline, log.read_text()
                time.sleep(0.05)
        assert through.push(Add(1)).wait(30) == 2
    finally:
        worker.terminate()
        worker.wait(30)


_LISTENS = """
select count(*)::int from pg_stat_activity
where datname = current_database() and query like 'listen "queueapi_wake%' and application_name like 'queueapi-work%'
"""


@pytest.mark.parametrize("own_address", [True, False])
def test_a_browser_hears_of_its_job(
    pooled: str, dsn: str, pgbouncer_worker: Callable[..., str], own_address: bool
) -> None:
    from longpoll.app import create_app
    from longpoll.listener import Feed
    from queueapi.events import Events

    settings = Settings(database_url=pooled, listen_url=dsn if own_address else "", secrets=("s" * 32,))
    runtime = Runtime(settings)
    feed = Feed(runtime.open, Events(), runtime.open_listening)
    browser = testing.TestClient(create_app(feed, runtime))
    try:
        handle = Queue(lambda: runtime).push(Add(1))
        words: dict[str, Any] = {"channels": [handle.ticket()], "cursor": None, "wait": 0}
        first = browser.simulate_post("/poll", json=words).json
        assert [message["event"] for message in first["messages"]] == ["queued"]
        pgbouncer_worker()
        deadline = time.monotonic() + 30
        news: list[str] = []
        while "done" not in news:
            assert time.monotonic() < deadline
            words["cursor"] = first["cursor"]
            first = browser.simulate_post("/poll", json={**words, "wait": 1}).json
            news += [message["event"] for message in first["messages"]]
    finally:
        feed.stop()
        runtime.pool.close()


def test_migrating_through_it_is_refused(pooled: str) -> None:
    with connect(pooled, "tests", 5) as connection, pytest.raises(MigrationRefused, match="a pooler stands before"):
        migrate(connection, lambda _: None)


def test_an_actors_connection_works_without_its_plans(pooled: str) -> None:
    session = Dedicated(lambda: connect(pooled, "tests", 5))
    try:
        assert session.run("count_jobs", {"latest": 100}) == []
        assert session.run("count_jobs", {"latest": 100}) == []
    finally:
        session.close()


def _pooled(open_: Callable[[], Connection]) -> Any:
    with open_() as connection:
        return connection.pooled
