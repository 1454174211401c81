"""How much room a limit has left."""

from __future__ import annotations

import doctest
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queueapi import quotas
from queueapi.quotas import Quota

numbers = st.integers(0, 20)


def test_the_examples_in_the_module_are_true() -> None:
    assert doctest.testmod(quotas).failed == 0


def test_places_are_given_until_there_is_none() -> None:
    quota = Quota("k", slots=2)
    for job in (1, 2):
        assert quota.admits(job)
        quota.begin(job)
    assert not quota.admits(3)
    assert quota.room() == 0


def test_a_promise_is_a_place_that_is_taken_for_all_but_one() -> None:
    quota = Quota("k", slots=2, held=2, promised=1, mine={7})
    assert not quota.admits(8)
    assert quota.admits(7)
    quota.begin(7)
    assert quota.held == 2, "it was counted before"


def test_a_promise_that_is_given_up_is_a_place_for_another() -> None:
    quota = Quota("k", slots=2, held=2, promised=1, mine={7})
    assert quota.give_up(7)
    assert not quota.give_up(7)
    assert quota.admits(8)


def test_after_a_limit_was_lowered_not_even_a_promise_is_kept() -> None:
    quota = Quota("k", slots=1, held=2, promised=1, mine={7})
    assert not quota.admits(7)
    assert quota.room() == 0


def test_a_window_is_full_until_it_ends() -> None:
    quota = Quota("k", starts=3, period=10, used=3, age=4)
    assert not quota.admits(1)
    assert quota.due() == 6
    over = Quota("k", starts=3, period=10, used=3, age=10)
    assert over.admits(1)
    assert over.room() == 3
    assert over.renewed, "the next one begins now"


def test_a_bucket_is_as_full_as_the_time_that_went_by() -> None:
    quota = Quota("k", starts=4, period=8, bucket=True, used=4, age=3)
    assert quota.used == 2.5
    assert quota.admits(1)
    quota.begin(1)
    assert not quota.admits(2)
    assert quota.due() == 1


def test_promises_are_counted_as_starts_to_come() -> None:
    quota = Quota("k", starts=3, period=10, used=1, age=1, held=2, promised=2, mine={7})
    assert not quota.admits(8)
    assert quota.admits(7)
    assert quota.room() == 0


def test_what_no_time_brings_is_never_due() -> None:
    assert Quota("k", slots=1, held=1).due() == math.inf
    assert Quota("k", starts=1, period=10, used=0, age=1).due() == math.inf


def test_of_what_was_never_said_one_shows_the_way() -> None:
    assert Quota("k", known=False).room() == 1
    assert Quota("k", known=False, held=1, promised=1).room() == 0


@given(slots=st.integers(1, 10), held=numbers, promised=numbers, jobs=st.lists(st.integers(1, 30), unique=True))
def test_never_more_than_the_slots_begin(slots: int, held: int, promised: int, jobs: list[int]) -> None:
    promised = min(promised, held)
    quota = Quota("k", slots=slots, held=held, promised=promised, mine=set(range(1, promised + 1)))
    running = held - promised
    for job in jobs:
        if quota.admits(job):
            quota.begin(job)
            running += 1
            assert running <= max(slots, held - promised)
    assert quota.room() <= max(0, slots - running)


@given(
    starts=st.integers(1, 10),
    steps=st.lists(st.floats(0, 3), max_size=40),
    period=st.floats(0.5, 5),
)
def test_a_bucket_never_gives_more_than_it_holds_and_what_refilled(
    starts: int, steps: list[float], period: float
) -> None:
    used, since, clock, begun = 0.0, 0.0, 0.0, []
    for step in steps:
        clock += step
        quota = Quota("k", starts=starts, period=period, bucket=True, used=used, age=clock - since)
        while quota.admits(1):
            quota.begin(1)
            begun.append(clock)
        used, since = quota.used, clock
    for first in begun:
        within = [at for at in begun if first <= at < first + period]
        assert len(within) <= 2 * starts


@pytest.mark.parametrize("bucket", [False, True])
def test_a_full_rate_is_due_when_it_says(bucket: bool) -> None:
    quota = Quota("k", starts=5, period=7, bucket=bucket, used=5, age=0)
    assert Quota("k", starts=5, period=7, bucket=bucket, used=5, age=quota.due()).room() >= 1


@pytest.mark.parametrize("bucket", [False, True])
def test_a_clock_that_was_put_back_by_years_keeps_nobody_waiting_for_years(bucket: bool) -> None:
    quota = Quota("k", starts=3, period=60.0, bucket=bucket, used=3.0, age=-3e8)
    assert quota.admits(1)
    assert quota.room() == 3
    quota.begin(1)
    assert quota.renewed, "from now on it counts by the clock as it is"


@pytest.mark.parametrize("bucket", [False, True])
def test_a_clock_that_was_put_back_a_little_gives_nothing_away_and_costs_a_period_at_most(bucket: bool) -> None:
    quota = Quota("k", starts=3, period=60.0, bucket=bucket, used=3.0, age=-0.5)
    assert not quota.admits(1)
    assert 0 < quota.due() <= 60.0
