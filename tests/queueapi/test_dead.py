"""Dead jobs wait for a person: on PostgreSQL and in the queues of this process alike. And what a verdict becomes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

import queueapi
from queueapi import Discard, Handle, Job, JobCancelled, NotOffered, Queue, Snooze, State, SynchronousQueue, TestQueue
from queueapi.executor import Executor
from queueapi.kinds import kinds
from queueapi.postgres.store import Store
from queueapi.records import Outcome
from queueapi.runtime import Runtime

Sql = Callable[..., list[tuple[Any, ...]]]
RAISES: dict[str, BaseException] = {}


class Does(Job, kind="tests.dead.does", max_attempts=1):
    what: str = "fails"

    def run(self) -> str:
        if self.what in RAISES:
            raise RAISES[self.what]
        return self.what


Run = Callable[[], None]


@pytest.fixture(params=["postgresql", "memory"])
def run(request: pytest.FixtureRequest, queue: Queue, store: Store) -> tuple[Queue, Run]:
    """A queue, and what runs all its jobs."""
    RAISES.clear()
    RAISES["fails"] = OSError("no route")
    if request.param == "memory":
        test = TestQueue()

        def drain() -> None:
            while True:
                try:
                    test.drain()
                except OSError:
                    continue
                return

        return test, drain
    token = iter(range(1, 1000))

    def work() -> None:
        claimed = store.claim(["default", "mail"], 500, next(token), UUID(int=1), 30.0)
        outcomes = [Executor(kinds, 1000).execute(job) for job in claimed]
        if final := [outcome for outcome in outcomes if outcome.state.final]:
            store.finish(final, 60.0)
        if others := [outcome for outcome in outcomes if not outcome.state.final]:
            store.reschedule(others)

    return queue, work


def dead_ids(queue: Queue) -> list[int]:
    return [job.id for job in queue.dead()]


def test_dead_jobs_are_shown_with_what_they_died_of_the_newest_first_of_one_queue_or_all(
    run: tuple[Queue, Run],
) -> None:
    queue, work = run
    first, mail, last = queue.push(Does()), queue["mail"].push(Does()), queue.push(Does())
    queue.push(Does("well"))
    work()
    assert dead_ids(queue) == [last.id, mail.id, first.id]
    assert dead_ids(queue["mail"]) == [mail.id]
    (job,) = queue["mail"].dead()
    assert (job.kind, job.queue, job.state, job.attempt) == ("tests.dead.does", "mail", State.DEAD, 1)
    assert job.error is not None
    assert (job.error["type"], job.error["message"]) == ("OSError", "no route")
    assert "raise RAISES" in job.error["traceback"]


def test_a_dead_job_that_is_retried_begins_anew_under_its_id(run: tuple[Queue, Run]) -> None:
    queue, work = run
    handle = queue["mail"].push(Does(), priority=3)
    work()
    assert handle.retry() is True
    assert handle.retry() is False  # of two who press the button
    status = handle.status()
    assert (status["state"], status["attempt"], status["max_attempts"]) == ("available", 0, 1)
    assert queue["mail"].jobs == [Does()]
    assert dead_ids(queue) == []
    RAISES.clear()
    work()
    assert handle.result() == "fails"


def test_a_dead_job_that_is_discarded_is_cancelled_and_keeps_its_error(run: tuple[Queue, Run]) -> None:
    queue, work = run
    handle = queue.push(Does())
    work()
    assert handle.discard() is True
    assert handle.discard() is False
    assert dead_ids(queue) == []
    with pytest.raises(JobCancelled, match=f"job {handle.id} was cancelled: no route"):
        handle.result()


def test_what_is_not_dead_is_neither_retried_nor_discarded(run: tuple[Queue, Run]) -> None:
    queue, work = run
    done = queue.push(Does("well"))
    work()
    waiting = queue.push(Does())
    for handle in (done, waiting, Handle(queue.backend(), 10**15)):
        assert (handle.retry(), handle.discard()) == (False, False)
    assert (done.state(), waiting.state()) == (State.DONE, State.AVAILABLE)


@pytest.mark.parametrize(("verb", "state"), [("retry", State.AVAILABLE), ("discard", State.CANCELLED)])
def test_all_of_one_queue_or_of_every_queue_are_dealt_with_page_by_page(
    run: tuple[Queue, Run], monkeypatch: pytest.MonkeyPatch, verb: str, state: State
) -> None:
    monkeypatch.setattr("queueapi.deaths._PAGE", 2)
    queue, work = run
    mails = queue["mail"].push_all(Does() for _ in range(5))
    others = queue.push_all(Does() for _ in range(3))
    work()
    assert getattr(queue["mail"].dead(), verb)() == 5
    assert [handle.state() for handle in mails] == [state] * 5
    assert [handle.state() for handle in others] == [State.DEAD] * 3
    assert getattr(queue.dead(), verb)() == 3
    assert getattr(queue.dead(), verb)() == 0


def test_the_jobs_own_verdicts_reach_the_table(run: tuple[Queue, Run]) -> None:
    RAISES.update(gives_up=Discard("the record is gone"), waits=Snooze(60))
    queue, work = run
    gone, waits = queue.push(Does("gives_up")), queue.push(Does("waits"))
    work()
    with pytest.raises(JobCancelled, match="was cancelled: the record is gone"):
        gone.wait(0)
    assert gone.status()["event"] == "cancelled"
    status = waits.status()
    assert (status["state"], status["attempt"], status["event"]) == ("scheduled", 0, "queued")
    assert (len(queue), queue.jobs) == (1, [Does("waits")])


def test_a_discarded_job_is_kept_as_long_as_a_result(queue: Queue, store: Store, sql: Sql) -> None:
    queue.push(Does())
    (job,) = store.claim(["default"], 1, 1, UUID(int=1), 30.0)
    store.finish([Outcome(job.id, 1, State.CANCELLED, error='{"type": "Discard", "message": "m"}')], 60.0)
    kept = "extract(epoch from keep_until - finished_at)::int"
    assert sql(f"select state, {kept}, attempt from queueapi.finished") == [("cancelled", 60, 1)]


def test_a_job_that_puts_itself_off_in_a_synchronous_queue_is_told_that_nothing_waits_there() -> None:
    RAISES["waits"] = Snooze(60)
    queue = SynchronousQueue()
    with pytest.raises(NotOffered, match="nothing waits"):
        queue.push(Does("waits"))
    assert queue.empty()
    RAISES["gives_up"] = Discard("gone")
    assert queue.push(Does("gives_up")).state() is State.CANCELLED


def test_the_process_has_its_dead_jobs_under_one_name(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("queueapi.runtime.default", lambda: runtime)
    assert list(queueapi.dead()) == list(queueapi.dead("mail")) == []
    with pytest.raises(queueapi.SettingsError, match="'old mail'"):
        queueapi.dead("old mail")
