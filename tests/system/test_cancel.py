"""Running jobs are cancelled in real workers: from another process, at once, and for good."""

from __future__ import annotations

import os
import signal
import time

import pytest
import stoppable

from queueapi import JobCancelled, Queue
from tests.system.conftest import Sql, Start, until

pytestmark = pytest.mark.system


def test_a_running_job_is_told_at_once_cleans_up_and_is_cancelled(start: Start, queue: Queue, sql: Sql) -> None:
    start("-c", 2, modules=("stoppable",), QUEUEAPI_POLL="30").ready()
    handle = queue.push(stoppable.Patient(1, 60.0))
    until(lambda: sql("select count(*) from ran") == [(1,)], "it runs")
    began = time.monotonic()
    assert handle.cancel() is True
    with pytest.raises(JobCancelled, match="somebody cancelled it"):
        handle.wait(10)
    assert time.monotonic() - began < 5
    assert sql("select n, attempt from ended") == [(1, 1)]
    assert (handle.state(), handle.status()["error"]["type"]) == ("cancelled", "Cancelled")
    assert handle.cancel() is False


def test_a_job_that_only_reports_progress_is_told_there(start: Start, queue: Queue, sql: Sql) -> None:
    start("-c", 2, modules=("stoppable",)).ready()
    handle = queue.push(stoppable.Reporting(1, 60.0))
    until(lambda: sql("select count(*) from ran") == [(1,)], "it runs")
    assert handle.cancel() is True
    with pytest.raises(JobCancelled):
        handle.wait(10)


def test_a_notification_that_is_lost_is_made_up_for(start: Start, queue: Queue, sql: Sql) -> None:
    start("-c", 2, modules=("stoppable",), QUEUEAPI_POLL="30").ready()
    handle = queue.push(stoppable.Patient(1, 60.0))
    until(lambda: sql("select count(*) from ran") == [(1,)], "it runs")
    sql("update queueapi.jobs set cancelled_at = now()")
    with pytest.raises(JobCancelled):
        handle.wait(10)


def test_its_neighbours_go_on(start: Start, queue: Queue, sql: Sql) -> None:
    start("-c", 4, modules=("stoppable",)).ready()
    first, second = queue.push_all([stoppable.Patient(1, 60.0), stoppable.Patient(2, 2.0)])
    until(lambda: sql("select count(*) from ran") == [(2,)], "both run")
    assert first.cancel() is True
    assert second.wait(20)["n"] == 2
    assert first.state() == "cancelled"


def test_what_is_cancelled_and_loses_its_process_is_not_run_again(start: Start, queue: Queue, sql: Sql) -> None:
    worker = start("-c", 2, modules=("stoppable",)).ready()
    handle = queue.push(stoppable.Spinning(1, 120.0))
    until(lambda: sql("select count(*) from ran") == [(1,)], "it runs")
    assert handle.cancel() is True  # and it does not hear it: it never looks up
    (pid,) = worker.pids()
    os.kill(pid, signal.SIGKILL)
    with pytest.raises(JobCancelled):
        handle.wait(20)
    assert sql("select count(*) from ran") == [(1,)]
