"""A long walk in real workers: deploys and kills do not make it begin anew."""

from __future__ import annotations

import os
import signal

import pytest
import stoppable

from queueapi import Queue
from tests.system.conftest import Sql, Start, until

pytestmark = pytest.mark.system

NOTED = "select count(*) from ended"


def met(sql: Sql) -> list[int]:
    return [n for (n,) in sql("select n from ended order by at")]


def test_a_deploy_ends_the_walk_between_two_items_and_the_next_worker_goes_on_there(
    start: Start, queue: Queue, sql: Sql
) -> None:
    first = start("-c", 2, "--grace", 30, modules=("stoppable",)).ready()
    handle = queue.push(stoppable.Walk(1, 60, 0.1))
    until(lambda: sql(NOTED)[0][0] >= 5, "it walks")
    first.signal(signal.SIGTERM)
    assert first.wait(20) == 0  # not after the grace: it has left at the next item
    status = handle.status()
    assert (status["state"], status["attempt"]) == ("available", 0)
    assert sql(NOTED)[0][0] < 60
    start("-c", 2, modules=("stoppable",))
    assert handle.wait(60) == {"items": 60}
    assert met(sql) == list(range(60))  # each once
    assert handle.status()["attempt"] == 1


def test_what_does_not_come_to_its_next_item_in_the_grace_is_interrupted_and_goes_on_with_it(
    start: Start, queue: Queue, sql: Sql
) -> None:
    first = start("-c", 2, "--grace", 0.5, modules=("stoppable",)).ready()
    handle = queue.push(stoppable.Walk(1, 3, 4.0))
    until(lambda: sql(NOTED) == [(2,)], "it is at the second item")
    first.signal(signal.SIGTERM)
    assert first.wait(20) == 0
    start("-c", 2, modules=("stoppable",))
    assert handle.wait(60) == {"items": 3}
    assert met(sql) == [0, 1, 1, 2]


def test_after_a_kill_it_goes_on_from_the_last_place_that_was_stored(start: Start, queue: Queue, sql: Sql) -> None:
    worker = start("-c", 2, modules=("stoppable",)).ready()
    handle = queue.push(stoppable.Walk(1, 60, 0.1))
    until(lambda: sql(NOTED)[0][0] >= 20, "it walks")
    (pid,) = worker.pids()
    os.kill(pid, signal.SIGKILL)
    assert handle.wait(60) == {"items": 60}
    walked = met(sql)
    assert sorted(set(walked)) == list(range(60))
    again = len(walked) - 60
    assert 0 < again < 15  # what was done since, and the item that it died at
    assert handle.status()["progress"] is None
