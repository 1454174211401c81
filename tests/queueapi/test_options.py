"""What a class or a push may say: kept, merged, asked at push, and refused at once if it cannot be kept."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest

from queueapi import SettingsError
from queueapi.options import NOTHING, Options, evaluated, is_plain, merged, options

NOW = dt.datetime(2030, 1, 1, tzinfo=dt.UTC)
NAIVE = dt.datetime(2030, 1, 1)


def test_nothing_said_is_nothing_kept() -> None:
    assert options({}) is NOTHING
    assert is_plain(NOTHING)


def test_an_unknown_option_is_a_type_error_that_names_the_known_ones() -> None:
    with pytest.raises(TypeError, match="no option 'priorty'; there are queue, priority"):
        options({"priorty": 3})


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"queue": ""}, "queue"),
    ({"queue": 3}, "queue"),
    ({"priority": "high"}, "priority is 'high', and must be a whole number"),
    ({"priority": True}, "priority is True"),
    ({"priority": 40_000}, "from -32768 to 32767"),
    ({"max_attempts": 0}, "max_attempts is 0"),
    ({"run_at": NAIVE}, "says no timezone"),
    ({"run_at": "tomorrow"}, "says no timezone"),
    ({"run_at": NOW, "delay": 3}, "exclude each other"),
    ({"delay": -1}, "delay=-1 must be between"),
    ({"delay": float("nan")}, "delay=nan"),
    ({"expires_in": "soon"}, "expires_in='soon'"),
    ({"expires_in": dt.timedelta(days=-1)}, "expires_in="),
    ({"unique": 7}, "unique is 7"),
    ({"unique": ["a", 3]}, "unique is \\['a', 3\\]"),
    ({"unique_until": "never"}, "must be one of end, start"),
    ({"unique_for": True}, "unique_for=True"),
    ({"on_conflict": "ignore"}, "must be one of skip, replace, raise, postpone"),
    ({"timeout": -3}, "timeout=-3"),
    ({"hard_timeout": []}, "hard_timeout=\\[\\]"),
    ({"timeout": 0}, "timeout is 0, and no job ends in no time"),
    ({"hard_timeout": dt.timedelta()}, "hard_timeout is 0"),
    ({"keep_result": "no"}, "keep_result is 'no', and must be True or False"),
    ({"result_ttl": -1}, "result_ttl=-1"),
]


@pytest.mark.parametrize(("said", "sentence"), REFUSED, ids=[str(said) for said, _ in REFUSED])
def test_what_cannot_be_kept_is_refused_with_the_value_in_the_sentence(said: dict[str, Any], sentence: str) -> None:
    with pytest.raises(SettingsError, match=sentence):
        options(said)


@pytest.mark.parametrize(
    ("said", "sentence"),
    [(said, sentence) for said, sentence in REFUSED if len(said) == 1 and "unique" not in said],
    ids=str,
)
def test_what_a_function_gives_is_checked_as_if_it_had_been_said(said: dict[str, Any], sentence: str) -> None:
    ((name, value),) = said.items()
    asked = options({name: lambda: value})
    with pytest.raises(SettingsError, match=sentence):
        evaluated(asked, object())


@pytest.mark.parametrize("name", ["queue", "priority", "max_attempts", "run_at", "delay", "expires_in", "result_ttl"])
def test_a_function_is_asked_at_every_push_with_the_job_or_with_nothing(name: str) -> None:
    values: dict[str, Any] = {"queue": "mail", "run_at": NOW}
    value = values.get(name, 7)
    seen: list[object] = []

    def with_job(job: object) -> object:
        seen.append(job)
        return value

    for function in (with_job, lambda: value):
        assert getattr(evaluated(options({name: function}), "the job"), name) == value
    evaluated(options({name: with_job}), "another")
    assert seen == ["the job", "another"]


def test_a_builtin_that_hides_its_parameters_is_asked_with_nothing() -> None:
    now = evaluated(options({"delay": dt.timedelta}), object()).delay
    assert now == dt.timedelta(0)


def test_a_function_that_says_what_is_the_same_is_not_asked_here() -> None:
    unique: Callable[[Any], object] = lambda job: 1 / 0  # noqa: E731
    assert evaluated(options({"unique": unique}), object()).unique is unique


def test_the_later_word_wins_and_what_it_leaves_open_stays() -> None:
    base, over = options({"queue": "a", "priority": 1, "unique": True}), options({"priority": 2, "unique": False})
    assert merged(base, over) == Options(queue="a", priority=2, unique=False)
    assert merged(base, NOTHING) is base


@pytest.mark.parametrize(("base", "over"), [({"run_at": NOW}, {"delay": 5}), ({"delay": 5}, {"run_at": NOW})])
def test_a_time_takes_the_place_of_a_delay_and_the_other_way_round(base: Any, over: Any) -> None:
    assert merged(options(base), options(over)) == options(over)


@pytest.mark.parametrize(
    ("said", "plain"),
    [
        ({"queue": "a", "priority": 3, "max_attempts": 2, "delay": 5}, True),
        ({"expires_in": 5}, False),
        ({"unique": True}, False),
        ({"timeout": 5}, False),
        ({"keep_result": False}, False),
        ({"result_ttl": 5}, False),
    ],
    ids=str,
)
def test_a_job_is_plain_if_a_plain_row_can_say_all_of_it(said: dict[str, Any], plain: bool) -> None:
    assert is_plain(options(said)) is plain
