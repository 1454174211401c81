"""A worker that is stopped, as by a debugger or a machine that swaps, must not harm what others do meanwhile."""

from __future__ import annotations

import os
import signal
import time

import pytest
import workshop

from queueapi import Queue
from tests.system.conftest import Sql, Start, Worker, until

pytestmark = pytest.mark.system

LEASE = 2.0


def test_a_stopped_worker_cannot_finish_a_rescued_job(start: Start, queue: Queue, sql: Sql) -> None:
    first = start("-c", 2, "--lease", LEASE).ready()
    handle = queue.push(workshop.Noted(1, 1.0))
    until(lambda: sql("select count(*) from ran") == [(1,)], "it runs")
    freeze(first)
    second = start("-c", 2, "--lease", LEASE).ready()
    second.said("is rescued: its lease ran out", 15)
    result = handle.wait(20)
    assert result["attempt"] == 2
    assert result["pid"] in second.pids()
    before = sql("select * from queueapi.finished")

    thaw(first)
    first.said(r"job \d+ .*: the lease was lost before it ended, so its outcome changed nothing")
    assert sql("select * from queueapi.finished") == before
    assert sql("select count(*) from queueapi.jobs") == [(0,)]
    assert sql("select attempt from ran order by 1") == [(1,), (2,)]


def test_a_stopped_process_is_rescued_by_its_own_supervisor_and_its_run_is_ended(
    start: Start, queue: Queue, sql: Sql
) -> None:
    worker = start("-c", 1, "-p", 2, "--lease", LEASE).ready()
    handle = queue.push(workshop.Noted(1, 3.0))
    ((pid,),) = until(lambda: sql("select pid from ran"), "it runs")
    os.kill(pid, signal.SIGSTOP)
    try:
        ((other,),) = until(lambda: sql("select pid from ran where attempt = 2"), "it runs elsewhere", 15)
        assert other != pid
    finally:
        os.kill(pid, signal.SIGCONT)
    assert handle.wait(20)["pid"] == other
    worker.said("the lease was lost before it ended")
    assert sql("select count(*), max(attempt) from ran") == [(2, 2)]
    assert queue.push(workshop.Noted(2)).wait(20)["attempt"] == 1
    assert pid in worker.pids()


def test_what_a_stopped_process_has_not_begun_goes_to_others_uncharged(start: Start, queue: Queue, sql: Sql) -> None:
    worker = start("-c", 4, "-p", 2).ready()
    one, other = worker.pids()
    for pid in (one, other):
        os.kill(pid, signal.SIGSTOP)
    handles = queue.push_all(workshop.Noted(n) for n in range(50))
    # Woken, one of the two fetches and is stopped again before it can have begun all.
    os.kill(one, signal.SIGCONT)
    until(lambda: sql("select count(*) from queueapi.jobs where state = 'running'")[0][0] > 0, "some are claimed")
    os.kill(one, signal.SIGSTOP)
    os.kill(other, signal.SIGCONT)
    begun = sql("select count(*) from ran")[0][0]
    until(lambda: sql("select count(*) from queueapi.finished")[0][0] >= 50 - 4 - begun, "the other does the rest", 15)
    os.kill(one, signal.SIGCONT)
    for handle in handles:
        assert handle.wait(20)["attempt"] == 1
    assert sql("select n from ran group by n having count(*) > 1") == []


def freeze(worker: Worker) -> None:
    """Supervisor and processes: the machine stands still."""
    for pid in (worker.process.pid, *worker.pids()):
        os.kill(pid, signal.SIGSTOP)


def thaw(worker: Worker) -> None:
    for pid in (worker.process.pid, *worker.pids()):
        os.kill(pid, signal.SIGCONT)


def test_a_supervisor_stopped_for_longer_than_a_lease_ends_what_it_lost(start: Start, queue: Queue, sql: Sql) -> None:
    first = start("-c", 1, "--lease", LEASE).ready()
    handle = queue.push(workshop.Noted(1, 30.0))
    until(lambda: sql("select count(*) from ran") == [(1,)], "it runs")
    os.kill(first.process.pid, signal.SIGSTOP)  # it renews no more, but its process works on
    start("-c", 1, "--lease", LEASE).ready()
    until(lambda: sql("select count(*) from ran") == [(2,)], "it runs elsewhere", 15)
    os.kill(first.process.pid, signal.SIGCONT)
    began = time.monotonic()
    first.said("its lease is lost, the run is being stopped")
    first.said("the lease was lost before it ended")
    assert time.monotonic() - began < 10, "not after its thirty seconds"
    assert handle.state() == "running"
    assert handle.status()["attempt"] == 2
