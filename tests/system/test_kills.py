"""Jobs that take their process with them, and those that only happened to be there."""

from __future__ import annotations

import os
import signal

import pytest
import stoppable
import workshop

from queueapi import JobFailed, Queue
from tests.system.conftest import Sql, Start, until

pytestmark = pytest.mark.system


@pytest.mark.parametrize(
    ("kind", "how"),
    [
        (stoppable.Segfault, "SIGSEGV"),
        (stoppable.ChildOfSegfault, "SIGSEGV"),
        (stoppable.Exiting, "exit code 3"),
        (stoppable.Killing, "SIGKILL"),
    ],
)
def test_what_ends_its_process_three_times_is_set_aside_and_its_neighbours_lose_nothing(
    start: Start, queue: Queue, sql: Sql, kind: type[workshop.Noted], how: str
) -> None:
    worker = start("-c", 10, modules=("stoppable",))
    neighbours = queue.push_all([stoppable.Patient(n, 8.0) for n in range(1, 6)], max_attempts=1)
    until(lambda: sql("select count(*) from ran") == [(5,)], "they run")
    deadly = queue.push(kind(0, 0.3))
    with pytest.raises(JobFailed, match=f"ProcessKilled: the job ended its worker process 3 times.*{how}"):
        deadly.wait(60)
    assert deadly.status()["attempt"] == 3
    for neighbour in neighbours:
        assert neighbour.wait(60)["attempt"] == 1
    assert sql("select count(*) from ran where n = 0") == [(3,)]
    assert worker.process.poll() is None


def test_a_process_that_is_killed_from_outside_is_not_held_against_what_waited_in_it(
    start: Start, queue: Queue, sql: Sql
) -> None:
    worker = start("-c", 4, modules=("stoppable",)).ready()
    handle = queue.push(stoppable.Patient(1, 4.0))
    for kills in range(1, 4):
        until(lambda kills=kills: sql("select count(*) from ran") == [(kills,)], "it runs")
        (pid,) = until(worker.pids, "a process runs")
        os.kill(pid, signal.SIGKILL)
        until(lambda pid=pid: pid not in worker.pids(), "it is gone")
    assert handle.wait(60)["attempt"] == 4
