"""What a handle tells of its job."""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

import queueapi
from queueapi import (
    Job,
    JobCancelled,
    JobFailed,
    JobNotFinished,
    JobNotFound,
    Queue,
    SettingsError,
    State,
)
from queueapi.claims import Claimed
from queueapi.postgres.store import Store
from queueapi.records import Outcome
from queueapi.runtime import Runtime
from queueapi.settings import Settings
from queueapi.signing import Signer

Sql = Callable[..., list[tuple[Any, ...]]]
WORKER = UUID(int=1)


class Plain(Job, kind="tests.handles.plain"):
    n: int = 0

    def run(self) -> None: ...


def claim(store: Store, queue: str = "default") -> Claimed:
    (job,) = store.claim([queue], 1, 7, WORKER, 30.0)
    return job


def test_a_handle_follows_its_job_to_the_result(queue: Queue, store: Store) -> None:
    handle = queue.push(Plain())
    assert handle.state() is State.AVAILABLE
    assert handle.status()["event"] == "queued"
    with pytest.raises(JobNotFinished, match=f"job {handle.id} is available"):
        handle.result()
    job = claim(store)
    assert (handle.state(), handle.status()["event"]) == (State.RUNNING, "running")
    store.finish([Outcome(job.id, job.token, State.DONE, '{"imported":3}')], 60.0)
    assert handle.result() == handle.wait(0) == {"imported": 3}
    assert handle.status() == {
        "id": str(handle.id),
        "kind": "tests.handles.plain",
        "state": "done",
        "event": "done",
        "attempt": 1,
        "max_attempts": 25,
        "progress": None,
        "error": None,
        "run_at": None,
        "result": {"imported": 3},
    }


def test_a_dead_job_raises_what_it_died_of(queue: Queue, store: Store) -> None:
    handle = queue.push(Plain(), max_attempts=1)
    job = claim(store)
    error = '{"type": "OSError", "message": "no route", "traceback": "line 3"}'
    store.finish([Outcome(job.id, job.token, State.DEAD, error=error)], 60.0)
    for ask in (handle.result, handle.wait):
        with pytest.raises(JobFailed, match=r"dead after 1 attempts: OSError: no route") as caught:
            ask()
        assert caught.value.error["traceback"] == "line 3"


def test_cancel_takes_back_what_nobody_has_claimed_and_says_so_of_what_runs(queue: Queue, store: Store) -> None:
    for handle in (queue.push(Plain()), queue.push(Plain(), delay=60)):
        assert handle.cancel() is True
        assert handle.state() is State.CANCELLED
        assert handle.cancel() is False
        with pytest.raises(JobCancelled):
            handle.result()
    running = queue.push(Plain())
    claim(store)
    assert running.cancel() is True
    assert running.state() is State.RUNNING  # until it hears of it


def test_a_wait_that_is_over_says_how_far_the_job_is(queue: Queue) -> None:
    handle = queue.push(Plain())
    with pytest.raises(TimeoutError, match=f"job {handle.id} is still available after 0 s"):
        handle.wait(0)


def test_a_job_that_is_not_there_says_why_that_may_be(queue: Queue) -> None:
    missing = queueapi.Handle(queue._backend(), 10**15)
    for ask in (missing.state, missing.result, missing.status, missing.wait):
        with pytest.raises(
            JobNotFound, match=f"no job {10**15}: its transaction has not committed, or it has ended and"
        ):
            ask()
    assert missing.cancel() is False


def test_a_ticket_names_this_job_for_as_long_as_asked(queue: Queue) -> None:
    handle = queue.push(Plain())
    for expires, seconds in ((60, 60), (dt.timedelta(minutes=2), 120)):
        ticket = Signer("s" * 32).verify(handle.ticket(expires))
        assert (ticket.purpose, ticket.name) == ("job", str(handle.id))
        assert abs(ticket.expires - time.time() - seconds) < 5
    assert repr(handle) == f"<Handle {handle.id}>"


def test_a_ticket_without_a_secret_is_refused_with_what_to_set(dsn: str) -> None:
    runtime = Runtime(Settings(database_url=dsn))
    with pytest.raises(SettingsError, match="QUEUEAPI_SECRET is not set"):
        queueapi.Handle(runtime, 1).ticket()


def test_waiting_for_a_job_ends_when_another_thread_finishes_it(queue: Queue, store: Store) -> None:
    handle = queue.push(Plain())
    job = claim(store)
    waited: list[Any] = []
    waiter = threading.Thread(target=lambda: waited.append(handle.wait(30)))
    waiter.start()
    store.tell_watchers(store.finish([Outcome(job.id, job.token, State.DONE, "[1]")], 60.0))
    waiter.join(30)
    assert waited == [[1]]
