"""What waits, and to be rid of it, where others claim at the same time and a queue may hold millions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import psycopg
import pytest

from queueapi.postgres.sessions import Dedicated
from queueapi.postgres.store import Store
from queueapi.postgres.waiting import Waiting
from queueapi.postgres.watching import CHANNEL
from queueapi.records import NewJob

Sql = Callable[..., list[tuple[Any, ...]]]
WORKER = UUID(int=1)
ERROR = '{"type": "Cleared", "message": "m"}'


def new(queue: str = "q", delay: float = 0.0, args: str = "{}") -> NewJob:
    return NewJob(queue, "kind", args, 0, 25, delay, None)


@pytest.fixture
def waiting(session: Dedicated) -> Waiting:
    return Waiting(session)


def test_what_runs_does_not_wait(store: Store, waiting: Waiting) -> None:
    store.push([new(), new(), new(delay=60.0), new("other")])
    store.claim(["q"], 1, 1, WORKER, 30.0)
    assert (waiting.size("q"), waiting.size("other"), waiting.size(None)) == (2, 1, 3)
    assert (len(waiting.list("q")), len(waiting.list(None))) == (2, 3)


def test_clearing_takes_all_of_many_and_records_each_with_the_reason(store: Store, waiting: Waiting, sql: Sql) -> None:
    store.push([new() for _ in range(2_500)] + [new(delay=60.0) for _ in range(1_100)] + [new("other")])
    assert waiting.clear("q", ERROR, 60.0) == 3_600
    assert sql("select queue from queueapi.jobs") == [("other",)]
    kept = "extract(epoch from keep_until - finished_at)::int"
    rows = sql(f"select state, error::text, {kept}, count(*) from queueapi.finished group by 1, 2, 3")
    assert rows == [("cancelled", ERROR, 60, 3_600)]
    assert waiting.clear("q", ERROR, 60.0) == 0


def test_what_is_claimed_is_left_to_its_worker(store: Store, waiting: Waiting, sql: Sql, dsn: str) -> None:
    store.push([new(), new()])
    with psycopg.connect(dsn) as claims:  # and its transaction is still open
        claims.execute("select id from queueapi.jobs order by id limit 1 for update")
        assert waiting.clear("q", ERROR, 60.0) == 1
    assert sql("select state from queueapi.jobs") == [("available",)]
    store.claim(["q"], 1, 1, WORKER, 30.0)
    assert waiting.clear("q", ERROR, 60.0) == 0
    assert sql("select state from queueapi.jobs") == [("running",)]


def test_who_watches_a_job_hears_that_it_was_cleared(store: Store, waiting: Waiting, sql: Sql, dsn: str) -> None:
    (id_,) = store.push([new()])
    sql("insert into queueapi.watches (watcher, job_id) values (gen_random_uuid(), %s)", id_)
    with psycopg.connect(dsn, autocommit=True) as ear:
        ear.execute(f"listen {CHANNEL}".encode())
        waiting.clear("q", ERROR, 60.0)
        (heard,) = ear.notifies(timeout=10, stop_after=1)
    assert heard.payload == str(id_)
