"""What every queue keeps to, whatever stands behind it: code that pushes cannot tell one from another.

A queue that is added is added to the fixture ``any_queue``, and held to all of this.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest

from queueapi import (
    Handle,
    Job,
    NotAJob,
    NotSerializable,
    Queue,
    SettingsError,
    State,
    SynchronousQueue,
    verify_ticket,
)
from queueapi.application import current


class Note(Job, kind="tests.contract.note", queue="notes", priority=5, max_attempts=3):
    text: str = ""

    def run(self) -> str:
        return self.text


class Anything(Job, kind="tests.contract.anything"):
    value: Any = None

    def run(self) -> None: ...


def runs_at_once(queue: Queue) -> bool:
    return isinstance(queue, SynchronousQueue)


@pytest.mark.parametrize("push", [Queue.push, Queue.enq, Queue.__lshift__], ids=["push", "enq", "<<"])
def test_each_name_of_a_push_gives_a_handle_of_the_job(any_queue: Queue, push: Callable[..., Handle]) -> None:
    handle = push(any_queue, Note("a"))
    assert isinstance(handle, Handle)
    assert handle.status()["kind"] == "tests.contract.note"
    assert handle.status()["max_attempts"] == 3
    assert handle.state() is (State.DONE if runs_at_once(any_queue) else State.AVAILABLE)


UNSTORABLE: dict[str, tuple[Callable[[Queue], object], type[Exception], str]] = {
    "no job": (lambda _: 3, NotAJob, "int is not a job"),
    "a class": (lambda _: Note, NotAJob, "Note is a class"),
    "an object of this process": (lambda _: Anything(object()), NotSerializable, r"Anything\.value cannot be written"),
    "the queue itself": (Anything, NotSerializable, r"Anything\.value cannot be written"),
    "something that holds the queue": (lambda q: Anything({"q": [q]}), NotSerializable, r"value\['q'\]\[0\] cannot"),
    "the wrong type": (lambda _: Note(3), NotSerializable, r"Note\.text does not fit its declaration"),  # type: ignore[arg-type]
    "text that PostgreSQL refuses": (lambda _: Note("\0"), NotSerializable, "NUL"),
}


@pytest.mark.parametrize("push", [Queue.push, Queue.enq, Queue.__lshift__], ids=["push", "enq", "<<"])
@pytest.mark.parametrize("what", UNSTORABLE)
def test_what_cannot_be_written_down_is_refused_at_push_under_each_name_in_the_same_words(
    any_queue: Queue, push: Callable[..., Handle], what: str
) -> None:
    make, error, sentence = UNSTORABLE[what]
    with pytest.raises(error, match=sentence) as caught:
        push(any_queue, make(any_queue))
    assert isinstance(caught.value, TypeError)
    assert any_queue.size() == 0


def test_a_job_that_is_too_large_is_refused_by_the_settings_of_its_queue(any_queue: Queue) -> None:
    limit = any_queue.backend().settings.max_args
    with pytest.raises(NotSerializable, match=f"{limit:,} are allowed"):
        any_queue.push(Note("x" * limit))


@pytest.mark.parametrize(
    "options",
    [{"run_at": dt.datetime(2090, 1, 1)}, {"delay": -1}, {"queue": "old mail"}, {"priority": "high"}],
    ids=lambda options: next(iter(options)),
)
def test_an_option_that_cannot_be_honoured_is_refused_everywhere(any_queue: Queue, options: dict[str, Any]) -> None:
    with pytest.raises(SettingsError):
        any_queue.push(Note(), **options)
    assert any_queue.size() == 0


def test_one_bad_job_among_many_pushes_none(any_queue: Queue) -> None:
    with pytest.raises(NotAJob):
        any_queue.push_all([Note("a"), "no job"])
    assert any_queue.size() == 0
    assert any_queue.push_all([]) == []


def test_a_page_gets_the_same_of_every_queue(any_queue: Queue) -> None:
    assert set(any_queue.push(Note(), delay=60).status()) - {"result"} == {
        "id", "kind", "state", "attempt", "max_attempts", "progress", "error", "run_at", "event",
    }  # fmt: skip


def test_a_ticket_is_good_for_its_job(any_queue: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    handle = any_queue.push(Note())
    monkeypatch.setattr(current, "_backend", any_queue.backend())
    monkeypatch.setattr(current, "_ready", True)
    assert verify_ticket(handle.ticket()).status() == handle.status()


def test_a_bound_copy_shares_the_jobs_and_nothing_of_the_name(any_queue: Queue) -> None:
    assert (any_queue["a"].name, any_queue["a"]["b"].name, any_queue.name) == ("a", "b", None)
    assert any_queue["a"].backend() is any_queue.backend()


def test_a_queue_is_there_even_when_it_is_empty_and_cannot_be_iterated(any_queue: Queue) -> None:
    assert (len(any_queue), any_queue.empty()) == (0, True)
    assert bool(any_queue) is True
    with pytest.raises(TypeError):
        iter(any_queue)  # type: ignore[call-overload]


# -- what waits; in a synchronous queue nothing ever does


def test_what_waits_is_counted_and_shown_by_name_and_in_all_in_the_order_of_running(any_queue: Queue) -> None:
    any_queue.push(Note("second of notes"))
    any_queue.push(Note("third of notes"))
    any_queue.push(Note("first of notes"), priority=1)
    any_queue["letters"].push(Note("a letter"))
    any_queue.push(Note("tomorrow"), delay=86_400)
    any_queue.push(Note("in an hour"), delay=3_600, priority=9)
    names = ["notes", "letters", "other"]
    sizes = [len(any_queue[name]) for name in names]
    jobs = [job.text for job in any_queue["notes"].jobs]
    if runs_at_once(any_queue):
        assert (sizes, len(any_queue), jobs) == ([0, 0, 0], 0, [])
        return
    assert (sizes, len(any_queue)) == ([5, 1, 0], 6)
    assert [any_queue[name].empty() for name in names] == [False, False, True]
    assert jobs == ["first of notes", "second of notes", "third of notes", "in an hour", "tomorrow"]
    assert {job.text for job in any_queue.jobs} == {*jobs, "a letter"}


def test_what_is_shown_is_a_copy_that_was_written_down_and_read_back(any_queue: Queue) -> None:
    job = Anything({"list": [1, (2, 3)]})
    any_queue.push(job)
    if not runs_at_once(any_queue):
        (copy,) = any_queue.jobs
        assert copy is not job
        assert copy == Anything({"list": [1, [2, 3]]})


def test_clearing_a_queue_cancels_what_waits_there_and_says_why(any_queue: Queue) -> None:
    gone = [any_queue["a"].push(Note()), any_queue["a"].push(Note(), delay=60)]
    other = any_queue["b"].push(Note())
    before = other.state()
    count = any_queue["a"].clear()
    assert other.state() is before
    if not runs_at_once(any_queue):
        assert count == 2
        assert [handle.state() for handle in gone] == [State.CANCELLED] * 2
        assert gone[0].status()["error"] == {"type": "Cleared", "message": "<Queue a> was cleared"}
    assert any_queue["a"].clear() == 0
    assert any_queue["a"].empty()


def test_a_job_is_taken_back_while_nobody_has_claimed_it(any_queue: Queue) -> None:
    handle = any_queue.push(Note())
    assert handle.cancel() is not runs_at_once(any_queue)
    assert handle.cancel() is False
    assert any_queue.empty()
