"""What a class may say of its failures, and what follows from it."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from queueapi import Job, SettingsError, job, retry
from queueapi.kinds import kinds
from queueapi.retry import DEFAULT, Policy, policy


class GoneError(LookupError):
    pass


def of(**options: Any) -> Policy:
    return policy(DEFAULT, options.get("retry"), options.get("retry_on"), options.get("discard_on"))


def delays(policy: Policy, error: BaseException | None = None, count: int = 4) -> list[float | None]:
    return [policy.delay(error or OSError(), attempt, 0.5) for attempt in range(1, count + 1)]


def test_the_curve_is_what_holds_if_nothing_is_said() -> None:
    assert delays(of()) == [retry.delay(attempt, 0.5) for attempt in (1, 2, 3, 4)]


@pytest.mark.parametrize("value", [60, 60.0, dt.timedelta(minutes=1), [60]])
def test_a_number_of_seconds_is_the_same_after_each_attempt(value: Any) -> None:
    assert delays(of(retry=value)) == [60.0] * 4


def test_of_a_list_the_last_repeats() -> None:
    assert delays(of(retry=[1, dt.timedelta(seconds=5), 0])) == [1.0, 5.0, 0.0, 0.0]


def test_a_function_gets_the_exception_and_the_attempt() -> None:
    told: list[tuple[BaseException, int]] = []

    def ask(error: BaseException, attempt: int) -> dt.timedelta:
        told.append((error, attempt))
        return dt.timedelta(seconds=attempt * 10)

    error = OSError()
    assert delays(of(retry=ask), error, 2) == [10.0, 20.0]
    assert told == [(error, 1), (error, 2)]


@pytest.mark.parametrize("answer", [-1, None, "soon", float("inf"), True])
def test_what_is_no_delay_is_not_taken_for_one(answer: Any) -> None:
    with pytest.raises(SettingsError, match="the delay that retry= gave"):
        delays(of(retry=lambda *_: answer))


def test_retry_on_names_all_that_is_tried_again_subclasses_too() -> None:
    only = of(retry_on=(OSError, GoneError), retry=7)
    assert delays(only, ConnectionError(), 1) == delays(only, GoneError(), 1) == [7.0]
    assert delays(only, LookupError(), 1) == [None]
    assert delays(of(retry_on=OSError), ValueError(), 1) == [None]


def test_each_exception_may_have_delays_of_its_own_and_the_first_that_fits_counts() -> None:
    mixed = of(retry_on={ConnectionError: [1, 2], OSError: None, GoneError: lambda *_: 9}, retry=7)
    assert delays(mixed, ConnectionError(), 3) == [1.0, 2.0, 2.0]
    assert delays(mixed, OSError(), 1) == [7.0]
    assert delays(mixed, GoneError(), 1) == [9.0]
    assert delays(mixed, ValueError(), 1) == [None]


def test_discard_on_names_what_ends_the_job() -> None:
    assert of(discard_on=LookupError).discards(GoneError())
    assert not of(discard_on=[GoneError]).discards(LookupError())
    assert not of().discards(GoneError())


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"retry": "daily"}, "retry='daily' must be seconds"),
        ({"retry": True}, "max_attempts=1 is to try no more"),
        ({"retry": False}, "max_attempts=1 is to try no more"),
        ({"retry": []}, r"retry=\[\] must be seconds"),
        ({"retry": [5, -1]}, "retry=-1 must be between 0 seconds and 100 years"),
        ({"retry": OSError}, "must be seconds"),
        ({"retry_on": "OSError"}, "retry_on names 'OSError', which is no exception class"),
        ({"retry_on": {OSError: "soon"}}, "retry_on='soon'"),
        ({"retry_on": {"OSError": 5}}, "retry_on names 'OSError'"),
        ({"discard_on": [ValueError, int]}, "discard_on names <class 'int'>"),
    ],
)
def test_what_cannot_be_read_is_refused_where_it_is_written(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(SettingsError, match=sentence):
        of(**options)
    with pytest.raises(SettingsError, match=sentence):
        job(**options)(lambda: None)


# -- on classes and functions


class Base(Job, retry=5, discard_on=GoneError):
    def run(self) -> None: ...


class Derived(Base, kind="tests.retry_policy.derived", retry=[1, 2]):
    pass


def test_a_class_takes_over_what_it_does_not_say_itself() -> None:
    assert kinds.of(Base()).policy == Policy((5.0,), None, (GoneError,))
    assert kinds.of(Derived()).policy == Policy((1.0, 2.0), None, (GoneError,))


def test_a_list_says_how_many_attempts_there_are_if_nothing_else_does() -> None:
    assert kinds.of(Derived()).options.max_attempts == 3
    assert kinds.of(Base()).options.max_attempts is None

    class Longer(Job, kind="tests.retry_policy.longer", retry=[1, 2], max_attempts=9):
        def run(self) -> None: ...

    assert kinds.of(Longer()).options.max_attempts == 9


def test_a_function_says_it_in_its_decorator() -> None:
    @job(kind="tests.retry_policy.function", retry=[1], retry_on=OSError, discard_on=GoneError)
    def send() -> None: ...

    kind = kinds.of(send.job())
    assert kind.policy == Policy((1.0,), ((OSError, None),), (GoneError,))
    assert kind.options.max_attempts == 2


@pytest.mark.parametrize("name", ["on_retry", "on_dead"])
def test_no_field_may_hide_a_hook(name: str) -> None:
    with pytest.raises(SettingsError, match=f"has a field named '{name}'"):
        type("Hides", (Job,), {"__annotations__": {name: str}, "__module__": __name__, name: ""})
