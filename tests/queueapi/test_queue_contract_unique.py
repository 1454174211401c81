"""What every queue in which jobs wait keeps to with jobs of which there is to be one."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest

from queueapi import Handle, Job, NotUnique, Queue, Retry, SettingsError, State


class Index(Job, kind="tests.unique.index", unique="doc"):
    doc: int
    text: str = ""

    def run(self) -> str:
        if self.text == "dies":
            raise ValueError(self.text)
        if self.text == "again":
            raise Retry(0.0)
        return self.text


class Other(Job, kind="tests.unique.other", unique="doc"):
    doc: int

    def run(self) -> None: ...


class Plain(Job, kind="tests.unique.plain"):
    n: float = 0
    names: frozenset[str] = frozenset()

    def run(self) -> None: ...


def texts(queue: Queue) -> list[tuple[int, str]]:
    return [(job.doc, job.text) for job in queue.jobs]


def run_at(handle: Handle) -> dt.datetime:
    return dt.datetime.fromisoformat(handle.status()["run_at"])


# -- what is the same


def test_of_jobs_that_are_the_same_the_first_stays_and_the_others_get_its_handle(waiting_queue: Queue) -> None:
    first = waiting_queue.push(Index(1, "first"))
    assert waiting_queue.push(Index(1, "second")).id == first.id
    assert waiting_queue.push(Index(2, "other")).id != first.id
    assert texts(waiting_queue) == [(1, "first"), (2, "other")]


def test_jobs_of_different_kinds_are_never_the_same(waiting_queue: Queue) -> None:
    waiting_queue.push(Index(1))
    waiting_queue.push(Other(1))
    assert waiting_queue.size() == 2


@pytest.mark.parametrize(
    ("one", "another", "unique", "same"),
    [
        (Plain(1), Plain(1), True, True),
        (Plain(1), Plain(2), True, False),
        (Plain(1), Plain(1.0), True, True),
        (Plain(1, frozenset({"a", "b"})), Plain(1, frozenset({"b", "a"})), True, True),
        (Plain(1, frozenset({"a"})), Plain(1, frozenset({"b"})), ["n"], True),
        (Plain(1, frozenset({"a"})), Plain(1, frozenset({"b"})), ("n", "names"), False),
        (Plain(1), Plain(3), lambda job: job.n % 2, True),
        (Plain(1), Plain(2), lambda job: job.n % 2, False),
        (Plain(1), Plain(1), lambda job: None, False),
        (Plain(1), Plain(1), False, False),
    ],
)
def test_the_same_is_what_unique_says(waiting_queue: Queue, one: Job, another: Job, unique: Any, same: bool) -> None:
    first = waiting_queue.push(one, unique=unique)
    assert (waiting_queue.push(another, unique=unique).id == first.id) is same


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"unique": "size"}, "unique='size' names 'size', which is no field of Plain"),
        ({"unique": 3}, "unique is 3, and must be True"),
        ({"unique": []}, "unique is \\[\\], and must be True"),
        ({"unique": lambda job: object()}, "the unique= of Plain gave a object, which cannot be compared"),
        ({"unique": True, "on_conflict": "wait"}, "on_conflict is 'wait', and must be one of skip, replace"),
        ({"unique": True, "unique_until": "later"}, "unique_until is 'later', and must be one of end, start"),
        ({"unique": True, "unique_for": -1}, "unique_for=-1 must be between"),
        ({"unique_for": 60}, "unique_for=60 says nothing without unique="),
        ({"on_conflict": "raise"}, "on_conflict='raise' says nothing without unique="),
    ],
)
def test_what_cannot_be_meant_is_refused_everywhere(any_queue: Queue, options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(SettingsError, match=sentence):
        any_queue.push(Plain(), **options)
    assert any_queue.size() == 0


# -- how long it is


def test_a_job_is_unique_while_it_runs_and_between_its_attempts_and_no_longer(waiting_queue: Queue, hands: Any) -> None:
    first = waiting_queue.push(Index(1, "again"), max_attempts=2)
    running = hands(waiting_queue).take()
    assert waiting_queue.push(Index(1)).id == first.id
    hands(waiting_queue).run(running)
    assert first.status()["event"] == "retrying"
    assert waiting_queue.push(Index(1)).id == first.id
    hands(waiting_queue).run_next()
    assert first.state() is State.DEAD
    assert waiting_queue.push(Index(1)).id != first.id


def test_a_job_that_is_unique_until_it_starts_lets_one_more_wait_behind_it(waiting_queue: Queue, hands: Any) -> None:
    first = waiting_queue.push(Index(1, "again"), unique_until="start")
    assert waiting_queue.push(Index(1), unique_until="start").id == first.id
    running = hands(waiting_queue).take()
    second = waiting_queue.push(Index(1), unique_until="start")
    assert waiting_queue.push(Index(1), unique_until="start").id == second.id != first.id
    hands(waiting_queue).run(running)  # comes back, beside the other
    assert first.status()["event"] == "retrying"
    assert second.state() is State.AVAILABLE


def test_a_cancelled_job_makes_room(waiting_queue: Queue) -> None:
    first = waiting_queue.push(Index(1))
    first.cancel()
    assert waiting_queue.push(Index(1)).id != first.id


def test_a_job_may_be_unique_for_a_time_whatever_becomes_of_it(
    waiting_queue: Queue, hands: Any, eventually: Callable[..., None]
) -> None:
    first = waiting_queue.push(Index(1), unique_for=0.3)
    hands(waiting_queue).run_next()
    assert first.state() is State.DONE
    assert waiting_queue.push(Index(1), unique_for=60).id == first.id
    with pytest.raises(NotUnique, match=f"job {first.id}"):
        waiting_queue.push(Index(1), unique_for=60, on_conflict="raise")
    with pytest.raises(NotUnique, match="it has begun"):
        waiting_queue.push(Index(1), unique_for=60, on_conflict="replace")
    eventually(lambda: waiting_queue.push(Index(1), unique_for=60).id != first.id)
    assert waiting_queue.size() == 1


def test_a_job_that_still_waits_is_unique_beyond_its_time_which_does_not_begin_anew(
    waiting_queue: Queue, hands: Any
) -> None:
    first = waiting_queue.push(Index(1))
    assert waiting_queue.push(Index(1), unique_for=60).id == first.id
    hands(waiting_queue).run_next()
    assert waiting_queue.push(Index(1), unique_for=60).id != first.id


# -- what becomes of the later one


def test_a_conflict_may_be_an_error_that_names_the_job_and_pushes_nothing(waiting_queue: Queue) -> None:
    first = waiting_queue.push(Index(2))
    with pytest.raises(NotUnique, match=f"job {first.id}.* the same.* not pushed again") as caught:
        waiting_queue.push_all([Index(1), Index(2), Index(3)], on_conflict="raise")
    assert caught.value.id == first.id
    assert texts(waiting_queue) == [(2, "")]
    with pytest.raises(NotUnique):
        waiting_queue.push_all([Index(5), Index(5)], on_conflict="raise")
    assert waiting_queue.size() == 1


def test_the_earlier_may_be_replaced_by_the_later_under_its_id(waiting_queue: Queue) -> None:
    first = waiting_queue.push(Index(1, "old"), queue="slow", delay=60, priority=9)
    time = run_at(first)
    again = waiting_queue["fast"].push(Index(1, "new"), on_conflict="replace", priority=-3, max_attempts=2)
    assert again.id == first.id
    assert run_at(first) == time
    assert first.status()["max_attempts"] == 2
    assert (waiting_queue["slow"].size(), texts(waiting_queue["fast"])) == (0, [(1, "new")])


def test_who_replaces_may_say_another_time(waiting_queue: Queue) -> None:
    first = waiting_queue.push(Index(1), delay=3600)
    sooner = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=600)
    waiting_queue.push(Index(1), on_conflict="replace", run_at=sooner)
    assert run_at(first) == sooner


def test_a_replaced_job_that_failed_before_begins_anew(waiting_queue: Queue, hands: Any) -> None:
    first = waiting_queue.push(Index(1, "dies"), max_attempts=2)
    hands(waiting_queue).run_next()
    assert first.state() is State.SCHEDULED
    waiting_queue.push(Index(1, "well"), on_conflict="replace")
    assert (first.state(), first.status()["attempt"], first.status()["error"]) == (State.AVAILABLE, 0, None)
    hands(waiting_queue).run_next()
    assert first.result() == "well"


def test_a_conflict_may_push_the_time_out_but_never_draws_it_near(waiting_queue: Queue) -> None:
    first = waiting_queue.push(Index(1, "a"), delay=100, on_conflict="postpone")
    soon = run_at(first)
    assert waiting_queue.push(Index(1, "b"), delay=200, on_conflict="postpone").id == first.id
    late = run_at(first)
    assert late - soon >= dt.timedelta(seconds=99)
    waiting_queue.push(Index(1, "c"), delay=1, on_conflict="postpone")
    assert run_at(first) == late
    assert texts(waiting_queue) == [(1, "c")]


@pytest.mark.parametrize("on_conflict", ["replace", "postpone"])
def test_what_has_begun_is_not_replaced_and_that_is_said(
    waiting_queue: Queue, hands: Any, on_conflict: Any
) -> None:
    first = waiting_queue.push(Index(1, "old"))
    running = hands(waiting_queue).take()
    with pytest.raises(NotUnique, match=f"job {first.id}.*it has begun.*unique_until='start'") as caught:
        waiting_queue.push_all([Index(9), Index(1, "new")], on_conflict=on_conflict)
    assert caught.value.id == first.id
    hands(waiting_queue).run(running)
    assert (first.result(), waiting_queue.size()) == ("old", 0)


def test_the_same_many_times_in_one_push_is_one_job(waiting_queue: Queue) -> None:
    handles = waiting_queue.push_all([Index(1, "a"), Index(2), Index(1, "b"), Index(1, "c")])
    assert [handle.id == handles[0].id for handle in handles] == [True, False, True, True]
    again = waiting_queue.push_all([Index(1, "d"), Index(3), Index(1, "e")], on_conflict="replace")
    assert again[0].id == again[2].id == handles[0].id
    assert texts(waiting_queue) == [(1, "e"), (2, ""), (3, "")]
