"""Connections in plain processes: opened with a name, given up in time, closed by whatever interrupts them."""

from __future__ import annotations

import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from psycopg import conninfo

from queueapi.errors import DataRefused, SchemaMismatch, StoreUnavailable
from queueapi.postgres.connection import Connection, connect, connection_class, translated

Sql = Callable[..., list[tuple[Any, ...]]]


@pytest.fixture
def connection(dsn: str) -> Iterator[Connection]:
    connection = connect(dsn, "a test", 5)
    yield connection
    connection.close()


def test_it_says_who_it_is_and_commits_every_statement(connection: Connection, sql: Sql) -> None:
    connection.execute("insert into queueapi.jobs (kind) values ('k')")
    assert sql("select count(*) from queueapi.jobs") == [(1,)]
    assert sql("select application_name from pg_stat_activity where pid = %s", connection.info.backend_pid) == [
        ("a test",)
    ]


def test_a_setup_that_fails_leaves_no_connection_behind(dsn: str, sql: Sql) -> None:
    with pytest.raises(SchemaMismatch):
        connect(dsn, "half open", 5, "set synchronous_commit = off", "select * from queueapi.nothing")
    gone = "select count(*) from pg_stat_activity where application_name = 'half open'"
    deadline = time.monotonic() + 10
    while sql(gone) != [(0,)] and time.monotonic() < deadline:
        time.sleep(0.01)
    assert sql(gone) == [(0,)]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"port": 1}, "PostgreSQL did not connect: "),
        ({"password": "wrong"}, "password authentication failed"),
        ({"dbname": "nowhere"}, 'database "nowhere" does not exist'),
    ],
)
def test_what_cannot_be_opened_is_one_sentence_without_the_password(
    dsn: str, change: dict[str, Any], words: str
) -> None:
    secret = conninfo.conninfo_to_dict(dsn).get("password")
    with pytest.raises(StoreUnavailable, match=words) as caught:
        connect(conninfo.make_conninfo(dsn, **change), "tests", 5)
    assert "\n" not in str(caught.value)
    assert not secret or str(secret) not in str(caught.value)
    assert isinstance(caught.value.__cause__, psycopg.OperationalError)


def test_an_address_that_makes_no_sense_is_refused_as_the_house_does() -> None:
    with pytest.raises(StoreUnavailable):
        connect("postgresql://host:port:port/", "tests", 5)


@pytest.mark.parametrize(
    ("statement", "error"),
    [
        ("select * from queueapi.nothing", SchemaMismatch),
        ("select nothing from queueapi.jobs", SchemaMismatch),
        ("select * from nowhere.jobs", SchemaMismatch),
        ("select '{'::json", DataRefused),
        ("select pg_terminate_backend(pg_backend_pid())", StoreUnavailable),
        ("set transaction_read_only = on; delete from queueapi.jobs", StoreUnavailable),
        ("set statement_timeout = 1; select pg_sleep(5)", StoreUnavailable),
        ("set role pg_monitor; select * from queueapi.jobs", StoreUnavailable),
        ("select 1/0", DataRefused),
        ("selec", psycopg.errors.SyntaxError),
    ],
)
def test_the_drivers_errors_become_the_houses(connection: Connection, statement: str, error: type[Exception]) -> None:
    with pytest.raises(error) as caught, translated("do this"):
        connection.execute(statement.encode())
    if error.__module__.startswith("queueapi"):
        assert isinstance(caught.value.__cause__, psycopg.Error)
        assert "\n" not in str(caught.value)


def test_a_server_that_falls_silent_is_given_up_and_the_connection_with_it(connection: Connection) -> None:
    connection.answer_within = 0.1
    with pytest.raises(psycopg.OperationalError, match="no answer in 0 s"):
        connection.execute("select pg_sleep(10)")
    assert connection.closed


def test_waiting_for_notifications_may_take_longer_and_leaves_the_connection_sound(connection: Connection) -> None:
    connection.answer_within = 0.01
    assert list(connection.notifies(timeout=0.1)) == []
    connection.answer_within = 20.0
    assert connection.execute("select 1").fetchone() == (1,)


def test_ctrl_c_in_mid_statement_closes_the_connection(connection: Connection, sql: Sql) -> None:
    main = threading.get_ident()

    def interrupt() -> None:
        busy = "select count(*) from pg_stat_activity where pid = %s and state = 'active'"
        while sql(busy, connection.info.backend_pid) != [(1,)]:
            time.sleep(0.005)
        signal.pthread_kill(main, signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        connection.execute("select pg_sleep(20)")
    thread.join()
    assert connection.closed


def test_an_idle_connection_is_usable_until_the_server_ends_it(connection: Connection, sql: Sql) -> None:
    assert connection.usable()
    sql("select pg_terminate_backend(%s, 10000)", connection.info.backend_pid)
    assert not connection.usable()
    connection.close()
    assert not connection.usable()


@pytest.mark.system
def test_a_plain_process_has_plain_connections(python: Callable[..., str]) -> None:
    assert connection_class() is Connection
    program = "from queueapi.postgres.connection import connection_class; print(connection_class().__name__)"
    assert python(program) == "Connection"
    assert python(program, patched=True) == "GreenConnection"


def test_a_server_that_hangs_up_at_once_is_away() -> None:
    with socket.create_server(("127.0.0.1", 0)) as door:
        threading.Thread(target=lambda: door.accept()[0].close()).start()
        with pytest.raises(StoreUnavailable):
            connect(f"postgresql://127.0.0.1:{door.getsockname()[1]}/x?sslmode=disable", "tests", 2)
