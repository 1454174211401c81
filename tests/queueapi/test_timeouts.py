"""How long a job may take: what is raised in it, and what becomes of it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

import queueapi
from queueapi import Job, SettingsError, SoftTimeout, TestQueue, progress
from queueapi.claims import Claimed
from queueapi.executor import Executor
from queueapi.interrupts import HardTimeout
from queueapi.kinds import kinds
from queueapi.states import State

EXECUTOR = Executor(kinds, 1000)
WORK: dict[str, Callable[[], Any]] = {}


class Timed(Job, kind="tests.timed", timeout=60, hard_timeout=120):
    """Does what its test says."""

    def run(self) -> Any:
        return WORK["run"]()


class Untimely(Job, kind="tests.untimely", discard_on=SoftTimeout):
    def run(self) -> Any:
        raise SoftTimeout(5.0)


def claimed(kind: str = "tests.timed") -> Claimed:
    return Claimed(7, 99, "default", kind, "{}", 1, 3)


def test_both_are_told_to_the_worker_with_the_claim(queue: queueapi.Queue, store: Any) -> None:
    from uuid import UUID

    queue.push(Timed())
    queue.push(Timed(), timeout=5)
    first, second = store.claim(["default"], 2, 1, UUID(int=7), 30.0)
    assert first.more().options == {"timeout": 60.0, "hard_timeout": 120.0}
    assert second.more().options == {"timeout": 5.0, "hard_timeout": 120.0}


@pytest.mark.parametrize("seconds", [-1, "long"])
def test_what_is_no_time_is_refused_at_push(seconds: Any) -> None:
    with pytest.raises(SettingsError, match="timeout"):
        TestQueue().push(Timed(), timeout=seconds)


def test_a_soft_timeout_is_a_failed_attempt_with_that_reason() -> None:
    def work() -> None:
        raise SoftTimeout(5.0)

    WORK["run"] = work
    outcome = EXECUTOR.execute(claimed())
    assert (outcome.state, outcome.charged) == (State.SCHEDULED, True)
    error = json.loads(outcome.error or "")
    assert (error["type"], error["message"]) == ("SoftTimeout", "it ran longer than its timeout of 5 s")


def test_a_job_may_catch_it_as_any_timeout_and_return_what_it_has() -> None:
    def work() -> str:
        try:
            raise SoftTimeout(5.0)
        except TimeoutError:
            return "half"

    WORK["run"] = work
    assert EXECUTOR.execute(claimed()).result == '"half"'


def test_a_class_may_say_what_it_means() -> None:
    assert EXECUTOR.execute(claimed("tests.untimely")).state is State.CANCELLED


def test_a_hard_timeout_is_a_failed_attempt_that_no_except_exception_holds_up() -> None:
    job = claimed()

    def work() -> None:
        try:
            raise HardTimeout(job)
        except Exception:
            pytest.fail("an Exception")

    WORK["run"] = work
    outcome = EXECUTOR.execute(job)
    assert (outcome.state, outcome.charged) == (State.SCHEDULED, True)
    assert json.loads(outcome.error or "")["type"] == "HardTimeout"


@pytest.mark.parametrize(("option", "error"), [("timeout", SoftTimeout), ("hard_timeout", HardTimeout)])
def test_a_job_of_this_process_is_told_at_its_next_progress_call(option: str, error: type[BaseException]) -> None:
    queue = TestQueue()
    rounds: list[object] = []

    def work() -> None:
        until = time.monotonic() + 10
        while time.monotonic() < until:
            rounds.append(progress(1))

    WORK["run"] = work
    queue.push(Timed(), **{option: 0.01})  # type: ignore[arg-type]
    with pytest.raises(error):
        queue.drain()
    assert rounds
