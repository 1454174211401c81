"""How a failed attempt ends: by what its class says, by what the job raises, and what the job is told."""

from __future__ import annotations

import datetime as dt
import json
import logging
from typing import Any

import pytest

from queueapi import Discard, Job, Retry, SettingsError, Snooze, WorkerLost
from queueapi.claims import Claimed
from queueapi.executor import Executor
from queueapi.interrupts import Interrupted
from queueapi.kinds import kinds
from queueapi.records import Outcome
from queueapi.states import State

RAISES: list[BaseException] = []
TOLD: list[tuple[Any, ...]] = []
FAILED: list[BaseException] = []
EXECUTOR = Executor(kinds, 1000, rand=lambda: 0.5, on_error=lambda _, error: FAILED.append(error))


class GoneError(LookupError):
    pass


class Plain(Job, kind="tests.verdicts.plain"):
    def run(self) -> None:
        raise RAISES[0]


class Told(Plain, kind="tests.verdicts.told", retry=[10, 20, 30], retry_on=(OSError,), discard_on=GoneError):
    name: str = ""

    def on_retry(self, error: BaseException, delay: float) -> None:
        TOLD.append((self.name, "retry", error, delay))

    def on_dead(self, error: BaseException) -> None:
        TOLD.append((self.name, "dead", error))


def explode(*_: object) -> float:
    raise RuntimeError("in the hook")


class Explodes(Plain, kind="tests.verdicts.explodes", retry=explode):
    on_retry = explode

    def on_dead(self, error: BaseException) -> None:
        raise Interrupted


@pytest.fixture(autouse=True)
def anew() -> None:
    for list_ in (RAISES, TOLD, FAILED):
        list_.clear()


def attempt(kind: type[Job], error: BaseException, number: int = 1, args: str = '{"name": "n"}') -> Outcome:
    RAISES[:] = [error]
    name = kinds.of(kind()).name
    return EXECUTOR.execute(Claimed(7, 99, "default", name, args if kind is Told else "{}", number, 3))


def error_of(outcome: Outcome) -> dict[str, str]:
    error: dict[str, str] = json.loads(outcome.error or "{}")
    return error


# -- what the class says


def test_what_is_retried_waits_as_the_class_says_and_the_job_is_told() -> None:
    error = OSError("no route")
    for number, delay in ((1, 10.0), (2, 20.0)):
        outcome = attempt(Told, error, number)
        assert (outcome.state, outcome.delay, outcome.charged) == (State.SCHEDULED, delay, True)
        assert error_of(outcome)["type"] == "OSError"
    assert [("n", "retry", error, 10.0), ("n", "retry", error, 20.0)] == TOLD
    assert [error, error] == FAILED


def test_what_is_not_named_leaves_the_job_dead_at_once() -> None:
    error = ValueError("wrong")
    outcome = attempt(Told, error)
    assert (outcome.state, error_of(outcome)["message"]) == (State.DEAD, "wrong")
    assert [("n", "dead", error)] == TOLD


def test_the_last_attempt_leaves_it_dead_whatever_is_named() -> None:
    error = OSError()
    assert attempt(Told, error, 3).state is State.DEAD
    assert [("n", "dead", error)] == TOLD


def test_what_is_discarded_ends_as_cancelled_with_its_error_and_is_no_failure() -> None:
    outcome = attempt(Told, GoneError("contact 7"))
    assert (outcome.state, outcome.delay) == (State.CANCELLED, 0.0)
    assert (error_of(outcome)["type"], error_of(outcome)["message"]) == ("GoneError", "contact 7")
    assert (TOLD, FAILED) == ([], [])


def lost(kind: str, args: str, error: str = '{"type": "ProcessKilled", "message": "three times"}') -> Outcome:
    special = f'{{"dead": true, "expired": true, "error": {error}}}'
    return EXECUTOR.execute(Claimed(7, 99, "default", kind, args, 3, 25, special=special))


def test_what_was_lost_with_its_worker_in_its_last_attempt_is_told_and_does_not_run() -> None:
    RAISES[:] = [AssertionError("it ran")]
    outcome = lost("tests.verdicts.told", '{"name": "n"}')
    assert (outcome.state, error_of(outcome)) == (State.DEAD, {"type": "ProcessKilled", "message": "three times"})
    ((name, what, error),) = TOLD
    assert (name, what, type(error), str(error)) == ("n", "dead", WorkerLost, "three times")


@pytest.mark.parametrize("kind", ["tests.verdicts.told", "tests.verdicts.plain", "tests.verdicts.explodes"])
def test_what_was_lost_is_dead_of_that_whether_or_not_it_can_be_told(kind: str) -> None:
    outcome = lost(kind, '{"name": 7}', error='"by hand"')
    assert (outcome.state, error_of(outcome)["type"]) == (State.DEAD, "WorkerLost")
    assert TOLD == []


def test_what_was_lost_waits_for_a_worker_that_knows_its_kind_and_keeps_its_error() -> None:
    outcome = lost("tests.verdicts.gone", "{}")
    assert (outcome.state, outcome.charged, error_of(outcome)["type"]) == (State.SCHEDULED, False, "ProcessKilled")


def test_arguments_that_cannot_be_read_are_not_judged_by_the_class() -> None:
    class Drops(Plain, kind="tests.verdicts.drops", discard_on=Exception, retry_on=OSError):
        n: int = 0

    outcome = EXECUTOR.execute(Claimed(7, 99, "default", "tests.verdicts.drops", '{"n": "x"}', 1, 3))
    assert (outcome.state, error_of(outcome)["type"]) == (State.SCHEDULED, "Unreadable")


# -- what the job raises


@pytest.mark.parametrize("delay", [300, 300.0, dt.timedelta(minutes=5)])
def test_snooze_puts_the_job_off_uncharged_even_in_its_last_attempt(delay: Any) -> None:
    assert attempt(Told, Snooze(delay), 3) == Outcome(7, 99, State.SCHEDULED, delay=300.0, charged=False)
    assert (TOLD, FAILED) == ([], [])


def test_discard_cancels_with_the_reason_and_without_a_traceback() -> None:
    outcome = attempt(Plain, Discard("the record is gone"))
    assert outcome.state is State.CANCELLED
    assert error_of(outcome) == {"type": "Discard", "message": "the record is gone"}
    assert error_of(attempt(Plain, Discard()))["message"] == "the job discarded itself"


def test_retry_waits_as_it_says_or_else_as_the_class_does_and_is_charged() -> None:
    outcome = attempt(Told, Retry(60, "busy"))
    assert (outcome.state, outcome.delay, outcome.charged) == (State.SCHEDULED, 60.0, True)
    assert error_of(outcome) == {"type": "Retry", "message": "busy"}
    assert attempt(Told, Retry()).delay == 10.0
    assert attempt(Plain, Retry()).delay == 1 + 15 + 5
    assert FAILED == []


def test_retry_from_an_error_is_about_that_error() -> None:
    cause = ValueError("the cause")
    retry = Retry(5)
    retry.__cause__ = cause
    outcome = attempt(Told, retry)
    assert (outcome.delay, error_of(outcome)["type"]) == (5.0, "ValueError")
    assert attempt(Told, retry, 3).state is State.DEAD
    assert [("n", "retry", cause, 5.0), ("n", "dead", cause)] == TOLD


def test_retry_in_the_last_attempt_is_a_death() -> None:
    outcome = attempt(Plain, Retry(60), 3)
    assert (outcome.state, error_of(outcome)["type"]) == (State.DEAD, "Retry")
    assert len(FAILED) == 1


@pytest.mark.parametrize("verdict", [Retry, Snooze])
@pytest.mark.parametrize("delay", [-1, "soon", float("nan"), 1e12])
def test_a_delay_that_is_none_is_refused_where_it_is_said(verdict: type[Retry | Snooze], delay: Any) -> None:
    with pytest.raises(SettingsError, match="between 0 seconds and 100 years"):
        verdict(delay)


# -- what goes wrong in what the class says


def test_errors_in_hooks_and_policies_are_logged_and_change_nothing(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR, "queueapi"):
        retried, dead = attempt(Explodes, OSError("o")), attempt(Explodes, OSError("o"), 3)
    assert (retried.state, retried.delay) == (State.SCHEDULED, 1 + 15 + 5)
    assert (dead.state, error_of(dead)["message"]) == (State.DEAD, "o")
    assert [record.getMessage() for record in caplog.records] == [
        "the retry= of tests.verdicts.explodes failed; the job is tried again on the usual curve",
        "on_retry of Explodes failed",
        "on_dead of Explodes failed",
    ]


def test_an_attempt_that_is_interrupted_tells_no_hook() -> None:
    claimed = Claimed(7, 99, "default", "tests.verdicts.told", "{}", 3, 3)
    RAISES[:] = [Interrupted(claimed)]
    assert EXECUTOR.execute(claimed) == Outcome(7, 99, State.AVAILABLE, charged=False)
    assert TOLD == []
