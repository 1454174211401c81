"""One attempt: every way it can end is in the outcome, and none gets out of it."""

from __future__ import annotations

import contextvars
import json
import sys
from typing import Any

import gevent
import pytest

import queueapi
from queueapi import Job, UnknownKind
from queueapi.claims import Claimed
from queueapi.executor import UNKNOWN_KIND_DELAY, Executor
from queueapi.interrupts import Interrupted
from queueapi.kinds import kinds
from queueapi.records import Outcome
from queueapi.reporting import Reporter
from queueapi.states import State

LIMIT = 1000
EXECUTOR = Executor(kinds, LIMIT, rand=lambda: 0.5)


class Does(Job, kind="tests.does"):
    """Does what its test says."""

    what: str = ""

    def run(self) -> Any:
        return WORK[self.what]()


def attempt(what: str, number: int = 1, reporter: Reporter | None = None) -> Outcome:
    claimed = Claimed(7, 99, "default", "tests.does", json.dumps({"what": what}), number, 3)
    WORK["interrupted"] = lambda: raises(Interrupted(claimed))
    return EXECUTOR.execute(claimed, reporter)


def error_of(outcome: Outcome) -> dict[str, str]:
    error: dict[str, str] = json.loads(outcome.error or "{}")
    return error


def raises(error: BaseException) -> Any:
    raise error


def endless(depth: int = 0) -> int:
    return endless(depth + 1) + 1


class MuteError(Exception):
    def __str__(self) -> str:
        raise ValueError("not even this")


class DeadlyError(Exception):
    def __str__(self) -> str:
        raise SystemExit(3)


class OddError(Exception):
    def __str__(self) -> str:
        return 7  # type: ignore[return-value]


class Booby:
    """Looks like a dataclass and explodes when it is looked at."""

    __struct_fields__ = ("x",)

    @property
    def x(self) -> int:
        raise RuntimeError("boom")


WORK: dict[str, Any] = {
    "": lambda: None,
    "returns": lambda: {"imported": 3},
    "an exception": lambda: raises(ValueError("no such upload")),
    "an exception group": lambda: raises(ExceptionGroup("two", [ValueError("a"), OSError("b")])),
    "SystemExit": lambda: sys.exit(3),
    "KeyboardInterrupt": lambda: raises(KeyboardInterrupt()),
    "GreenletExit": lambda: raises(gevent.GreenletExit("killed")),
    "RecursionError": endless,
    "MemoryError": lambda: raises(MemoryError()),
    "UnknownKind": lambda: raises(UnknownKind("the job's own")),
    "NUL and surrogate": lambda: raises(ValueError("a\0b\ud800")),
    "MuteError": lambda: raises(MuteError()),
    "DeadlyError": lambda: raises(DeadlyError()),
    "OddError": lambda: raises(OddError()),
    "an interruption of its own": lambda: raises(Interrupted()),
    "another's interruption": lambda: raises(Interrupted(Claimed(8, 99, "default", "tests.does", "{}", 1, 3))),
    "an unserialisable result": lambda: {"file": sys.stdout},
    "a large result": lambda: "x" * LIMIT,
    "a result that explodes": Booby,
}
FAILURES = [
    ("an exception", "ValueError", "no such upload"),
    ("an exception group", "ExceptionGroup", "two"),
    ("SystemExit", "SystemExit", "3"),
    ("KeyboardInterrupt", "KeyboardInterrupt", ""),
    ("GreenletExit", "GreenletExit", "killed"),
    ("RecursionError", "RecursionError", "recursion"),
    ("MemoryError", "MemoryError", ""),
    ("UnknownKind", "UnknownKind", "the job's own"),
    ("NUL and surrogate", "ValueError", "a�b?"),
    ("MuteError", "MuteError", "could not be read"),
    ("DeadlyError", "DeadlyError", "could not be read"),
    ("OddError", "OddError", "could not be read"),
    ("an interruption of its own", "Interrupted", "interrupted"),
    ("another's interruption", "Interrupted", "interrupted"),
]


def test_what_run_returns_is_the_result() -> None:
    assert attempt("returns") == Outcome(7, 99, State.DONE, '{"imported":3}')
    assert attempt("") == Outcome(7, 99, State.DONE, None)


@pytest.mark.parametrize(("what", "type_", "message"), FAILURES)
def test_whatever_it_raises_is_this_attempts_failure_and_tried_again_later(what: str, type_: str, message: str) -> None:
    outcome = attempt(what)
    assert (outcome.id, outcome.token, outcome.state, outcome.charged) == (7, 99, State.SCHEDULED, True)
    assert outcome.delay == 1 + 15 + 5
    error = error_of(outcome)
    assert error["type"] == type_
    assert message in error["message"]


@pytest.mark.parametrize(("what", "type_", "message"), FAILURES)
def test_the_last_attempt_that_fails_leaves_the_job_dead_with_its_error(what: str, type_: str, message: str) -> None:
    outcome = attempt(what, number=3)
    assert (outcome.state, outcome.delay) == (State.DEAD, 0.0)
    assert error_of(outcome)["type"] == type_


def test_the_traceback_leads_to_the_line_and_to_the_cause() -> None:
    def fails() -> None:
        try:
            raises(KeyError("inner"))
        except KeyError as error:
            raise ValueError("outer") from error

    WORK["chained"] = fails
    trace = error_of(attempt("chained"))["traceback"]
    assert 'raise ValueError("outer") from error' in trace
    assert "KeyError: 'inner'" in trace
    assert len(error_of(attempt("RecursionError"))["traceback"]) < 65_000


def test_the_delay_grows_with_the_attempts() -> None:
    assert attempt("an exception", 2).delay == 16 + 15 + 10


def test_an_interrupted_attempt_goes_back_uncharged_even_if_the_job_catches_all_exceptions() -> None:
    assert attempt("interrupted", number=3) == Outcome(7, 99, State.AVAILABLE, charged=False)

    def swallows() -> None:
        try:
            WORK["interrupted"]()
        except Exception:
            raise AssertionError("caught") from None

    WORK["swallows"] = swallows
    assert attempt("swallows") == Outcome(7, 99, State.AVAILABLE, charged=False)


@pytest.mark.parametrize(
    ("what", "sentence"),
    [
        ("an unserialisable result", "the result of Does['file'] cannot be written down"),
        ("a large result", "the result of Does takes 1,002 bytes, and 1,000 are allowed"),
        ("a result that explodes", "boom"),
    ],
)
def test_a_result_that_cannot_be_told_ends_the_job_since_doing_it_again_would_not_help(
    what: str, sentence: str
) -> None:
    outcome = attempt(what)
    assert outcome.state is State.DEAD
    assert sentence in error_of(outcome)["message"]


def test_an_unknown_kind_is_left_for_a_worker_that_knows_it_and_no_attempt_is_charged() -> None:
    outcome = EXECUTOR.execute(Claimed(7, 99, "default", "tests.from.the.future", "{}", 25, 25))
    assert (outcome.state, outcome.charged, outcome.delay) == (State.SCHEDULED, False, UNKNOWN_KIND_DELAY)
    assert "tests.from.the.future" in error_of(outcome)["message"]


@pytest.mark.parametrize(
    "args",
    ["", "{", "[]", "null", '{"what": 3}', '{"what": "\\ud800"}', "[" * 100_000, '{"what": "' + "x" * 10],
    ids=["empty", "cut off", "a list", "null", "another type", "half a pair", "deep", "unterminated"],
)
def test_arguments_that_cannot_be_read_fail_the_attempt_and_say_so(args: str) -> None:
    for number, state in ((1, State.SCHEDULED), (3, State.DEAD)):
        outcome = EXECUTOR.execute(Claimed(7, 99, "default", "tests.does", args, number, 3))
        assert outcome.state is state
        assert error_of(outcome)["message"].startswith("the arguments do not fit Does:")


def test_what_one_job_sets_in_its_context_the_next_does_not_see() -> None:
    name: contextvars.ContextVar[str] = contextvars.ContextVar("name", default="nobody")
    seen: list[str] = []

    def sets() -> None:
        seen.append(name.get())
        name.set("me")

    WORK["sets"] = sets
    attempt("sets")
    attempt("sets")
    assert (seen, name.get()) == (["nobody", "nobody"], "nobody")


def test_a_job_reports_to_its_own_reporter_and_none_is_left_after_it() -> None:
    stored: list[float] = []
    reporter = Reporter(lambda it: stored.append(it.done), lambda _: None)
    WORK["reports"] = lambda: queueapi.progress(5, 10)
    attempt("reports", reporter=reporter)
    attempt("reports", reporter=None)
    queueapi.progress(6)
    assert stored == [5]


@pytest.mark.system
def test_the_executor_loads_no_storage(python: Any) -> None:
    assert python("import sys, queueapi.executor; print({'psycopg', 'gevent'} & set(sys.modules) or 'none')") == "none"
