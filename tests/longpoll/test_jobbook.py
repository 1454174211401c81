"""The book of jobs: who waits, what is known, what is to be read, and that nothing stays in it for ever."""

from __future__ import annotations

import time

import pytest

from longpoll.cursor import version_of
from longpoll.jobbook import FIRST_RECHECK, LINGER, RECHECK, WORTH_KEEPING, JobBook, JobState
from longpoll.names import Channels
from longpoll.waiter import Waiter

QUEUED = JobState("queued", '{"id":"1"}', False)
RUNNING = JobState("running", '{"id":"1"}', False)
DONE = JobState("done", '{"id":"1","result":7}', True)


class Clock:
    now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(time, "monotonic", clock.monotonic)
    return clock


@pytest.fixture
def book(clock: Clock) -> JobBook:
    return JobBook()


def waiter(*ids: int, versions: dict[int, str] | None = None) -> Waiter:
    waiter = Waiter(Channels(tuple((id_, f"ticket{id_}") for id_ in ids), ()), lambda news: None)
    waiter.versions = versions or {}
    return waiter


def known(book: JobBook, state: JobState, id_: int = 1) -> Waiter:
    """A book in which a waiter's job has been read."""
    someone = waiter(id_)
    book.enter(someone)
    book.take_changes()
    book.update([id_], {id_: state})
    return someone


def test_a_job_is_new_once_however_many_wait_for_it(book: JobBook) -> None:
    for _ in range(3):
        book.enter(waiter(1, 2))
    dropped, new = book.take_changes()
    assert (dropped, sorted(new)) == ([], [1, 2])
    assert book.take_changes() == ([], [])
    assert sorted(book.all()) == [1, 2]


def test_a_waiter_is_told_a_job_when_it_has_been_read(book: JobBook) -> None:
    someone = waiter(1)
    assert not book.knows(someone)
    book.enter(someone)
    assert not book.knows(someone)
    assert book.news(someone) == ([], {})
    assert book.update([1], {1: QUEUED}) == {someone}
    assert book.knows(someone)
    version = version_of("queued", QUEUED.data.encode())
    assert book.news(someone) == ([("ticket1", QUEUED, version)], {1: version})


def test_a_state_that_was_shown_is_no_news(book: JobBook) -> None:
    version = version_of("queued", QUEUED.data.encode())
    someone = waiter(1, versions={1: version})
    book.enter(someone)
    book.update([1], {1: QUEUED})
    assert book.news(someone) == ([], {1: version})


def test_the_same_state_read_again_concerns_nobody(book: JobBook) -> None:
    someone = known(book, QUEUED)
    assert book.update([1], {1: QUEUED}) == set()
    assert book.update([1], {1: RUNNING}) == {someone}


def test_a_job_that_is_nowhere_is_unknown_and_may_appear_later(book: JobBook) -> None:
    someone = waiter(1)
    book.enter(someone)
    assert book.update([1], {}) == {someone}
    ((_, state, _),) = book.news(someone)[0]
    assert (state.event, state.data, state.final) == ("unknown", '{"id":"1","state":"unknown"}', False)
    assert book.update([1], {1: QUEUED}) == {someone}


def test_what_was_not_read_yet_keeps_the_version_that_the_browser_brought(book: JobBook) -> None:
    someone = waiter(1, 2, versions={1: "shown", 2: "too", 3: "not asked for"})
    book.enter(someone)
    book.update([1], {1: QUEUED})
    told, versions = book.news(someone)
    assert [state for _, state, _ in told] == [QUEUED]
    assert versions == {1: version_of("queued", QUEUED.data.encode()), 2: "too"}
    assert not book.knows(someone)


def test_what_was_read_of_a_job_that_nobody_asked_for_is_left_alone(book: JobBook) -> None:
    assert book.update([5], {5: QUEUED}) == set()
    assert len(book) == 0


def test_two_tickets_for_one_job_are_both_told(book: JobBook) -> None:
    someone = Waiter(Channels(((1, "one"), (1, "other")), ()), lambda news: None)
    book.enter(someone)
    book.update([1], {1: DONE})
    assert [asked for asked, _, _ in book.news(someone)[0]] == ["one", "other"]
    book.leave(someone)
    book.leave(someone)
    assert book.update([1], {1: QUEUED}) == set()


def test_a_new_job_is_read_again_soon_since_a_finish_may_have_passed_the_watch(book: JobBook, clock: Clock) -> None:
    known(book, RUNNING)
    assert book.take_due() == []
    assert book.next_due == pytest.approx(FIRST_RECHECK)
    clock.now += FIRST_RECHECK
    assert book.next_due == 0
    assert book.take_due() == [1]
    assert book.take_due() == []


def test_whatever_somebody_waits_for_is_read_now_and_then(book: JobBook, clock: Clock) -> None:
    known(book, RUNNING, 1)
    known(book, RUNNING, 2)
    clock.now += RECHECK
    assert sorted(book.take_due()) == [1, 2]
    assert book.take_due() == []
    assert book.next_due == RECHECK


def test_a_finished_job_is_not_read_again_and_an_unknown_one_is(book: JobBook, clock: Clock) -> None:
    known(book, DONE, 1)
    someone = waiter(2)
    book.enter(someone)
    book.update([2], {})
    clock.now += RECHECK
    assert book.take_due() == [2]


def test_a_job_is_remembered_between_two_polls_and_forgotten_afterwards(book: JobBook, clock: Clock) -> None:
    someone = known(book, RUNNING)
    clock.now += FIRST_RECHECK
    assert book.take_due() == [1]
    book.leave(someone)
    clock.now += LINGER - 1
    assert book.take_due() == []
    assert book.knows(waiter(1)), "the next poll needs no read"
    assert book.known([1, 2]) == [1], "news of it are still read"
    clock.now += RECHECK + 1
    book.take_due()
    assert len(book) == 0
    assert book.take_changes() == ([1], [])


def test_a_job_that_somebody_waits_for_is_never_forgotten(book: JobBook, clock: Clock) -> None:
    first, second = known(book, RUNNING), waiter(1)
    book.enter(second)
    book.leave(first)
    clock.now += 10 * LINGER
    book.take_due()
    assert book.all() == [1]


def test_a_large_result_is_not_kept_when_nobody_waits(book: JobBook) -> None:
    book.leave(known(book, JobState("done", "x" * (WORTH_KEEPING + 1), True)))
    assert len(book) == 0
    assert book.take_changes() == ([1], [])


def test_a_job_that_was_never_read_is_not_kept_when_nobody_waits(book: JobBook) -> None:
    someone = waiter(1)
    book.enter(someone)
    book.leave(someone)
    assert len(book) == 0
    dropped, new = book.take_changes()
    assert new == []
    assert dropped == [1], "it may have been watched: nobody can say"


def test_a_job_dropped_and_asked_for_again_is_unwatched_first_and_then_watched(book: JobBook) -> None:
    book.leave(known(book, JobState("done", "x" * (WORTH_KEEPING + 1), True)))
    book.enter(waiter(1))
    assert book.take_changes() == ([1], [1])
    assert not book.knows(waiter(1))


def test_in_doubt_everything_is_to_be_read_anew(book: JobBook) -> None:
    someone = known(book, RUNNING)
    book.doubt()
    assert not book.knows(someone)
    assert book.take_changes() == ([], [1])
    assert book.update([1], {1: RUNNING}) == {someone}, "even if it is as it was"


def test_nothing_stays_of_a_thousand_jobs_that_came_and_went(book: JobBook, clock: Clock) -> None:
    for id_ in range(1000):
        book.leave(known(book, RUNNING, id_))
    clock.now += LINGER + RECHECK
    book.take_due()
    book.take_changes()
    assert (len(book), book._new, book._dropped, list(book._fresh)) == (0, set(), set(), [])
