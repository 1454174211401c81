"""In which order real workers take jobs, with several queues that are never empty."""

from __future__ import annotations

import pytest
import workshop

from queueapi import Queue, State
from tests.system.conftest import Sql, Start, all_done, until

pytestmark = pytest.mark.system

BEGUN = """
select f.queue, count(*)::int from (
    select queue from queueapi.finished order by claimed_at, id limit %s
) as f group by 1
"""


def test_strict_order_is_strict_also_while_more_keeps_coming(start: Start, queue: Queue, sql: Sql) -> None:
    queue["default"].push_all(workshop.Napping(n, 0.0) for n in range(2000))
    queue["critical"].push_all(workshop.Napping(n, 0.0) for n in range(1000))
    start("-q", "critical", "-q", "default", "-c", 4, "-p", 2)
    for n in range(10):
        until(lambda n=n: sql("select count(*) >= %s from queueapi.finished", 150 * (n + 1)) == [(True,)], "some ran")
        queue["critical"].push_all(workshop.Napping(n, 0.0) for n in range(100))
    until(all_done(sql, 4000), "all have run", 60)
    # No job of "default" was claimed while one of "critical" had been available for longer than a claim takes.
    late = """
        select count(*) from queueapi.finished as d join queueapi.finished as c
          on d.queue = 'default' and c.queue = 'critical'
         and c.pushed_at + interval '0.3 s' < d.claimed_at and d.claimed_at < c.claimed_at
    """
    assert sql(late) == [(0,)]


def test_within_a_queue_priority_goes_before_age(start: Start, queue: Queue, sql: Sql) -> None:
    for priority in (5, -5, 0):
        queue.push_all([workshop.Noted(100 + 10 * priority + n) for n in range(5)], priority=priority)
    worker = start("-c", 1, "--burst")
    assert worker.wait(60) == 0
    ran = [n for (n,) in sql("select n from ran order by begun")]
    assert ran == [*range(50, 55), *range(100, 105), *range(150, 155)]


def test_weights_share_the_work_and_starve_nobody(start: Start, queue: Queue, sql: Sql) -> None:
    for name in ("heavy", "light"):
        queue[name].push_all(workshop.Napping(n, 0.002) for n in range(2500))
    start("-q", "heavy,3", "-q", "light,1", "-c", 1)
    until(lambda: sql("select count(*) >= 1600 from queueapi.finished") == [(True,)], "many have run", 60)
    shares: dict[str, int] = dict(sql(BEGUN, 1600))
    assert 0.6 < shares["heavy"] / 1600 < 0.9
    assert shares["light"] > 100


def test_a_sleeping_worker_with_a_pattern_is_woken_for_a_queue_that_is_new(
    start: Start, queue: Queue, sql: Sql
) -> None:
    start("-q", "mail_*", "-q", "!mail_slow", QUEUEAPI_POLL="60").ready()
    asleep = "select count(*) from queueapi.sleepers where pattern is not null"
    until(lambda: sql(asleep) == [(1,)], "it sleeps")
    assert queue["mail_1"].push(workshop.Noted(0)).wait(10)["attempt"] == 1
    left = [queue[name].push(workshop.Noted(1)) for name in ("mail_slow", "mail")]
    assert queue["mail_new"].push(workshop.Noted(2)).wait(10)["attempt"] == 1
    assert [handle.state() for handle in left] == [State.AVAILABLE] * 2


def test_what_is_in_the_environment_may_have_weights_too(start: Start, queue: Queue, sql: Sql) -> None:
    for name in ("a", "b", "c"):
        queue[name].push(workshop.Napping(1, 0.0))
    worker = start("--burst", QUEUES="a=2,b")
    assert worker.wait(30) == 0
    assert sql("select queue from queueapi.jobs") == [("c",)]
