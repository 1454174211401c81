"""What becomes of unique jobs later: claimed, put off, rescued, replaced; and of the time for which they are unique."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any
from uuid import UUID

import psycopg
import pytest

from queueapi import Job, NotUnique, Queue
from queueapi.claims import Claimed
from queueapi.postgres.store import Store
from queueapi.postgres.upkeep import Upkeep
from queueapi.records import Outcome
from queueapi.states import State

Sql = Callable[..., list[tuple[Any, ...]]]
WORKER = UUID(int=1)


class Index(Job, kind="tests.uniques.later.index", unique="doc"):
    doc: int
    text: str = ""

    def run(self) -> None: ...


def claim(store: Store, token: int = 1, room: int = 10, lease: float = 30.0) -> list[Claimed]:
    return store.claim(["default"], room, token, WORKER, lease)


def keys(sql: Sql) -> list[tuple[Any, ...]]:
    return sql("select state, unique_key is not null from queueapi.jobs order by id")


# -- while it is claimed, and comes back


def test_a_job_that_is_being_claimed_is_not_replaced(dsn: str, queue: Queue, sql: Sql, store: Store) -> None:
    first = queue.push(Index(1, "old"))
    (job,) = claim(store)
    with pytest.raises(NotUnique, match=f"job {first.id}"):
        queue.push(Index(1, "new"), on_conflict="replace")
    assert sql("select args ->> 'text', state, token from queueapi.jobs") == [("old", "running", job.token)]


def test_a_job_keeps_its_key_however_it_comes_back(queue: Queue, store: Store, upkeep: Upkeep, sql: Sql) -> None:
    queue.push(Index(1))
    (job,) = claim(store)
    store.reschedule([Outcome(job.id, job.token, State.SCHEDULED, error="{}")])
    assert keys(sql) == [("available", True)]
    claim(store, 2)
    store.return_claims(WORKER, [2])
    assert keys(sql) == [("available", True)]
    claim(store, 3, lease=0.0)
    upkeep.rescue("{}", 0.0)
    assert keys(sql) == [("available", True)]


def test_a_job_that_was_unique_until_its_start_comes_back_beside_the_one_that_waits(
    queue: Queue, store: Store, upkeep: Upkeep, sql: Sql
) -> None:
    queue.push(Index(1), unique_until="start")
    (job,) = claim(store)
    queue.push(Index(1), unique_until="start", priority=1)
    store.reschedule([Outcome(job.id, job.token, State.SCHEDULED, error="{}")])
    assert keys(sql) == [("available", False), ("available", True)]
    claim(store, 2, room=1)
    store.return_claims(WORKER, [2])
    claim(store, 3, room=1, lease=0.0)
    upkeep.rescue("{}", 0.0)
    assert keys(sql) == [("available", False), ("available", True)]


def test_a_replaced_job_wakes_who_sleeps(dsn: str, queue: Queue, store: Store) -> None:
    queue.push(Index(1), delay=60)
    store.sleep("queueapi_wake_test", ["default"], 30.0)
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("listen queueapi_wake_test")
        queue.push(Index(1), on_conflict="replace", run_at=dt.datetime(2020, 1, 1, tzinfo=dt.UTC))
        assert [told.channel for told in connection.notifies(timeout=10, stop_after=1)] == ["queueapi_wake_test"]


# -- windows


def test_a_window_that_met_a_job_which_was_there_before_is_closed_again(queue: Queue, sql: Sql) -> None:
    queue.push(Index(1))
    queue.push(Index(1), unique_for=60)
    queue.push_all([Index(1), Index(2)], unique_for=60)
    assert sql("select count(*), count(distinct job_id) from queueapi.windows") == [(1, 1)]
    assert sql("select args ->> 'doc' from queueapi.jobs join queueapi.windows on id = job_id") == [("2",)]


def test_windows_that_are_over_are_forgotten(queue: Queue, upkeep: Upkeep, sql: Sql) -> None:
    queue.push(Index(1), unique_for=60)
    queue.push(Index(2), unique_for=60)
    sql("update queueapi.windows set until = now() where job_id = (select min(id) from queueapi.jobs)")
    upkeep.prune()
    assert sql("select count(*) from queueapi.windows") == [(1,)]
