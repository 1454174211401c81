"""What a job says of its failures, from a real worker to the table and back out of the hands of a person."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from failures import Says, Told

from queueapi import JobCancelled, JobFailed, Queue, State
from tests.system.conftest import HERE, Start, until

pytestmark = pytest.mark.system


def test_a_worker_does_with_each_failure_what_the_class_says_and_tells_the_job(
    start: Start, queue: Queue, tmp_path: Path
) -> None:
    worker = start(modules=("failures",)).ready()
    retried, dead, gone = (queue.push(Told(error, str(tmp_path))) for error in ("OSError", "ValueError", "GoneError"))
    with pytest.raises(JobFailed, match="dead after 2 attempts: OSError"):
        retried.wait(30)
    with pytest.raises(JobFailed, match="dead after 1 attempts: ValueError"):
        dead.wait(30)
    with pytest.raises(JobCancelled, match="GoneError"):
        gone.wait(30)
    assert (tmp_path / "OSError").read_text() == "retry OSError 0.1\ndead OSError\n"
    assert (tmp_path / "ValueError").read_text() == "dead ValueError\n"
    assert not (tmp_path / "GoneError").exists()
    worker.said("on_dead of Told failed")
    worker.said("failures.told\\) was discarded in attempt 1: GoneError: GoneError")


def test_dead_jobs_are_mended_from_the_command_line_while_the_worker_runs(
    start: Start, queue: Queue, environment: dict[str, str], tmp_path: Path
) -> None:
    start(modules=("failures",)).ready()
    handles = [queue.push(Told("ValueError", str(tmp_path))) for _ in range(3)]
    until(lambda: all(handle.state() is State.DEAD for handle in handles), "all are dead")
    (tmp_path / "mended").touch()
    line = [sys.executable, "-m", "queueapi", "retry", "--all"]
    said = subprocess.run(
        line, env={**os.environ, **environment}, cwd=HERE.parents[1], capture_output=True, text=True, check=True
    )
    assert said.stdout == "3 back in their queues\n"
    assert [handle.wait(30) for handle in handles] == ["mended"] * 3


def test_a_job_puts_itself_off_as_often_as_it_likes_and_gives_itself_up(
    start: Start, queue: Queue, tmp_path: Path
) -> None:
    worker = start(modules=("failures",)).ready()
    handle = queue.push(Says(str(tmp_path)))
    until(lambda: worker.log.count("put itself off for 0 s") >= 2, "it has put itself off twice")
    (tmp_path / "late").touch()
    with pytest.raises(JobCancelled, match="was cancelled: the record is gone"):
        handle.wait(30)
    assert handle.status()["attempt"] == 1
