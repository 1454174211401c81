"""The Rails 4 queue's own tests, in our words: how an application says what its queue is, and who runs the jobs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

import queueapi
from queueapi import (
    Job,
    MemoryQueue,
    NotOffered,
    Queue,
    SettingsError,
    State,
    SynchronousQueue,
    TestQueue,
    ThreadedQueueConsumer,
    configure,
)
from queueapi.runtime import Runtime


class Plain(Job, kind="tests.application.plain"):
    n: int = 0

    def run(self) -> int:
        return self.n


class Mailbox:
    def __init__(self) -> None:
        self.got: list[Any] = []

    def push(self, job: Any) -> None:
        self.got.append(job)


class Starter:
    """A consumer that has start, and nothing else."""

    def __init__(self, queue: Any = None) -> None:
        self.queue = queue
        self.said: list[str] = []

    def start(self) -> None:
        self.said.append("start")


class Ender(Starter):
    def shutdown(self) -> None:
        self.said.append("shutdown")


@pytest.fixture(autouse=True)
def afterwards_as_before(monkeypatch: pytest.MonkeyPatch, runtime: Runtime) -> Iterator[None]:
    monkeypatch.delenv("QUEUEAPI_QUEUE", raising=False)
    monkeypatch.delenv("QUEUEAPI_CONSUMER", raising=False)
    monkeypatch.setattr("queueapi.runtime.default", lambda: runtime)
    configure()
    yield
    configure()


def test_if_nothing_is_said_jobs_go_to_postgresql(runtime: Runtime) -> None:
    assert queueapi.queue.backend() is runtime
    assert queueapi.queue.push(Plain()).state() is State.AVAILABLE


@pytest.mark.parametrize("given", [TestQueue, TestQueue(), "test"], ids=["class", "instance", "word"])
def test_the_queue_of_the_process_becomes_what_is_configured(given: Any) -> None:
    mine = queueapi.queue["mine"]  # whoever imported it, or a part of it, before
    configure(queue=given)
    handle = mine.push(Plain(3))
    assert queueapi.queue["mine"].jobs == [Plain(3)]
    assert queueapi.handle(handle.id).status() == handle.status()
    queueapi.check()
    assert queueapi.queue.drain() == 1
    assert handle.result() == 3


def test_without_arguments_it_goes_back_to_the_environment(monkeypatch: pytest.MonkeyPatch, runtime: Runtime) -> None:
    configure(queue=SynchronousQueue)
    assert queueapi.queue.push(Plain(1)).result() == 1
    monkeypatch.setenv("QUEUEAPI_QUEUE", "test")
    assert queueapi.queue.push(Plain(1)).result() == 1
    configure()
    assert queueapi.queue.push(Plain(2)).state() is State.AVAILABLE
    assert queueapi.queue.jobs == [Plain(2)]
    configure(queue="postgres")
    assert queueapi.queue.backend() is runtime


@pytest.mark.parametrize(
    ("word", "state"), [("synchronous", State.DONE), ("test", State.AVAILABLE), ("postgres", State.AVAILABLE)]
)
def test_each_environment_may_have_another_kind_of_queue(
    word: str, state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QUEUEAPI_QUEUE", word)
    assert queueapi.queue.push(Plain()).state() is state


def test_a_queue_with_push_alone_will_do() -> None:
    mailbox = Mailbox()
    configure(queue=mailbox)
    queueapi.queue.push(Plain(4))
    assert mailbox.got == [Plain(4)]


def test_the_environment_may_name_a_queue_of_ones_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("queueapi.test_here", mailbox := Mailbox(), raising=False)
    monkeypatch.setenv("QUEUEAPI_QUEUE", "queueapi:test_here")
    queueapi.queue.push(Plain(4))
    assert mailbox.got == [Plain(4)]


@pytest.mark.parametrize("text", ["redis", "nowhere.at.all:queue", "queueapi:nothing"])
def test_a_queue_that_is_not_there_is_one_sentence_at_the_first_use(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUEUEAPI_QUEUE", text)
    for _ in range(2):
        with pytest.raises(SettingsError, match=text):
            queueapi.queue.push(Plain())
    monkeypatch.delenv("QUEUEAPI_QUEUE")
    assert queueapi.queue.push(Plain()).state() is State.AVAILABLE


@pytest.mark.parametrize("given", [3, object, queueapi.queue, TestQueue()["mail"]], ids=str)
def test_what_is_no_queue_is_refused_and_changes_nothing(given: Any) -> None:
    configure(queue=SynchronousQueue)
    with pytest.raises(SettingsError):
        configure(queue=given)
    assert queueapi.queue.push(Plain(7)).result() == 7


# -- consumers


def test_a_memory_queue_gets_the_stock_consumer_and_loses_it_with_the_next_queue() -> None:
    queue = MemoryQueue()
    configure(queue=queue)
    assert queueapi.queue.push(Plain(5)).wait(10) == 5
    configure(queue=TestQueue)
    left = queue.push(Plain())
    assert left.state() is State.AVAILABLE


@pytest.mark.parametrize("queue", [TestQueue, SynchronousQueue, Mailbox])
def test_no_other_queue_gets_a_consumer_that_it_did_not_ask_for(
    queue: type[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("started")

    monkeypatch.setattr(ThreadedQueueConsumer, "start", refuse)
    configure(queue=queue)
    queueapi.queue.push(Plain())


def test_a_consumer_needs_only_start_and_is_made_of_the_queue() -> None:
    made: list[Starter] = []

    def make(queue: Any) -> Starter:
        made.append(Starter(queue))
        return made[-1]

    queue = TestQueue()
    configure(queue=queue, consumer=make)
    assert (made[0].queue, made[0].said) == (queue, ["start"])
    configure(queue=queue, consumer=(ready := Starter()))
    assert ready.said == ["start"]


def test_its_shutdown_is_called_when_another_takes_its_place() -> None:
    configure(queue=TestQueue, consumer=(ender := Ender()))
    configure(queue=TestQueue)
    assert ender.said == ["start", "shutdown"]


@pytest.mark.system
def test_what_was_pushed_is_run_before_the_process_ends(
    python: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QUEUEAPI_QUEUE", "memory")
    program = """
import time, queueapi
@queueapi.job(kind="slow")
def slow(n):
    time.sleep(0.05)
    print(n, flush=True)
queueapi.queue.push_all(slow.job(n) for n in range(3))
"""
    assert python(program).split() == ["0", "1", "2"]


def test_the_environment_names_a_consumer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("queueapi.test_here", consumer := Starter(), raising=False)
    monkeypatch.setenv("QUEUEAPI_QUEUE", "test")
    monkeypatch.setenv("QUEUEAPI_CONSUMER", "queueapi:test_here")
    queueapi.queue.push(Plain())
    assert consumer.said == ["start"]


def test_what_is_no_consumer_or_cannot_run_these_jobs_is_refused_and_changes_nothing() -> None:
    configure(queue=SynchronousQueue)
    with pytest.raises(SettingsError, match="is no consumer"):
        configure(queue=TestQueue, consumer="threads")
    with pytest.raises(NotOffered, match="queueapi-work"):
        configure(consumer=ThreadedQueueConsumer)
    assert queueapi.queue.push(Plain(7)).result() == 7


def test_a_consumer_of_ones_own_may_serve_postgresql() -> None:
    made: list[Any] = []

    def make(queue: Any) -> Starter:
        made.append(queue)
        return Starter(queue)

    configure(consumer=make)
    assert isinstance(made[0], Queue)
    queueapi.queue.push(Plain())
    assert len(made[0]) == 1
