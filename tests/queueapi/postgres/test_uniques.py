"""Of jobs that are the same, one: whoever pushes them at the same time, in whatever transactions, and whatever becomes
of these."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg import IsolationLevel

from queueapi import Job, NotUnique, Queue, StoreUnavailable, TransactionConflict
from queueapi.claims import Claimed
from queueapi.postgres import bulk
from queueapi.postgres.store import Store
from queueapi.records import Outcome
from queueapi.runtime import Runtime
from queueapi.settings import Settings
from queueapi.states import State

Sql = Callable[..., list[tuple[Any, ...]]]
WORKER = UUID(int=1)


class Index(Job, kind="tests.uniques.index", unique="doc"):
    doc: int
    text: str = ""

    def run(self) -> None: ...


def claim(store: Store, token: int = 1, room: int = 10, lease: float = 30.0) -> list[Claimed]:
    return store.claim(["default"], room, token, WORKER, lease)


# -- at the same time


def test_fifty_who_push_the_same_at_the_same_time_push_one_job(dsn: str, sql: Sql) -> None:
    runtime = Runtime(Settings(database_url=dsn, pool_size=10, connect_timeout=30))
    queue, together = Queue(lambda: runtime), threading.Barrier(50)

    def push(number: int) -> set[int]:
        together.wait(10)
        return {queue.push(Index(doc, str(number))).id for doc in (1, 1, 1)}

    with ThreadPoolExecutor(50) as threads:
        ids = set().union(*threads.map(push, range(50)))
    runtime.pool.close()
    assert len(ids) == 1
    assert sql("select id from queueapi.jobs") == [(ids.pop(),)]


@pytest.mark.parametrize("on_conflict", ["skip", "replace", "postpone", "raise"])
def test_of_fifty_transactions_whoever_commits_first_has_pushed_the_job(
    dsn: str, queue: Queue, sql: Sql, on_conflict: Any
) -> None:
    together = threading.Barrier(50)

    def push(number: int) -> int | None:
        with psycopg.connect(dsn) as connection:
            together.wait(20)
            try:
                id_ = queue.push(Index(1, str(number)), conn=connection, on_conflict=on_conflict).id
            except NotUnique as error:
                id_ = error.id or 0
            if number % 3 == 0:
                connection.rollback()
                return None
            return id_

    with ThreadPoolExecutor(50) as threads:
        ids = {id_ for id_ in threads.map(push, range(50)) if id_ is not None}
    assert sql("select id from queueapi.jobs") == [(id_,) for id_ in ids]
    assert len(ids) == 1


def test_whoever_waits_for_a_transaction_that_rolls_back_pushes_the_job(
    dsn: str, queue: Queue, sql: Sql, eventually: Callable[..., None]
) -> None:
    with ThreadPoolExecutor(1) as thread, psycopg.connect(dsn) as connection:
        gone = queue.push(Index(1, "gone"), conn=connection)
        waiting = thread.submit(queue.push, Index(1, "there"))
        eventually(lambda: sql("select count(*) from pg_locks where not granted") == [(1,)])
        connection.rollback()
        there = waiting.result(10)
    assert there.id != gone.id
    assert sql("select id, args ->> 'text' from queueapi.jobs") == [(there.id, "there")]


def test_whoever_waits_for_a_transaction_that_commits_gets_its_job(
    dsn: str, queue: Queue, sql: Sql, eventually: Callable[..., None]
) -> None:
    with ThreadPoolExecutor(2) as threads, psycopg.connect(dsn) as connection:
        first = queue.push(Index(1, "first"), conn=connection)
        skips = threads.submit(queue.push, Index(1))
        replaces = threads.submit(queue.push, Index(1, "last"), on_conflict="replace")
        eventually(lambda: sql("select count(*) from pg_locks where not granted") == [(2,)])
        connection.commit()
        assert skips.result(10).id == replaces.result(10).id == first.id
    assert sql("select args ->> 'text' from queueapi.jobs") == [("last",)]


@pytest.mark.parametrize("rows", [5_000, 2], ids=["one statement", "several statements"])
def test_who_push_the_same_jobs_in_opposite_orders_never_wait_for_each_other(
    dsn: str, queue: Queue, sql: Sql, eventually: Callable[..., None], monkeypatch: pytest.MonkeyPatch, rows: int
) -> None:
    """Both are stopped by a third in the middle, with half of the keys taken; then it goes away."""
    monkeypatch.setattr(bulk, "_ROWS", rows)
    docs = list(range(9))
    with ThreadPoolExecutor(2) as threads, psycopg.connect(dsn) as connection:
        queue.push(Index(4), conn=connection)
        pushing = [threads.submit(queue.push_all, [Index(doc) for doc in order]) for order in (docs, docs[::-1])]
        eventually(lambda: sql("select count(*) from pg_locks where not granted") == [(2,)])
        connection.rollback()
        ones, others = (one.result(20) for one in pushing)
    assert [handle.id for handle in ones] == [handle.id for handle in others][::-1]
    assert sql("select count(*) from queueapi.jobs") == [(9,)]


@pytest.mark.system
def test_pushes_while_the_job_comes_and_goes_find_it_or_make_it(queue: Queue, store: Store, sql: Sql) -> None:
    """What kept a push out may have gone when it is looked for: then it begins again."""
    over = threading.Event()

    def push() -> set[int]:
        ids = set()
        while not over.is_set():
            ids.add(queue.push(Index(1), keep_result=False).id)
            ids.add(queue.push(Index(1), keep_result=False, unique_for=0.001, on_conflict="skip").id)
        return ids

    with ThreadPoolExecutor(4) as threads:
        pushing = [threads.submit(push) for _ in range(4)]
        ran: set[int] = set()
        for token in range(1, 400):
            for job in claim(store, token):
                store.finish([Outcome(job.id, job.token, State.DONE)], 60.0)
                assert job.id not in ran
                ran.add(job.id)
        over.set()
        ids = set().union(*(one.result(10) for one in pushing))
    left = {id_ for (id_,) in sql("select id from queueapi.jobs")}
    assert len(left) <= 1
    assert ran <= ids | left
    assert ids == ran | (ids & left)


# -- in the caller's transaction


def test_a_refused_push_leaves_nothing_in_the_callers_transaction_which_goes_on(
    dsn: str, queue: Queue, sql: Sql
) -> None:
    there = queue.push(Index(2))
    with psycopg.connect(dsn) as connection:
        queue.push(Index(7), conn=connection)
        with pytest.raises(NotUnique):
            queue.push_all([Index(1), Index(2)], conn=connection, on_conflict="raise")
        queue.push(Index(8), conn=connection)
    assert [doc for (doc,) in sql("select args ->> 'doc' from queueapi.jobs order by id")] == ["2", "7", "8"]
    assert queue.push(Index(2)).id == there.id


def test_on_a_connection_in_autocommit_a_push_is_all_or_nothing(dsn: str, queue: Queue, sql: Sql) -> None:
    queue.push(Index(2))
    with psycopg.connect(dsn, autocommit=True) as connection:
        with pytest.raises(NotUnique):
            queue.push_all([Index(1), Index(2)], conn=connection, on_conflict="raise")
        assert sql("select count(*) from queueapi.jobs") == [(1,)]
        queue.push_all([Index(1), Index(2)], conn=connection)
    assert sql("select count(*) from queueapi.jobs") == [(2,)]


def test_a_push_does_not_commit_what_the_caller_has_not_committed(dsn: str, queue: Queue, sql: Sql) -> None:
    with psycopg.connect(dsn) as connection:
        queue.push_all([Index(1), Index(1)], conn=connection)
        assert sql("select count(*) from queueapi.jobs") == [(0,)]
        connection.rollback()
    assert sql("select count(*) from queueapi.jobs") == [(0,)]


@pytest.mark.parametrize("options", [{}, {"unique_for": 60}, {"on_conflict": "replace"}], ids=str)
def test_a_transaction_that_cannot_see_the_other_job_is_told_to_begin_anew(
    dsn: str, queue: Queue, sql: Sql, options: Any
) -> None:
    with psycopg.connect(dsn) as connection:
        connection.isolation_level = IsolationLevel.REPEATABLE_READ
        connection.execute("select count(*) from queueapi.jobs")
        first = queue.push(Index(1), **options)
        with pytest.raises(TransactionConflict, match="roll back and do all of it again") as caught:
            queue.push(Index(1), conn=connection, **options)
        assert isinstance(caught.value, StoreUnavailable)
        connection.rollback()
        assert queue.push(Index(1), conn=connection, **options).id == first.id
    assert sql("select count(*) from queueapi.jobs") == [(1,)]


PUSHER = """
import sys
import psycopg
from queueapi import Job, connect

class Index(Job, kind="tests.uniques.index", unique="doc"):
    doc: int
    text: str = ""
    def run(self): ...

dsn, own = sys.argv[1:]
queue = connect(dsn)
ids = set()
with psycopg.connect(dsn) as connection:
    for n in range(60):
        if n % 2:
            ids.add(queue.push(Index(1, own)).id)
        else:
            queue.push(Index(1, own), conn=connection)
            connection.rollback()
print(*ids)
queue.backend().pool.close()
"""


@pytest.mark.system
def test_processes_that_push_the_same_push_one_job(dsn: str, python: Callable[..., str], sql: Sql) -> None:
    with ThreadPoolExecutor(4) as threads:
        said = list(threads.map(lambda own: python(PUSHER, dsn, str(own)), range(4)))
    assert [(int(ids),) for ids in said] == sql("select id from queueapi.jobs") * 4
