"""Limits across real worker processes: never exceeded, never forgotten, and in nobody else's way.

What is measured is what the jobs themselves write down, on connections of their own.
"""

from __future__ import annotations

import os
import random
import signal
import time

import limited
import pytest
import workshop

from queueapi import Queue, steering
from queueapi.application import current
from tests.system.conftest import Sql, Start, all_done, until

pytestmark = pytest.mark.system

MODULES = ("workshop", "limited")

# The most that ran at once. Of a killed process the end is the moment before the kill, also where the server still
# wrote down an end that it had been sent. An attempt that was given back uncharged bears the same number in another
# process.
MOST = """
with spans as (
    select begun, least((select at from ended
                         where ended.n = ran.n and ended.attempt = ran.attempt and ended.pid = ran.pid),
                        (select at from killed where killed.pid = ran.pid)) as over
    from ran where {of}
)
select coalesce(max(together), 0)::int from (
    select (select count(*) from spans as other where other.begun <= one.begun and other.over > one.begun) as together
    from spans as one
) as counted
"""
# The most that began within so many seconds.
BEGUN = """
select max((select count(*) from ran as other
            where other.begun >= ran.begun and other.begun < ran.begun + %s * interval '1 s'))::int from ran
"""


@pytest.fixture(autouse=True)
def _killed(sql: Sql) -> None:
    sql("create table killed (pid int not null, at timestamptz not null default clock_timestamp())")


@pytest.fixture
def own(queue: Queue) -> object:
    current.configure(queue, None)
    yield queue
    current.reset()


def most(sql: Sql, of: str = "true") -> int:
    ((number,),) = sql(MOST.format(of=of))
    return int(number)


def test_kills_neither_leak_a_place_nor_let_a_fourth_begin(start: Start, queue: Queue, sql: Sql) -> None:
    jobs, kills = 200, 6
    queue.push_all(limited.Three(n, 0.05 if n % 4 else 0.25) for n in range(jobs))
    first = start("-c", 8, modules=MODULES).ready()
    second = start("-c", 8, modules=MODULES).ready()
    dice = random.Random(3)
    killed: list[int] = []

    def busy(pids: set[int]) -> int | None:
        newest = sql("select pid from ran where pid = any (%s) order by begun desc limit 1", list(pids))
        return newest[0][0] if newest else None

    while len(killed) < kills:
        ((finished,),) = sql("select count(*) from queueapi.finished")
        assert finished < jobs, f"all done after {len(killed)} kills: nothing more can be tested"
        target = until(lambda: busy({*first.pids(), *second.pids()} - set(killed)), "a process runs jobs")
        sql("insert into killed (pid) values (%s)", target)
        os.kill(target, signal.SIGKILL)
        killed.append(target)
        time.sleep(dice.random() * 0.5)  # so that it comes at any moment of a process's life
    until(all_done(sql, jobs), "all are finished", 60)
    assert most(sql) == 3
    assert sql("select state, count(*)::int from queueapi.finished group by 1") == [("done", jobs)]
    assert sql("select count(*) > 0 from ran where attempt > 1") == [(True,)], "it was hard enough"


def test_no_place_stays_empty_for_long_while_jobs_wait(start: Start, queue: Queue, sql: Sql) -> None:
    start("-c", 4, modules=MODULES).ready()
    start("-c", 4, modules=MODULES).ready()
    queue.push_all(limited.Three(n, 0.1) for n in range(60))
    until(all_done(sql, 60), "all are finished", 60)
    assert most(sql) == 3
    begun, free = sql("select begun from ran order by 1 offset 3"), sql("select at from ended order by 1")
    empty = sorted((begin - end).total_seconds() for (begin,), (end,) in zip(begun, free, strict=False))
    # Were it not for who ends, but for the look once a second, it would be half a second and more.
    assert empty[len(empty) // 2] < 0.3, empty


def test_a_window_is_never_exceeded_and_the_next_is_used_when_it_comes(start: Start, queue: Queue, sql: Sql) -> None:
    start("-c", 8, modules=MODULES).ready()
    start("-c", 8, modules=MODULES).ready()
    queue.push_all(limited.Windowed(n) for n in range(20))
    until(all_done(sql, 20), "all are finished", 60)
    assert sql(BEGUN, 1.2) == [(5,)]
    ((took,),) = sql("select extract(epoch from max(begun) - min(begun))::float8 from ran")
    assert 5.0 < took < 9.0, took


def test_a_bucket_gives_its_four_and_then_one_at_a_time(start: Start, queue: Queue, sql: Sql) -> None:
    start("-c", 8, modules=MODULES).ready()
    queue.push_all(limited.Dripping(n) for n in range(12))
    until(all_done(sql, 12), "all are finished", 60)
    ((took,),) = sql("select extract(epoch from max(begun) - min(begun))::float8 from ran")
    assert 1.5 < took < 4.0, took


def test_a_job_with_two_limits_obeys_both(start: Start, queue: Queue, sql: Sql) -> None:
    queue.push_all(limited.Both(n, 0.05) for n in range(60))
    start("-p", 2, "-c", 8, modules=MODULES).ready()
    until(all_done(sql, 60), "all are finished", 60)
    assert most(sql) <= 4
    assert [most(sql, f"n % 5 = {sort}") for sort in range(5)] == [1] * 5


def test_thousands_that_wait_do_not_keep_others_from_running(start: Start, queue: Queue, sql: Sql) -> None:
    for n in range(2):
        queue.push(limited.Alone(n, 120.0))
    # As if each had been pushed alone, before any worker was there to hold one back.
    sql("""
        insert into queueapi.jobs (queue, kind, args, limit_keys)
        select queue, kind, args, limit_keys from queueapi.jobs, generate_series(1, 10000) where args ->> 'n' = '1'
    """)
    others = queue.push_all(workshop.Noted(n) for n in range(10, 30))
    start("-c", 2, modules=MODULES).ready()
    for handle in others:
        handle.wait(30)
    assert sql("select state, count(*)::int from queueapi.jobs group by 1 order by 1") == [
        ("blocked", 10_001),
        ("running", 1),
    ]


def test_a_burst_ends_when_all_that_waited_behind_a_limit_has_run(start: Start, queue: Queue, sql: Sql) -> None:
    queue.push_all(limited.Three(n, 0.01) for n in range(40))
    assert start("-c", 8, "--burst", modules=MODULES).wait(60) == 0
    assert all_done(sql, 40)()


def test_a_limit_is_changed_while_workers_run(start: Start, own: Queue, sql: Sql) -> None:
    start("-c", 8, modules=MODULES).ready()
    own.push_all(limited.Alone(n, 0.2) for n in range(40))
    until(lambda: sql("select 1 from ended offset 2 limit 1"), "some have ended")
    assert most(sql, "begun < (select max(at) from ended)") == 1
    steering.set_limit(limited.Alone, slots=5)
    until(all_done(sql, 40), "all are finished", 30)
    sql("insert into killed select distinct pid from ran")
    assert most(sql) == 5


def test_a_paused_kind_stops_on_all_workers_and_goes_on_where_it_was(start: Start, own: Queue, sql: Sql) -> None:
    for _ in range(2):
        start("-c", 2, modules=MODULES).ready()
    own.push_all(workshop.Noted(n, 0.02) for n in range(400))
    until(lambda: sql("select 1 from ended offset 20 limit 1"), "some have ended")
    steering.pause_kind(workshop.Noted)
    until(lambda: sql("select 1 from queueapi.jobs where state = 'running'") == [], "those that ran have ended", 5)
    ((begun,),) = sql("select count(*) from ran")
    assert begun < 400
    other = own.push(workshop.Napping(1, 0.0))
    other.wait(10)
    assert sql("select count(*) from ran") == [(begun,)]
    steering.resume_kind(workshop.Noted)
    until(all_done(sql, 401), "all are finished", 30)
    assert sql("select count(*)::int, count(distinct n)::int, max(attempt) from ran") == [(400, 400, 1)]


def test_a_paused_queue_stops_on_all_workers_and_goes_on_where_it_was(start: Start, queue: Queue, sql: Sql) -> None:
    for _ in range(2):
        start("-c", 2, "-q", "default", "-q", "mail", modules=MODULES).ready()
    queue["mail"].push_all(workshop.Noted(n, 0.02) for n in range(400))
    until(lambda: sql("select 1 from ended offset 20 limit 1"), "some have ended")
    queue["mail"].pause()
    until(lambda: sql("select 1 from queueapi.jobs where state = 'running'") == [], "those that ran have ended", 5)
    ((begun,),) = sql("select count(*) from ran")
    assert begun < 400
    queue.push(workshop.Noted(1000)).wait(10)
    assert sql("select count(*)::int from ran") == [(begun + 1,)]
    queue["mail"].resume()
    until(all_done(sql, 401), "all are finished", 30)
    assert sql("select count(*)::int, count(distinct n)::int from ran") == [(401, 401)]
