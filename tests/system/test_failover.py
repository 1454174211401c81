"""The database's machine is lost, and a standby takes over: workers and web processes find it by themselves."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import workshop

from queueapi import Queue
from tests.standby import Pair
from tests.system.conftest import Start, until

pytestmark = pytest.mark.system


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    with Pair(tmp_path) as pair:
        yield pair


@pytest.fixture
def environment(pair: Pair) -> dict[str, str]:
    return {"DATABASE_URL": pair.dsn}


def test_every_job_that_was_pushed_is_done_at_the_standby_and_those_that_come_later_too(
    pair: Pair, start: Start, queue: Queue
) -> None:
    worker = start("-p", "2").ready()
    # Long enough that some are done, some run and some wait when the machine is lost.
    pushed = [handle.id for handle in queue.push_all(workshop.Napping(n, 0.05) for n in range(1_000))]
    with psycopg.connect(pair.primary.dsn, autocommit=True) as primary:
        until(lambda: _finished(primary) >= 100, "a hundred are done")
    pair.fail_over()

    with psycopg.connect(pair.standby.dsn, autocommit=True) as standby:
        assert 100 <= _finished(standby) < 1_000
        until(lambda: _finished(standby) == 1_000, f"all are done\n{worker.log}", 60)
        late = queue.push(workshop.Napping(1_000, 0))
        late.wait(30)
        outcomes = standby.execute("select id, state from queueapi.finished order by id").fetchall()
        assert outcomes == [(id_, "done") for id_ in [*pushed, late.id]]
        assert standby.execute("select count(*) from queueapi.jobs").fetchone() == (0,)
    worker.said("consumer: PostgreSQL is back")


def test_status_is_shown_by_a_standby(pair: Pair, queue: Queue) -> None:
    queue["mail"].push(workshop.Napping(1, 0))  # every commit waits for the standby, which may show it a moment later

    def shown() -> bool:
        command = [sys.executable, "-m", "queueapi", "status"]
        environment = {**os.environ, "DATABASE_URL": pair.standby.dsn}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return "mail" in done.stdout

    until(shown, "the job is shown")


def _finished(connection: psycopg.Connection[Any]) -> int:
    row = connection.execute("select count(*) from queueapi.finished").fetchone()
    assert row is not None
    return int(row[0])
