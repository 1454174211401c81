"""Cancelling what runs, and what is not to begin any more."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from typing import Any
from uuid import UUID

import psycopg
import pytest

import queueapi
from queueapi import Job, JobCancelled, MemoryQueue, Queue, Retry, TestQueue, progress
from queueapi.claims import Claimed
from queueapi.executor import Executor
from queueapi.interrupts import Cancelled
from queueapi.kinds import kinds
from queueapi.postgres.store import Store
from queueapi.postgres.upkeep import Upkeep
from queueapi.records import Blame, NewJob, Outcome
from queueapi.reporting import Reporter
from queueapi.states import State

WORKER = UUID(int=7)
EXECUTOR = Executor(kinds, 1000)
LOST = '{"type": "WorkerLost"}'
Sql = Callable[..., list[tuple[Any, ...]]]
WORK: dict[str, Callable[[], Any]] = {}


class Cancellable(Job, kind="tests.cancellable"):
    """Does what its test says."""

    def run(self) -> Any:
        return WORK["run"]()


def claimed(special: str | None = None) -> Claimed:
    return Claimed(7, 99, "default", "tests.cancellable", "{}", 1, 3, special=special)


def until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, f"still not: {what}"
        time.sleep(0.005)


def running(store: Store, max_attempts: int = 25) -> Claimed:
    store.push([NewJob("default", "kind", "{}", 0, max_attempts, 0.0, None)])
    (job,) = store.claim(["default"], 1, 1000, WORKER, 30.0)
    return job


# -- the executor


@pytest.mark.parametrize(
    ("special", "why"), [('{"cancelled": true}', "Cancelled"), ('{"expired": true}', "Expired")]
)
def test_what_is_cancelled_or_too_late_is_not_begun(special: str, why: str) -> None:
    WORK["run"] = lambda: pytest.fail("it ran")
    outcome = EXECUTOR.execute(claimed(special))
    assert (outcome.state, json.loads(outcome.error or "")["type"]) == (State.CANCELLED, why)


def test_what_had_begun_in_time_and_was_interrupted_goes_on_however_late() -> None:
    WORK["run"] = lambda: 5
    assert EXECUTOR.execute(claimed('{"expired": true, "cursor": "[1, 1]"}')).result == "5"


def test_a_job_that_is_told_ends_as_cancelled_and_may_clean_up() -> None:
    job, cleaned = claimed(), []

    def work() -> None:
        try:
            try:
                raise Cancelled(job)
            except Exception:
                pytest.fail("an Exception")
        finally:
            cleaned.append(True)

    WORK["run"] = work
    outcome = EXECUTOR.execute(job)
    assert (outcome.state, json.loads(outcome.error or "")["type"]) == (State.CANCELLED, "Cancelled")
    assert cleaned


def test_whatever_a_job_raises_once_it_was_told_it_is_cancelled() -> None:
    reporter = Reporter(lambda _: None, lambda _: None)
    reporter.cancelled = True

    def work() -> None:
        raise Retry(5)

    WORK["run"] = work
    assert EXECUTOR.execute(claimed(), reporter).state is State.CANCELLED


def test_a_job_that_returns_although_it_was_told_is_done() -> None:
    reporter = Reporter(lambda _: None, lambda _: None)
    reporter.cancelled = True
    WORK["run"] = lambda: "too late"
    assert EXECUTOR.execute(claimed(), reporter).state is State.DONE


def test_cancelled_of_another_attempt_is_a_failure_like_any_other() -> None:
    def work() -> None:
        raise Cancelled(claimed())

    WORK["run"] = work
    assert EXECUTOR.execute(claimed()).state is State.SCHEDULED


# -- the row


def test_whoever_runs_the_job_is_notified_and_the_row_says_so(dsn: str, store: Store) -> None:
    job = running(store)
    with psycopg.connect(dsn, autocommit=True) as ear:
        ear.execute(f"listen queueapi_wake_{WORKER.hex}")
        assert store.cancel(job.id, 60.0) is True
        ear.execute("select 1")
        assert [notice.payload for notice in ear.notifies(timeout=0)] == [f"cancel {job.id}"]
    assert store.cancelled([job.id, job.id + 1]) == {(job.id, job.token)}
    assert store.cancel(job.id, 60.0) is True  # once more does no harm


def test_what_has_ended_or_never_was_is_not_cancelled(store: Store) -> None:
    job = running(store)
    store.finish([Outcome(job.id, job.token, State.DONE, "1")], 60.0)
    assert store.cancel(job.id, 60.0) is False
    assert store.cancel(10**15, 60.0) is False


def test_what_comes_back_cancelled_waits_for_nothing_and_says_so_to_whoever_claims_it(
    store: Store, upkeep: Upkeep, sql: Sql
) -> None:
    def retried(job: Claimed) -> None:
        store.reschedule([Outcome(job.id, job.token, State.SCHEDULED, error="{}", delay=3600.0)])

    def released(job: Claimed) -> None:
        upkeep.release(WORKER, [Blame(job.id, "late", "{}")])

    def rescued(job: Claimed) -> None:
        sql("update queueapi.jobs set lease_until = now() - interval '1 s'")
        upkeep.rescue(LOST)

    for comes_back in (retried, released, rescued):
        job = running(store, max_attempts=1)
        assert store.cancel(job.id, 60.0) is True
        comes_back(job)
        (again,) = store.claim(["default"], 1, 1001, WORKER, 30.0)
        assert (again.id, again.more().cancelled) == (job.id, True), comes_back.__name__
        store.finish([Outcome(again.id, again.token, State.CANCELLED)], 60.0)


def test_what_comes_back_between_the_two_statements_of_a_cancel_is_taken_back(dsn: str, queue: Queue) -> None:
    # The row is locked, so that the first statement waits, and finds the job running when it may look.
    handle = queue.push(Cancellable())
    answers: list[bool] = []
    with psycopg.connect(dsn) as connection:
        connection.execute(
            "update queueapi.jobs set state = 'running', token = 1, lease_until = now(), worker = %s", [WORKER]
        )
        thread = threading.Thread(target=lambda: answers.append(handle.cancel()))
        thread.start()
        with psycopg.connect(dsn, autocommit=True) as other:
            until(
                lambda: other.execute("select count(*) from pg_locks where not granted").fetchone() != (0,),
                "the first statement waits",
            )
    thread.join(10)
    assert answers == [True]
    assert handle.state() is State.RUNNING


def test_expired_jobs_come_with_the_claim_and_say_so(queue: Queue, store: Store, sql: Sql) -> None:
    queue.push(Cancellable(), expires_in=60)
    sql("update queueapi.jobs set expires_at = now() - interval '1 s'")
    (job,) = store.claim(["default"], 1, 1000, WORKER, 30.0)
    assert job.more().expired


# -- queues of this process


def test_a_job_of_this_process_is_told_at_its_next_progress_call() -> None:
    queue = MemoryQueue()
    begun, told = threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        assert told.wait(10)
        progress(1)
        pytest.fail("it went on")

    WORK["run"] = work
    handle = queue.push(Cancellable())
    queue.start()
    assert begun.wait(10)
    assert handle.cancel() is True
    told.set()
    with pytest.raises(JobCancelled, match="while it ran"):
        handle.wait(10)
    assert queue.shutdown(10)


def test_a_job_of_this_process_that_was_told_is_not_tried_again() -> None:
    queue = TestQueue()

    def work() -> None:
        handle.cancel()
        raise Retry(0)

    WORK["run"] = work
    handle = queue.push(Cancellable())
    queue.drain()
    assert handle.state() is State.CANCELLED


def test_the_word_is_public() -> None:
    assert queueapi.Cancelled is Cancelled
    assert not issubclass(Cancelled, Exception)
