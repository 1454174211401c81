"""The Rails 4 queue's own tests, in our words: the consumer in a thread."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator

import pytest

from queueapi import Job, MemoryQueue, NotOffered, Queue, State, ThreadedQueueConsumer

DOES: dict[str, Callable[[], object]] = {}


class Does(Job, kind="tests.rails_consumer.does", max_attempts=1):
    what: str

    def run(self) -> object:
        return DOES[self.what]()


@pytest.fixture
def queue() -> Iterator[Queue]:
    queue = MemoryQueue()
    yield queue
    assert queue.shutdown(10)


def test_a_job_does_not_run_inside_push_but_in_the_thread_of_the_consumer(queue: Queue) -> None:
    go, names = threading.Event(), []

    def work() -> None:
        go.wait(10)
        names.append(threading.current_thread().name)

    DOES["waits"] = work
    handle = queue.start().push(Does("waits"))
    assert not handle.state().final
    go.set()
    handle.wait(10)
    assert names == ["queueapi default"]


def test_shutdown_runs_all_that_was_pushed_before_it_however_slow(queue: Queue) -> None:
    begun, go, done = threading.Event(), threading.Event(), []

    def slow() -> None:
        begun.set()
        go.wait(10)
        done.append("slow")

    DOES.update(slow=slow, next=lambda: done.append("next"))
    queue.start()
    queue.push_all([Does("slow"), Does("next")])
    assert begun.wait(10)
    assert queue.shutdown(0.01) is False
    go.set()
    assert queue.shutdown(10) is True
    assert done == ["slow", "next"]


def test_what_is_scheduled_for_later_stays_at_shutdown_and_runs_when_it_is_due(queue: Queue) -> None:
    done: list[str] = []
    DOES.update(soon=lambda: done.append("soon"), late=lambda: done.append("late"))
    queue.start()
    queue.push(Does("late"), delay=3600)
    queue.push(Does("soon"), delay=0.02).wait(10)
    assert queue.shutdown(10)
    assert (done, queue.jobs) == (["soon"], [Does("late")])


def test_a_consumer_is_started_once_and_again_after_a_shutdown(queue: Queue) -> None:
    DOES["nothing"] = lambda: None
    before = threading.active_count()
    assert queue.start() is queue
    assert queue.consumer.start() is queue.consumer
    assert threading.active_count() == before + 1
    assert queue.shutdown(10)
    assert queue.shutdown(10)
    queue.start().push(Does("nothing")).wait(10)


def fail() -> None:
    raise OSError("no route")


def test_an_exception_is_logged_once_with_the_job_and_its_neighbours_run_on(
    queue: Queue, caplog: pytest.LogCaptureFixture
) -> None:
    DOES.update(fails=fail, nothing=lambda: None)
    failing, other = queue.push(Does("fails")), queue.push(Does("nothing"))
    with caplog.at_level(logging.INFO, "queueapi"):
        queue.start()
        other.wait(10)
        queue.shutdown(10)
    (record,) = caplog.records
    assert record.getMessage() == "Does(what='fails') failed: OSError('no route')"
    assert record.exc_info is not None
    assert failing.state() is State.DEAD


def test_what_fails_is_tried_again_as_its_class_says(queue: Queue) -> None:
    failed = threading.Event()

    def fails() -> None:
        failed.set()
        raise OSError

    DOES["fails"] = fails
    handle = queue.push(Does("fails"), max_attempts=2)
    queue.start()
    assert failed.wait(10)
    queue.shutdown(10)
    assert (handle.state(), handle.status()["event"]) == (State.SCHEDULED, "retrying")


def test_the_handler_can_be_overridden_and_a_handler_that_fails_stops_nobody(queue: Queue) -> None:
    told: list[tuple[object, str]] = []

    class Teller(ThreadedQueueConsumer):
        def handle_exception(self, job: object, exception: BaseException) -> None:
            told.append((job, repr(exception)))
            raise RuntimeError("and so does the handler")

    logger = logging.Logger("quiet")
    logger.addHandler(logging.NullHandler())
    DOES.update(fails=fail, nothing=lambda: None)
    consumer = Teller(queue, logger).start()
    queue.push(Does("fails"))
    queue.push(Does("nothing")).wait(10)
    assert consumer.shutdown(10)
    assert told == [(Does("fails"), "OSError('no route')")]


def test_drain_of_a_consumer_runs_here_and_raises(queue: Queue) -> None:
    DOES["fails"] = fail
    queue.push(Does("fails"))
    with pytest.raises(OSError, match="no route"):
        queue.consumer.drain()


def test_each_name_has_its_own_consumer(queue: Queue) -> None:
    DOES["nothing"] = lambda: None
    queue["a"].start()
    left = queue["b"].push(Does("nothing"))
    queue["a"].push(Does("nothing")).wait(10)
    assert queue["a"].consumer is queue["a"].consumer is not queue["b"].consumer
    assert queue["a"].shutdown(10)
    assert left.state() is State.AVAILABLE


@pytest.mark.system
def test_without_any_logging_set_up_errors_go_to_stderr(python: Callable[..., str]) -> None:
    program = """
import contextlib, io, sys
sys.stderr = io.StringIO()
from queueapi import MemoryQueue, job
@job(kind="fails")
def fails(): raise OSError("no route")
queue = MemoryQueue().start()
queue.push(fails.job())
queue.shutdown(10)
print(sys.stderr.getvalue())
"""
    said = python(program)
    assert said.startswith("fails() failed: OSError('no route')\nTraceback")


def test_a_consumer_of_jobs_on_postgresql_is_refused(runtime: object) -> None:
    with pytest.raises(NotOffered, match="queueapi-work"):
        ThreadedQueueConsumer(Queue(lambda: runtime))  # type: ignore[arg-type,return-value]
