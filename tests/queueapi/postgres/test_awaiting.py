"""Waiting for one job: register, then read, then wait, and read again since a hint can be lost."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import pytest

from queueapi import StoreUnavailable
from queueapi.claims import Claimed
from queueapi.postgres.awaiting import await_job
from queueapi.postgres.connection import Connection, connect
from queueapi.postgres.store import Store
from queueapi.records import JobStatus, NewJob, Outcome
from queueapi.states import State

Sql = Callable[..., list[tuple[Any, ...]]]
SOON = 20.0


class Waiter:
    """Somebody who waits in a thread."""

    def __init__(self, dsn: str, job_id: int, timeout: float | None) -> None:
        self.dsn = dsn
        self.opened: list[Connection] = []
        self.status: list[JobStatus | BaseException | None] = []
        self.thread = threading.Thread(target=self.wait, args=(job_id, timeout))
        self.thread.start()

    def open(self) -> Connection:
        self.opened.append(connect(self.dsn, "waiter", 5))
        return self.opened[-1]

    def wait(self, job_id: int, timeout: float | None) -> None:
        try:
            self.status.append(await_job(self.open, job_id, timeout))
        except BaseException as error:
            self.status.append(error)

    def ended(self) -> JobStatus | BaseException | None:
        self.thread.join(SOON)
        (status,) = self.status
        return status


@pytest.fixture
def job(store: Store) -> Claimed:
    store.push([NewJob("default", "kind", "{}", 0, 25, 0.0, None)])
    (job,) = store.claim(["default"], 1, 7, UUID(int=1), 30.0)
    return job


@pytest.fixture
def wait(dsn: str) -> Iterator[Callable[..., Waiter]]:
    waiters: list[Waiter] = []

    def wait(job_id: int, timeout: float | None = SOON) -> Waiter:
        waiters.append(Waiter(dsn, job_id, timeout))
        return waiters[-1]

    yield wait
    for waiter in waiters:
        waiter.thread.join(SOON)
        assert all(connection.closed for connection in waiter.opened)


def until(sql: Sql, question: str) -> None:
    deadline = time.monotonic() + SOON
    while sql(question) == [] and time.monotonic() < deadline:
        time.sleep(0.005)
    assert sql(question) != []


def test_an_outcome_ends_the_wait_and_nothing_is_left_behind(
    store: Store, sql: Sql, job: Claimed, wait: Callable[..., Waiter]
) -> None:
    waiter = wait(job.id, None)
    until(sql, "select 1 from queueapi.watches")
    store.tell_watchers(store.finish([Outcome(job.id, job.token, State.DONE, "1")], 60.0))
    status = waiter.ended()
    assert isinstance(status, JobStatus)
    assert (status.state, status.result) == (State.DONE, 1)
    assert sql("select 1 from queueapi.watches") == sql("select 1 from queueapi.watchers") == []


def test_an_outcome_whose_hint_is_lost_is_found_by_looking_again(
    store: Store, sql: Sql, job: Claimed, wait: Callable[..., Waiter]
) -> None:
    waiter = wait(job.id)
    until(sql, "select 1 from queueapi.watches")
    store.finish([Outcome(job.id, job.token, State.DONE)], 60.0)  # and nobody tells
    status = waiter.ended()
    assert isinstance(status, JobStatus)
    assert status.state is State.DONE


def test_news_that_are_no_outcome_do_not_end_it(
    store: Store, sql: Sql, job: Claimed, wait: Callable[..., Waiter]
) -> None:
    waiter = wait(job.id)
    until(sql, "select 1 from queueapi.watches")
    store.tell_watchers(store.reschedule([Outcome(job.id, job.token, State.SCHEDULED, error="{}", delay=60.0)]))
    store.tell_watchers([(job.id + 1, True)])
    store.cancel(job.id, 60.0)
    status = waiter.ended()
    assert isinstance(status, JobStatus)
    assert status.state is State.CANCELLED


def test_what_has_an_outcome_already_is_not_waited_for(store: Store, job: Claimed, wait: Callable[..., Waiter]) -> None:
    store.finish([Outcome(job.id, job.token, State.DEAD, error="{}")], 60.0)
    status = wait(job.id).ended()
    assert isinstance(status, JobStatus)
    assert status.state is State.DEAD


def test_when_the_time_is_up_the_state_is_told_as_it_is(job: Claimed, wait: Callable[..., Waiter]) -> None:
    for timeout in (0.0, 0.05, -1.0):
        status = wait(job.id, timeout).ended()
        assert isinstance(status, JobStatus)
        assert status.state is State.RUNNING


def test_a_job_that_is_not_there_is_none(wait: Callable[..., Waiter]) -> None:
    assert wait(10**15, None).ended() is None


def test_a_connection_that_is_lost_in_the_wait_is_one_error_of_the_house(
    sql: Sql, job: Claimed, wait: Callable[..., Waiter]
) -> None:
    waiter = wait(job.id)
    until(sql, "select 1 from queueapi.watches")
    sql("select pg_terminate_backend(%s, 10000)", waiter.opened[0].info.backend_pid)
    assert isinstance(waiter.ended(), StoreUnavailable)
