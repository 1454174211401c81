"""Worker processes die in the middle of everything, and no job is lost, doubled or forgotten."""

from __future__ import annotations

import os
import random
import signal
import time

import pytest
import workshop

from queueapi import JobFailed, Queue
from tests.system.conftest import Sql, Start, all_done, until

pytestmark = pytest.mark.system

JOBS, KILLS = 2000, 10


def test_ten_kills_during_two_thousand_jobs_lose_none_and_let_no_stale_write_in(
    start: Start, queue: Queue, sql: Sql
) -> None:
    sql("create index on ran (n)")
    queue.push_all(workshop.Noted(n, 0.02 if n % 10 else 0.3) for n in range(JOBS))
    worker = start("-p", 2, "-c", 8).ready()
    dice = random.Random(5)
    killed: list[int] = []
    while len(killed) < KILLS:
        finished = until(lambda: sql("select count(*) from queueapi.finished")[0], "jobs go on")[0]
        assert finished < JOBS, f"all done after {len(killed)} kills: nothing more can be tested"
        target = dice.choice(until(worker.pids, "processes run"))
        os.kill(target, signal.SIGKILL)
        killed.append(target)
        until(lambda: len(set(worker.pids()) - set(killed)) == 2, "another takes its place")
        time.sleep(dice.random() * 0.8)  # so that it comes at any moment of a process's life
    until(all_done(sql, JOBS), f"all {JOBS} are finished", 60)

    assert sql("select state, count(*) from queueapi.finished group by 1") == [("done", JOBS)]
    assert sql("select count(distinct args ->> 'n') from queueapi.finished") == [(JOBS,)]
    # Whose outcome stands is the run that held the lease: its attempt and token are in its own words.
    assert (
        sql("""
        select id from queueapi.finished
        where (result ->> 'attempt')::int <> attempt or (result ->> 'token')::bigint <> token
    """)
        == []
    )
    # Every run had a lease of its own, and the last one is the one that counts. (Attempts may have the same number:
    # who merely ran beside the one that had the word when its process was killed is not charged.)
    assert sql("select n, token from ran group by 1, 2 having count(*) > 1") == []
    assert (
        sql("""
        select id from queueapi.finished
        where attempt <> (select max(ran.attempt) from ran where ran.n = (args ->> 'n')::int)
    """)
        == []
    )
    # It was hard enough: some were running when their process was killed, and ran again.
    assert sql("select count(*) > 0 from ran where attempt > 1") == [(True,)]


def test_the_jobs_of_a_killed_process_go_back_within_about_a_second(start: Start, queue: Queue, sql: Sql) -> None:
    worker = start("-p", 2, "-c", 4).ready()
    queue.push_all(workshop.Noted(n, 2.0) for n in range(8))
    until(lambda: sql("select count(*) from ran") == [(8,)], "all run")
    first, second = worker.pids()
    ((identity,),) = until(lambda: sql("select id from queueapi.workers where name like '%%:' || %s", first), "listed")
    held = "select count(*) from queueapi.jobs where worker = %s"
    ((count,),) = sql(held, identity)
    os.kill(first, signal.SIGKILL)
    killed_at = time.monotonic()
    until(lambda: sql(held, identity) == [(0,)], "they are back")
    assert time.monotonic() - killed_at < 1.5

    until(all_done(sql, 8), "all are finished")
    assert sql("select count(*) from ran where attempt = 2") == [(count,)]
    assert count > 0
    assert second in worker.pids()


def test_a_killed_process_is_replaced_and_its_job_says_what_happened(start: Start, queue: Queue, sql: Sql) -> None:
    worker = start("-c", 2).ready()
    handle = queue.push(workshop.Deadly(1), max_attempts=1)
    until(lambda: handle.state() == "dead", "the job is dead")
    assert handle.status()["error"]["type"] == "WorkerLost"
    worker.said(r"ended by itself \(SIGKILL\)")
    assert queue.push(workshop.Noted(2)).wait(20)["attempt"] == 1


def test_what_kills_every_process_that_runs_it_is_set_aside_and_its_neighbours_survive(
    start: Start, queue: Queue, sql: Sql
) -> None:
    deadly = queue.push(workshop.Deadly(0))
    neighbours = queue.push_all(workshop.Noted(n, 0.5) for n in range(1, 9))
    worker = start("-c", 10)
    for neighbour in neighbours:
        assert neighbour.wait(40)["n"] > 0
    until(lambda: deadly.state() == "dead", "it is set aside")
    assert (deadly.status()["attempt"], deadly.status()["error"]["type"]) == (3, "ProcessKilled")
    assert worker.process.poll() is None


def test_what_was_lost_with_its_process_is_told_that_it_is_dead_by_the_next_and_does_not_run_again(
    start: Start, queue: Queue, sql: Sql
) -> None:
    last, third = queue.push(workshop.Mourned(1), max_attempts=1), queue.push(workshop.Mourned(2))
    worker = start("-c", 2)
    for handle in (last, third):
        with pytest.raises(JobFailed):
            handle.wait(60)
    heard: dict[int, str] = dict(sql("select n, text from heard"))
    assert heard.keys() == {1, 2}
    assert heard[1].startswith("WorkerLost: the worker process that ran the job ended (SIGKILL)")
    assert heard[2].startswith("WorkerLost: the job ended its worker process 3 times")
    ran: dict[int, int] = dict(sql("select n, count(*) from ran group by n"))
    assert ran[1] >= 1  # more, if it was the innocent neighbour of the other's kill
    assert ran[2] >= 3
    worker.said(r"is dead after attempt 1 of 1: WorkerLost")


def test_a_job_that_ends_its_process_with_an_exit_code_of_ours_does_not_stop_the_worker(
    start: Start, queue: Queue, sql: Sql
) -> None:
    worker = start("-c", 2).ready()
    handle = queue.push(workshop.Leaving(1), max_attempts=1)
    until(lambda: handle.state() == "dead", "the job is dead")
    assert queue.push(workshop.Noted(2)).wait(20)["attempt"] == 1
    assert worker.process.poll() is None


def test_a_process_that_lost_its_line_is_killed_and_replaced(start: Start, queue: Queue, sql: Sql) -> None:
    worker = start("-c", 2, "--lease", 3).ready()
    queue.push(workshop.Deaf(1, 60.0), max_attempts=1)
    worker.said(r"ended by itself", 20)
    assert queue.push(workshop.Noted(2)).wait(20)["attempt"] == 1
