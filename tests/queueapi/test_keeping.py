"""What is kept of a job, and for how long: as its class or its push says, else as its worker does."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from queueapi import Job, JobNotFound, Queue
from queueapi.postgres.store import Store
from queueapi.records import Outcome, Progress
from queueapi.states import State

Sql = Callable[..., list[tuple[Any, ...]]]
WORKERS = 86_400.0


class Usual(Job, kind="tests.keeping.usual"):
    def run(self) -> None: ...


class Hour(Job, kind="tests.keeping.hour", result_ttl=dt.timedelta(hours=1)):
    def run(self) -> None: ...


class Nothing(Job, kind="tests.keeping.nothing", keep_result=False):
    def run(self) -> None: ...


def finish(store: Store, state: State = State.DONE) -> None:
    (job,) = store.claim(["default"], 10, 1, UUID(int=1), 30.0)
    store.report([Progress(job.id, job.token, 1.0, 2.0, None)])
    store.finish([Outcome(job.id, job.token, state, "[1]" if state is State.DONE else None, error="{}")], WORKERS)


@pytest.mark.parametrize(
    ("job", "said", "seconds"),
    [
        (Usual(), {}, WORKERS),
        (Usual(), {"result_ttl": 60}, 60),
        (Usual(), {"result_ttl": lambda: 90}, 90),
        (Usual(), {"keep_result": True}, WORKERS),
        (Hour(), {}, 3600),
        (Hour(), {"result_ttl": 60}, 60),
        (Nothing(), {"keep_result": True}, WORKERS),
        (Nothing(), {"keep_result": True, "result_ttl": 5}, 5),
    ],
)
@pytest.mark.parametrize("state", [State.DONE, State.CANCELLED])
def test_an_outcome_is_kept_as_long_as_is_said(
    queue: Queue, store: Store, sql: Sql, job: Job, said: dict[str, Any], seconds: float, state: State
) -> None:
    queue.push(job, **said)
    finish(store, state)
    assert sql("select extract(epoch from keep_until - finished_at)::float8 from queueapi.finished") == [(seconds,)]


@pytest.mark.parametrize(
    ("job", "said"), [(Nothing(), {}), (Usual(), {"keep_result": False}), (Hour(), {"result_ttl": 0})]
)
def test_of_what_is_done_nothing_is_kept_if_that_is_said(
    queue: Queue, store: Store, sql: Sql, job: Job, said: dict[str, Any]
) -> None:
    handle = queue.push(job, **said)
    finish(store)
    assert sql("select count(*) from queueapi.finished") == [(0,)]
    for look in (handle.result, handle.status, lambda: handle.wait(5)):
        with pytest.raises(JobNotFound, match=f"there is no job {handle.id}.*it has ended and nothing of it is kept"):
            look()


def test_what_died_waits_for_a_person_whatever_was_said(queue: Queue, store: Store, sql: Sql) -> None:
    handle = queue.push(Nothing())
    finish(store, State.DEAD)
    assert sql("select keep_until = 'infinity' from queueapi.finished") == [(True,)]
    assert handle.retry()
    finish(store)
    assert sql("select count(*) from queueapi.finished") == [(0,)]


def test_that_it_was_cancelled_is_kept_as_the_worker_says(queue: Queue, store: Store, sql: Sql) -> None:
    handle = queue.push(Nothing())
    finish(store, State.CANCELLED)
    assert sql("select extract(epoch from keep_until - finished_at)::float8 from queueapi.finished") == [(WORKERS,)]
    assert handle.state() is State.CANCELLED


@pytest.mark.parametrize(("job", "seconds"), [(Usual(), WORKERS), (Hour(), 3600), (Nothing(), WORKERS)])
def test_what_never_ran_or_was_given_up_is_kept_as_long_as_is_said(
    queue: Queue, store: Store, sql: Sql, job: Job, seconds: float
) -> None:
    handle = queue.push(job)
    finish(store, State.DEAD)
    handle.discard()
    line = queue.chain(job, job)
    line[0].cancel()
    queue.push(job)
    queue["default"].clear()
    (kept,) = sql("select array_agg(extract(epoch from keep_until - now())::float8) from queueapi.finished")[0]
    assert len(kept) == 4
    assert all(0 <= seconds - one < 60 for one in kept)


def test_who_waits_for_such_a_job_hears_of_its_end(queue: Queue, store: Store, sql: Sql) -> None:
    handle = queue.push(Nothing())
    sql("insert into queueapi.watches (job_id, watcher) values (%s, %s)", handle.id, UUID(int=9))
    (job,) = store.claim(["default"], 10, 1, UUID(int=1), 30.0)
    assert store.finish([Outcome(job.id, job.token, State.DONE)], WORKERS) == [(job.id, job.token, True)]
