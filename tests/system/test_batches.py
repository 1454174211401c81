"""Batches and chains with real workers, whose processes are killed in the middle."""

from __future__ import annotations

import os
import signal

import bundling
import pytest

from queueapi import Queue
from tests.system.conftest import Sql, Start, until

pytestmark = pytest.mark.system

JOBS = 10_000


@pytest.mark.timeout(180)
def test_ten_thousand_jobs_and_three_kills_and_each_callback_comes_once_and_after_the_last(
    start: Start, queue: Queue, sql: Sql
) -> None:
    sql(bundling.TABLE)
    with queue.batch(on_success=bundling.Called("success"), on_complete=bundling.Called("complete")) as batch:
        batch.push_all(bundling.Piece(n) for n in range(JOBS))
        with queue.batch(on_complete=bundling.Called("inner")) as inner:
            inner.push_all(bundling.Piece(n) for n in range(1, 100))
    worker = start("-q", "default", "-q", "callbacks", "-p", 2, "-c", 20, modules=("bundling",)).ready()
    for share in (0.2, 0.5, 0.8):
        until(lambda share=share: batch.status()["batch"]["done"] > JOBS * share, "it is so far", 90)
        os.kill(worker.pids()[0], signal.SIGKILL)
        assert sql("select count(*) from called where batch = %s", batch.id) == [(0,)]
    status = batch.wait(90)
    until(lambda: sql("select count(*) from called") == [(3,)], "the callbacks have run")
    until(lambda: sql("select count(*) from queueapi.jobs") == [(0,)], "nothing else is left")

    assert sql("select name, batch, left_over from called order by name") == [
        ("complete", batch.id, 0),
        ("inner", inner.id, 0),
        ("success", batch.id, 0),
    ]
    # Each that adds another adds it once, however often it was begun; and the inner one's callback is the outer's job.
    total = JOBS + JOBS // 100 + 99 + 1
    assert status["batch"] | {"id": ""} == {
        "id": "", "total": total, "pending": 0, "done": total, "dead": 0, "cancelled": 0
    }  # fmt: skip
    # After the last: no job of either batch was finished after the callback had begun.
    late = """
        select count(*) from queueapi.finished
        where batch_id is not null and finished_at > (select min(at) from called where name = 'complete')
    """
    assert sql(late) == [(0,)]
    assert sql("select count(*) > 0 from queueapi.finished where attempt > 1") == [(True,)]  # the kills were felt


@pytest.mark.timeout(120)
def test_a_thousand_chains_go_to_their_end_whatever_is_killed(start: Start, queue: Queue, sql: Sql) -> None:
    chains = [queue.chain(*(bundling.Link(n) for n in range(4))) for _ in range(1000)]
    worker = start("-p", 2, "-c", 20, modules=("bundling",)).ready()
    for share in (500, 2000):
        until(lambda share=share: sql("select count(*) > %s from queueapi.finished", share) == [(True,)], "so far", 60)
        os.kill(worker.pids()[0], signal.SIGKILL)
    until(lambda: sql("select count(*) from queueapi.jobs") == [(0,)], "all have ended", 60)
    assert sql("select state, count(*) from queueapi.finished group by 1") == [("done", 4000)]
    assert [chain[-1].result() for chain in chains[::100]] == [[0, 1, 2, 3]] * 10
    assert sql("select count(distinct result::text) from queueapi.finished") == [(4,)]
