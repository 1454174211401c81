"""Real worker processes run jobs of all three dialects."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from queueapi import JobCancelled, JobFailed, State
from queueapi.compat import resque
from queueapi.compat.delayed_job import delay, enqueue
from queueapi.compat.sidekiq import server_middleware

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))  # for dialect_jobs, which workers import by that name as well

import dialect_jobs as dialects  # noqa: E402

server_middleware.clear()  # it is for the workers, not for the tests beside this one

pytestmark = pytest.mark.system

Burst = Callable[..., str]


@pytest.fixture(autouse=True)
def tables(sql: Any) -> Iterator[None]:
    sql("create table noted (id serial primary key, text text not null)")
    sql("create table repositories (id int primary key)")
    yield
    sql("drop table noted, repositories")


@pytest.fixture
def burst(dsn: str, tmp_path: Path) -> Burst:
    """Let ``queueapi-work dialect_jobs --burst`` do all that is to be done."""

    def run(*words: str) -> str:
        line = [sys.executable, "-c", "import sys; from queueapi.cli import work; sys.exit(work())"]
        done = subprocess.run(
            [*line, "dialect_jobs", "--burst", *words],
            env={**os.environ, "PYTHONPATH": str(HERE), "DATABASE_URL": dsn},
            cwd=tmp_path, capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    return run


def noted(sql: Any) -> list[str]:
    return [row[0] for row in sql("select text from noted order by id")]


def test_a_record_is_found_by_the_worker_or_the_job_is_discarded(sql: Any, burst: Burst) -> None:
    sql("insert into repositories values (1)")
    found, gone = delay(dialects.Repository(1)).index("main"), delay(dialects.Repository(2)).index("main")
    burst()
    assert found.result() == "1 main"
    with pytest.raises(JobCancelled, match="Repository 2 is gone"):
        gone.result()


def test_max_run_time_ends_a_job_that_takes_longer(sql: Any, burst: Burst) -> None:
    handle = enqueue(dialects.Slow(30))
    burst()
    with pytest.raises(JobFailed, match="SoftTimeout"):
        handle.result()
    assert noted(sql) == ["error SoftTimeout", "failure 1"]


def test_a_workers_lock_holds_across_processes(sql: Any, burst: Burst) -> None:
    for number in range(4):
        resque.enqueue(dialects.Exclusive, "a", number)
        resque.enqueue(dialects.Exclusive, "b", number)
    burst("-q", "exclusive", "-p", "2")
    for tenant in "ab":
        words = [line.split() for line in noted(sql) if f" {tenant} " in line]
        assert [word for word, *_ in words] == ["begin", "end"] * 4
        assert [begin[2] for begin in words[::2]] == [end[2] for end in words[1::2]]


def test_sidekiqs_worker_is_tried_again_inside_its_middleware(sql: Any, burst: Burst) -> None:
    handle = dialects.Hard.perform_async("bob")
    assert handle is not None
    burst("-q", "hard")
    if handle.state() is not State.DONE:  # a burst does not wait for what is scheduled
        sql("update queueapi.jobs set state = 'available', run_at = now()")
        burst("-q", "hard")
    assert handle.result() == "bob"
    mine = f"bob {handle.id}"
    assert noted(sql) == ["watched Hard 0", mine, "watched Hard 1", mine]
