"""A job that may run is run soon, whatever became of the notification."""

from __future__ import annotations

import datetime as dt
import os
import signal
import threading
import time

import psycopg
import pytest
import workshop

from queueapi import Queue, State
from queueapi.worker.orders import ALONE
from tests.system.conftest import Sql, Start, until

pytestmark = pytest.mark.system

# The safety poll's interval, and what a busy machine may add to it.
POLL, SLACK = 1.0, 0.7

# How long each job waited, from its push to its claim.
_WAITS = "select extract(epoch from claimed_at - pushed_at)::float8 from queueapi.finished order by id"


def asleep(sql: Sql, count: int = 1) -> None:
    """Wait until so many processes have asked to be woken, and are past their ladder of polls."""
    until(lambda: sql("select count(*) from queueapi.sleepers where until > now()") == [(count,)], "they sleep")
    time.sleep(0.3)  # the ladder sends no event; a push that comes on it would be found without a notification


def test_a_push_wakes_an_idle_worker_long_before_its_safety_poll(start: Start, queue: Queue, sql: Sql) -> None:
    start("-c", 4, QUEUEAPI_POLL="30").ready()
    for n in range(10):
        asleep(sql)
        began = time.monotonic()
        queue.push(workshop.Napping(n, 0.0)).wait(10)
        assert time.monotonic() - began < 5


def test_the_next_push_is_picked_up_within_a_second_of_the_listeners_backend_being_terminated(
    start: Start, queue: Queue, sql: Sql
) -> None:
    worker = start("-c", 4, QUEUEAPI_POLL="30").ready()
    for n in range(5):
        asleep(sql)
        ended = sql("""
            select pg_terminate_backend(pid) from pg_stat_activity
            where datname = current_database() and query ~* '^listen "?queueapi_wake' and pid <> pg_backend_pid()
        """)
        assert ended == [(True,)]
        handle = queue.push(workshop.Napping(n, 0.0))
        handle.wait(10)
    waits = [wait for (wait,) in sql(_WAITS)]
    assert max(waits) < 1.0, waits
    worker.said("listener: PostgreSQL is back")


def test_no_push_is_missed_while_the_worker_falls_asleep_again_and_again(start: Start, queue: Queue, sql: Sql) -> None:
    start("-c", 20, "-p", 2).ready()
    per_thread, threads = 250, 8

    def push(number: int) -> None:
        for step in range(per_thread):
            queue.push(workshop.Napping(number * per_thread + step, 0.0))
            # From all at once to one by one with the ladder's rungs between them: 0 to 0.13 s.
            time.sleep(0.13 * (step % 10 == 0) * (number / threads))

    pushers = [threading.Thread(target=push, args=(number,)) for number in range(threads)]
    for pusher in pushers:
        pusher.start()
    for pusher in pushers:
        pusher.join()
    count = per_thread * threads
    until(lambda: sql("select count(*) from queueapi.finished") == [(count,)], "all are finished")
    waits = sorted(wait for (wait,) in sql(_WAITS))
    print(f"waits of {count}: p50 {waits[count // 2] * 1000:.1f} ms, p99 {waits[count * 99 // 100] * 1000:.1f} ms,"
          f" longest {waits[-1] * 1000:.0f} ms")  # fmt: skip
    assert waits[-1] < POLL + SLACK


def test_a_push_that_commits_late_is_found_by_the_safety_poll(start: Start, queue: Queue, sql: Sql, dsn: str) -> None:
    with psycopg.connect(dsn) as connection:
        # Inserted before anybody sleeps, so that nobody is notified; committed when all do.
        handle = queue.push(workshop.Napping(1, 0.0), conn=connection)
        start("-c", 4).ready()
        asleep(sql)
        began = time.monotonic()
        connection.commit()
        handle.wait(10)
        assert time.monotonic() - began < POLL + SLACK


def test_it_is_found_as_well_while_the_supervisor_stands_still(
    start: Start, queue: Queue, sql: Sql, dsn: str
) -> None:
    with psycopg.connect(dsn) as connection:
        handle = queue.push(workshop.Napping(1, 0.0), conn=connection)
        worker = start("-c", 4).ready()
        asleep(sql)
        os.kill(worker.process.pid, signal.SIGSTOP)
        try:
            began = time.monotonic()
            connection.commit()
            handle.wait(20)
            assert time.monotonic() - began < ALONE + SLACK
        finally:
            os.kill(worker.process.pid, signal.SIGCONT)


def test_a_killed_process_is_not_woken_in_anothers_place(start: Start, queue: Queue, sql: Sql) -> None:
    worker = start("-c", 2, "-p", 2, QUEUEAPI_POLL="30").ready()
    asleep(sql, 2)
    os.kill(worker.pids()[0], signal.SIGKILL)
    until(lambda: sql("select count(*) from queueapi.sleepers") == [(1,)], "it is not counted as asleep any more")
    asleep(sql, 2)
    for n in range(12):
        queue.push(workshop.Napping(n, 0.0)).wait(10)


def test_a_scheduled_job_begins_when_it_is_due(start: Start, queue: Queue, sql: Sql) -> None:
    start("-c", 4).ready()
    now = dt.datetime.now(dt.UTC)
    handles = [queue.push(workshop.Napping(n, 0.0), delay=0.3 * n) for n in range(1, 5)]
    handles.append(queue.push(workshop.Napping(0, 0.0), run_at=now - dt.timedelta(days=1)))
    assert handles[-2].state() == State.SCHEDULED
    for handle in handles:
        handle.wait(10)
    late = [wait for (wait,) in sql("""
        select extract(epoch from claimed_at - (pushed_at + (args ->> 'n')::int * interval '0.3 s'))::float8
        from queueapi.finished where (args ->> 'n')::int > 0
    """)]  # fmt: skip
    assert min(late) >= 0, "none begins early"
    assert max(late) < 1.0 + SLACK


def test_thousands_of_jobs_due_at_once_do_not_wait_for_each_other(start: Start, queue: Queue, sql: Sql) -> None:
    at = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=0.5)
    queue.push_all((workshop.Napping(n, 0.0) for n in range(12_000)), run_at=at)
    worker = start("-c", 20, "--burst")
    assert worker.wait(40) == 0
    assert sql("select count(*) from queueapi.finished") == [(12_000,)]


def test_a_failed_job_runs_again_when_its_delay_is_over(start: Start, queue: Queue, sql: Sql) -> None:
    start("-c", 4).ready()
    handle = queue.push(workshop.Flaky(1))
    until(lambda: handle.state() == State.SCHEDULED, "it waits for its second attempt")
    status = handle.status()
    assert status["event"] == "retrying"
    assert status["error"] == {"type": "RuntimeError", "message": "not yet"}
    ((delay,),) = sql("select extract(epoch from run_at - now())::float8 from queueapi.jobs")
    assert 10 < delay <= 26
    sql("update queueapi.jobs set run_at = now()")  # nobody wants to wait for that
    assert handle.wait(10)["attempt"] == 2
    assert sql("select attempt from ran order by 1") == [(1,), (2,)]
