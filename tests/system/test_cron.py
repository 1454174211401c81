"""Real workers by the clock: one push a tick, whoever is killed."""

from __future__ import annotations

import os
import signal
from itertools import pairwise
from pathlib import Path

import psutil
import pytest

from tests.system.conftest import Sql, Start, until

pytestmark = pytest.mark.system

EVERY_SECOND = """
import queueapi

@queueapi.cron("* * * * * *")
class Ticked(queueapi.Job, kind="ticked"):
    def run(self): ...
"""
NEVER = """
import queueapi

@queueapi.cron("0 25 * * *")
class Ticked(queueapi.Job, kind="ticked"):
    def run(self): ...
"""
PUSHED = """
select date_trunc('second', pushed_at) from
    (select pushed_at from queueapi.jobs union all select pushed_at from queueapi.finished) as pushed
order by 1
"""


def test_of_four_supervisors_one_pushes_each_second_whoever_is_killed(start: Start, sql: Sql, tmp_path: Path) -> None:
    (tmp_path / "schedules.py").write_text(EVERY_SECOND)
    workers = [start(modules=("schedules",)) for _ in range(4)]
    for worker in workers:
        worker.ready()

    def ticks(number: int) -> None:
        until(lambda: len(sql(PUSHED)) >= number, f"{number} ticks")

    ticks(2)
    for number, worker in enumerate(workers[:3]):
        (child,) = worker.pids()
        os.kill(child, signal.SIGKILL)  # its supervisor starts another
        ticks(len(sql(PUSHED)) + 1)
        if number < 2:
            worker.signal(signal.SIGKILL)  # and this whole machine is gone
            ticks(len(sql(PUSHED)) + 1)
    ticks(len(sql(PUSHED)) + 2)

    seconds = [second for (second,) in sql(PUSHED)]
    assert len(set(seconds)) == len(seconds)
    longest = max((later - earlier).total_seconds() for earlier, later in pairwise(seconds))
    assert longest <= 5  # and nobody had to wait for a lease, or for a person


def test_a_deploy_without_the_schedule_ends_it_when_the_old_worker_is_gone(
    start: Start, sql: Sql, tmp_path: Path
) -> None:
    (tmp_path / "schedules.py").write_text(EVERY_SECOND)
    old, new = start(modules=("schedules",)).ready(), start().ready()
    until(lambda: sql(PUSHED), "a tick")
    old.signal(signal.SIGTERM)
    assert old.wait() == 0
    until(lambda: not sql("select 1 from queueapi.workers where crons is not null"), "nobody knows it")
    before = len(sql(PUSHED))
    # The new supervisor's clock looks once a second: two of its statements later it has seen that, too.
    ((since,),) = sql("select now()")
    until(
        lambda: sql(
            "select 1 from pg_stat_activity where application_name = 'queueapi-work clock'"
            " and query_start > %s::timestamptz + interval '2 s'", since,
        ),
        "it has looked",
    )  # fmt: skip
    assert len(sql(PUSHED)) == before
    assert psutil.pid_exists(new.process.pid)
    assert sql("select name from queueapi.crons") == [("ticked",)]


def test_a_worker_says_in_one_sentence_why_it_cannot_start_with_such_a_schedule(start: Start, tmp_path: Path) -> None:
    (tmp_path / "schedules.py").write_text(NEVER)
    worker = start(modules=("schedules",))
    assert worker.wait() == 2
    assert "the cron expression '0 25 * * *' cannot be read: bad hour" in worker.log
    assert "Traceback" not in worker.log
