"""Pushing within the caller's transaction: the job and its wake-up exist if and only if that commits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg.rows import dict_row

from queueapi import (
    Job,
    JobNotFound,
    Queue,
    State,
)

Sql = Callable[..., list[tuple[Any, ...]]]
WORKER = UUID(int=1)


class Plain(Job, kind="tests.queues_conn.plain"):
    n: int = 0

    def run(self) -> None: ...


class Ear:
    """Somebody who sleeps on the queue ``default``, and what he heard."""

    def __init__(self, dsn: str) -> None:
        self.connection = psycopg.connect(dsn, autocommit=True)
        self.connection.execute("listen ear")
        self.connection.execute(
            "insert into queueapi.sleepers values ('ear', array['default', 'mail'], now() + interval '1 minute')"
        )

    def heard(self) -> int:
        # A round trip: what was sent before it has come with its answer.
        self.connection.execute("select 1")
        return len(list(self.connection.notifies(timeout=0)))


@pytest.fixture
def ear(dsn: str) -> Iterator[Ear]:
    ear = Ear(dsn)
    yield ear
    ear.connection.close()


def test_a_rollback_leaves_no_job_and_wakes_nobody(dsn: str, queue: Queue, ear: Ear, sql: Sql) -> None:
    with psycopg.connect(dsn) as connection:
        handle = queue.push(Plain(), conn=connection)
        with pytest.raises(JobNotFound, match="has not committed"):
            handle.state()
        connection.rollback()
    assert ear.heard() == 0
    assert sql("select * from queueapi.jobs") == []


def test_the_job_and_its_wake_up_come_with_the_commit(dsn: str, queue: Queue, ear: Ear) -> None:
    with psycopg.connect(dsn) as connection:
        handle = queue.push(Plain(), conn=connection)
        assert ear.heard() == 0
        connection.commit()
        assert ear.heard() == 1
        assert handle.state() is State.AVAILABLE


def test_a_savepoint_taken_back_takes_its_job_with_it(dsn: str, queue: Queue, sql: Sql) -> None:
    with psycopg.connect(dsn) as connection:
        kept = queue.push(Plain(1), conn=connection)
        with connection.transaction() as inner:
            queue.push_all([Plain(2), Plain(3)], conn=connection)
            raise psycopg.Rollback(inner)
        with connection.transaction():
            also = queue.push(Plain(4), conn=connection)
    assert sql("select id from queueapi.jobs order by id") == [(kept.id,), (also.id,)]


def test_the_callers_transaction_and_rows_are_left_as_they_were(dsn: str, queue: Queue) -> None:
    with psycopg.connect(dsn, row_factory=dict_row) as connection:
        handle = queue.push(Plain(), conn=connection)
        assert connection.info.transaction_status == psycopg.pq.TransactionStatus.INTRANS
        assert connection.execute("select 1 as one").fetchone() == {"one": 1}
    assert handle.state() is State.AVAILABLE


def test_connections_that_wrap_the_drivers_are_unwrapped(dsn: str, queue: Queue, sql: Sql) -> None:
    """SQLAlchemy: ``connection.connection.driver_connection``; Django: ``connection.connection``."""

    class Wrapper:
        def __init__(self, name: str, inside: object) -> None:
            setattr(self, name, inside)

    with psycopg.connect(dsn) as driver:
        queue.push(Plain(1), conn=Wrapper("connection", driver))
        queue.push(Plain(2), conn=Wrapper("connection", Wrapper("driver_connection", driver)))
        queue.push(Plain(3), conn=Wrapper("connection", Wrapper("dbapi_connection", driver)))
        assert sql("select * from queueapi.jobs") == []
    assert sql("select count(*) from queueapi.jobs") == [(3,)]


def test_what_is_no_connection_is_a_type_error_that_names_it(queue: Queue) -> None:
    with pytest.raises(TypeError, match=r"conn= takes a psycopg 3 connection, not builtins\.str"):
        queue.push(Plain(), conn="postgresql://")


def test_only_jobs_that_can_run_now_wake_somebody_and_one_for_each_queue(queue: Queue, ear: Ear) -> None:
    queue.push(Plain(), delay=60)
    queue.push(Plain(), queue="elsewhere")
    assert ear.heard() == 0
    queue.push_all([Plain()] * 10)
    assert ear.heard() == 1
