"""What runs too long is ended, in real workers: by an exception if that is enough, by force if not."""

from __future__ import annotations

import time

import pytest
import stoppable
import workshop

from queueapi import Job, JobFailed, Queue
from tests.system.conftest import Sql, Start, until

pytestmark = pytest.mark.system


def test_a_soft_timeout_is_raised_in_the_job_which_may_clean_up_and_fails_the_attempt(
    start: Start, queue: Queue, sql: Sql
) -> None:
    start("-c", 2, modules=("stoppable",)).ready()
    handle = queue.push(stoppable.Patient(1, 60.0), timeout=0.5, max_attempts=1)
    with pytest.raises(JobFailed, match=r"SoftTimeout: it ran longer than its timeout of 0\.5 s"):
        handle.wait(20)
    assert sql("select n, attempt from ended") == [(1, 2)]


@pytest.mark.parametrize("kind", [stoppable.Spinning, stoppable.Stuck, stoppable.Deaf])
def test_a_job_that_would_not_end_is_ended_by_force_and_only_it_is_charged(
    start: Start, queue: Queue, sql: Sql, kind: type[workshop.Noted]
) -> None:
    worker = start("-c", 4, modules=("stoppable",)).ready()
    neighbours = queue.push_all([stoppable.Patient(n, 3.0) for n in (1, 2)], max_attempts=1)
    until(lambda: sql("select count(*) from ran") == [(2,)], "they run")
    began = time.monotonic()
    late: Job = kind(3, 120.0)
    handle = queue.push(late, hard_timeout=1.0, max_attempts=1)
    with pytest.raises(JobFailed, match="HardTimeout"):
        handle.wait(30)
    assert time.monotonic() - began < 10
    worker.said("past its hard_timeout")
    for neighbour in neighbours:
        assert neighbour.wait(30)["attempt"] == 1  # uncharged: it was their first and last
    assert sql("select n from ran where n < 3 group by n having count(*) = 2 order by n") == [(1,), (2,)]


def test_a_job_that_only_waits_is_ended_without_harm_to_its_process(start: Start, queue: Queue, sql: Sql) -> None:
    worker = start("-c", 4, modules=("stoppable",)).ready()
    (pid,) = worker.pids()
    handle = queue.push(stoppable.Patient(1, 60.0), hard_timeout=0.5, max_attempts=1)
    with pytest.raises(JobFailed, match="HardTimeout"):
        handle.wait(20)
    assert sql("select n, attempt from ended") == [(1, 3)]
    assert worker.pids() == [pid]


def test_what_ran_too_long_is_tried_again_later_as_after_any_failure(start: Start, queue: Queue, sql: Sql) -> None:
    start("-c", 2, modules=("stoppable",)).ready()
    handle = queue.push(stoppable.Spinning(1, 120.0), hard_timeout=0.5)
    until(lambda: handle.state() == "scheduled", "it waits for its next attempt")
    status = handle.status()
    assert (status["attempt"], status["error"]["type"], status["event"]) == (1, "HardTimeout", "retrying")


def test_a_job_that_ends_in_time_leaves_no_deadline_behind(start: Start, queue: Queue, sql: Sql) -> None:
    worker = start("-c", 1, modules=("stoppable",)).ready()
    (pid,) = worker.pids()
    assert queue.push(stoppable.Patient(1, 0.1), hard_timeout=1.0, timeout=1.0).wait(20)["attempt"] == 1
    assert queue.push(stoppable.Patient(2, 3.0)).wait(20)["attempt"] == 1
    assert worker.pids() == [pid]
