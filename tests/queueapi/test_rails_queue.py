"""The Rails 4 queue's own tests, in our words: the queues. Consumers and wiring have files of their own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import queueapi
from queueapi import Job, JobFailed, NotOffered, Queue, QueueEmpty, State, SynchronousQueue, TestQueue

ran: list[str] = []
threads: list[threading.Thread] = []


class Says(Job, kind="tests.rails.says"):
    word: str

    def run(self) -> str:
        threads.append(threading.current_thread())
        ran.append(self.word)
        return self.word


class Fails(Job, kind="tests.rails.fails"):
    word: str = "failed"

    def run(self) -> None:
        ran.append(self.word)
        raise ArithmeticError(self.word)


class Pushes(Job, kind="tests.rails.pushes"):
    def run(self) -> None:
        WHERE[0].push(Says("pushed by a job"))


WHERE: list[Queue] = []


@pytest.fixture(autouse=True)
def nothing_ran() -> Iterator[None]:
    ran.clear()
    threads.clear()
    yield
    WHERE.clear()


# -- SynchronousQueue


def test_a_synchronous_queue_runs_the_job_before_push_returns_in_the_thread_of_the_pusher() -> None:
    queue = SynchronousQueue()
    handle = queue.push(Says("a"))
    assert (ran, threads) == (["a"], [threading.current_thread()])
    assert handle.result() == "a"
    assert queue.empty()


def test_it_runs_a_job_at_once_whatever_its_time_and_all_of_many_in_order() -> None:
    queue = SynchronousQueue()
    queue.push(Says("later"), delay=3600)
    queue.push_all([Says("a"), Says("b")])
    queue << Says("c")
    assert ran == ["later", "a", "b", "c"]


def test_what_a_job_raises_reaches_the_pusher_and_nothing_is_left_behind() -> None:
    queue = SynchronousQueue()
    with pytest.raises(ArithmeticError, match="failed"):
        queue.push(Fails())
    with pytest.raises(ArithmeticError):
        queue.push_all([Says("first"), Fails("second"), Says("never")])
    assert ran == ["failed", "first", "second"]
    assert queue.empty()


def test_the_job_that_runs_is_one_that_was_written_down_and_read_back() -> None:
    seen: list[Any] = []

    @queueapi.job(kind="tests.rails.sees")
    def sees(value: Any) -> None:
        seen.append(value)

    mine = {"a": (1, 2)}
    SynchronousQueue().push(sees.job(mine))
    assert seen == [{"a": [1, 2]}]


def test_a_job_that_pushes_into_a_synchronous_queue_has_that_run_inside() -> None:
    WHERE.append(SynchronousQueue())
    WHERE[0].push(Pushes())
    assert ran == ["pushed by a job"]


def test_to_pop_from_a_synchronous_queue_finds_nothing_and_says_so() -> None:
    queue = SynchronousQueue()
    queue.push(Says("a"))
    with pytest.raises(QueueEmpty, match="no job is due"):
        queue.pop(block=False)


# -- TestQueue


def test_a_test_queue_runs_nothing_by_itself() -> None:
    queue = TestQueue()
    queue.push(Says("a"))
    assert ran == []
    assert len(queue) == 1


def test_jobs_lists_what_was_pushed_in_order_and_is_a_list_of_ones_own() -> None:
    queue = TestQueue()
    pushed = [Says(word) for word in "abc"]
    queue.push_all(pushed)
    assert queue.jobs == pushed
    queue.jobs.clear()
    assert queue.jobs == pushed


def test_drain_runs_first_what_came_first_in_the_calling_thread_and_leaves_the_queue_empty() -> None:
    queue = TestQueue()
    handles = [queue.push(Says(word)) for word in "abc"]
    assert queue.drain() == 3
    assert (ran, set(threads)) == (["a", "b", "c"], {threading.current_thread()})
    assert (queue.jobs, queue.empty(), queue.drain()) == ([], True, 0)
    assert [handle.result() for handle in handles] == ["a", "b", "c"]


def test_drain_raises_what_the_first_failing_job_raises_and_the_rest_still_wait() -> None:
    queue = TestQueue()
    queue.push(Says("before"))
    failing = queue.push(Fails())
    queue.push(Says("after"))
    with pytest.raises(ArithmeticError, match="failed") as caught:
        queue.drain()
    assert caught.traceback[-1].name == "run"  # it is the job's own exception, and leads into the job
    assert (ran, queue.jobs) == (["before", "failed"], [Says("after")])
    with pytest.raises(JobFailed, match="ArithmeticError: failed"):
        failing.result()
    assert queue.drain() == 1


def test_drain_runs_what_the_jobs_push_and_what_is_scheduled() -> None:
    queue = TestQueue()
    WHERE.append(queue)
    queue.push(Pushes())
    queue.push(Says("tomorrow"), delay=86_400)
    assert queue.drain() == 3
    assert ran == ["tomorrow", "pushed by a job"]


def test_drain_goes_by_the_executor_of_the_workers() -> None:
    @queueapi.job(kind="tests.rails.returns")
    def returns() -> object:
        return object()

    queue = TestQueue()
    queue.push(returns.job())
    with pytest.raises(queueapi.NotSerializable, match="the result of"):
        queue.drain()


def test_the_progress_of_a_job_is_seen_by_its_handle() -> None:
    queue = TestQueue()
    seen: list[Any] = []

    @queueapi.job(kind="tests.rails.progresses")
    def progresses() -> None:
        queueapi.progress(3, 4, "nearly")
        seen.append(handle.status())

    handle = queue.push(progresses.job())
    queue.drain()
    assert (seen[0]["event"], seen[0]["progress"]) == ("progress", {"done": 3, "total": 4, "message": "nearly"})


def test_a_named_part_of_a_test_queue_is_drained_alone() -> None:
    queue = TestQueue()
    queue["mail"].push(Says("mail"))
    queue.push(Says("other"))
    assert queue["mail"].drain() == 1
    assert (ran, queue.jobs) == (["mail"], [Says("other")])


def test_pop_takes_the_first_job_and_whoever_takes_it_runs_it() -> None:
    queue = TestQueue()
    handle = queue.push(Says("a"))
    queue.push(Says("later"), delay=60)
    assert queue.pop() == Says("a")
    assert handle.state() is State.RUNNING
    with pytest.raises(QueueEmpty):
        queue.pop(timeout=0.01)
    assert (ran, len(queue)) == ([], 1)


def test_pop_waits_for_a_push_of_another_thread() -> None:
    queue = TestQueue()
    popped: list[Any] = []
    thread = threading.Thread(target=lambda: popped.append(queue["mail"].pop(timeout=10)))
    thread.start()
    queue.push(Says("not this"))
    queue["mail"].push(Says("this"))
    thread.join(10)
    assert popped == [Says("this")]


def test_what_an_outcome_is_kept_for_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("queueapi.memory.KEPT", 2)
    queue = SynchronousQueue()
    handles = [queue.push(Says(word)) for word in "abc"]
    assert handles[2].result() == "c"
    assert handles[1].result() == "b"
    with pytest.raises(queueapi.JobNotFound):
        handles[0].result()


# -- the queue on PostgreSQL


NOT_HERE: dict[str, Callable[[Queue], object]] = {
    "pop": lambda queue: queue.pop(block=False),
    "drain": Queue.drain,
    "start": Queue.start,
    "shutdown": Queue.shutdown,
    "handle_exception": lambda queue: queue.handle_exception(Says("a"), ValueError()),
}


@pytest.mark.parametrize("name", NOT_HERE)
def test_on_postgresql_jobs_are_not_run_past_the_workers_and_the_refusal_says_who_runs_them(
    queue: Queue, name: str
) -> None:
    handle = queue.push(Says("a"))
    with pytest.raises(NotOffered, match="queueapi-work MODULE") as caught:
        NOT_HERE[name](queue)
    assert isinstance(caught.value, NotImplementedError)
    assert handle.state() is State.AVAILABLE


def test_on_postgresql_nobody_clears_every_queue_by_accident(queue: Queue) -> None:
    handle = queue.push(Says("a"))
    with pytest.raises(queueapi.SettingsError, match=r"queue\['default'\]\.clear\(\)"):
        queue.clear()
    assert handle.state() is State.AVAILABLE
    assert queue["default"].clear() == 1
