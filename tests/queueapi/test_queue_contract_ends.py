"""What every queue in which jobs wait keeps to when jobs end: which dead ones come back, what expires, what is kept."""

from __future__ import annotations

from typing import Any

import pytest

from queueapi import Job, JobCancelled, JobNotFound, NotUnique, Queue, SettingsError, State


class Index(Job, kind="tests.contract.ends.index", unique="doc"):
    doc: int
    text: str = ""

    def run(self) -> str:
        if self.text == "dies":
            raise ValueError(self.text)
        return self.text


# -- the dead


def test_a_dead_job_comes_back_only_if_no_other_has_taken_its_place(waiting_queue: Queue, hands: Any) -> None:
    dead = waiting_queue.push(Index(1, "dies"), max_attempts=1)
    hands(waiting_queue).run_next()
    waiting_queue.push(Index(1, "well"))
    with pytest.raises(NotUnique, match=f"job {dead.id} stays dead.*Try again when"):
        dead.retry()
    assert (dead.state(), waiting_queue.dead().retry()) == (State.DEAD, 0)
    hands(waiting_queue).run_next()
    assert dead.retry() is True
    assert (dead.state(), dead.retry()) == (State.AVAILABLE, False)
    assert waiting_queue.push(Index(1)).id == dead.id


def test_of_dead_jobs_that_are_the_same_one_comes_back(waiting_queue: Queue, hands: Any) -> None:
    for _ in range(2):
        waiting_queue.push(Index(1, "dies"), max_attempts=1)
        hands(waiting_queue).run_next()
    assert waiting_queue.dead().retry() == 1
    assert (waiting_queue.size(), len(list(waiting_queue.dead()))) == (1, 1)


# -- expiry, and what is kept


def test_a_job_that_nobody_begins_in_time_is_never_begun(waiting_queue: Queue, hands: Any) -> None:
    late = waiting_queue.push(Index(1, "late"), expires_in=0)
    in_time = waiting_queue.push(Index(2, "in time"), expires_in=60)
    for _ in range(2):
        hands(waiting_queue).run_next()
    assert in_time.result() == "in time"
    with pytest.raises(JobCancelled, match="expires_in"):
        late.result()
    assert late.status()["error"]["type"] == "Expired"


def test_nothing_is_kept_of_a_job_that_is_done_if_it_says_so(waiting_queue: Queue, hands: Any) -> None:
    done = waiting_queue.push(Index(1, "well"), keep_result=False)
    dies = waiting_queue.push(Index(2, "dies"), keep_result=False, max_attempts=1)
    late = waiting_queue.push(Index(3), keep_result=False, expires_in=0)
    for _ in range(3):
        hands(waiting_queue).run_next()
    with pytest.raises(JobNotFound, match="it has ended and nothing of it is kept"):
        done.wait(timeout=5)
    assert (dies.state(), late.state()) == (State.DEAD, State.CANCELLED)
    assert waiting_queue.push(Index(1)).id != done.id


# -- delays that one push brings


class Fails(Job, kind="tests.contract.ends.fails", retry=3600, max_attempts=9):
    def run(self) -> None:
        raise ValueError("as ordered")


@pytest.mark.parametrize("retry", [0, [0, 0]])
def test_the_delays_of_a_push_win_over_those_of_the_class(waiting_queue: Queue, hands: Any, retry: Any) -> None:
    usual, hasty = waiting_queue.push(Fails()), waiting_queue.push(Fails(), retry=retry)
    for _ in range(2):
        hands(waiting_queue).run_next()
    assert (usual.state(), hasty.state()) == (State.SCHEDULED, State.AVAILABLE)


def test_a_list_of_delays_is_also_how_many_attempts_a_push_has(waiting_queue: Queue, hands: Any) -> None:
    handle = waiting_queue.push(Fails(), retry=[0, 0])
    for _ in range(3):
        assert not handle.state().final
        hands(waiting_queue).run_next()
    assert handle.state() is State.DEAD
    assert waiting_queue.push(Fails(), retry=[0], max_attempts=5).status()["max_attempts"] == 5


@pytest.mark.parametrize("retry", [lambda error, attempt: 1.0, "soon", [], -1])
def test_a_push_cannot_bring_what_no_row_can_hold(waiting_queue: Queue, retry: Any) -> None:
    with pytest.raises(SettingsError, match="retry="):
        waiting_queue.push(Fails(), retry=retry)
    assert waiting_queue.empty()
