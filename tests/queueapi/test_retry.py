"""The delay between attempts."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from queueapi import retry

rand = st.floats(0, 1, exclude_max=True)


@given(st.integers(1, retry.MAX_ATTEMPTS), rand)
def test_the_delay_is_the_fourth_power_and_fifteen_seconds_and_up_to_ten_for_each_attempt(
    attempt: int, random: float
) -> None:
    delay = retry.delay(attempt, random)
    assert attempt**4 + 15 <= delay <= attempt**4 + 15 + 10 * attempt


@given(st.integers(1, retry.MAX_ATTEMPTS - 1), rand, rand)
def test_it_grows_from_one_attempt_to_the_next_whatever_the_dice_say(attempt: int, one: float, other: float) -> None:
    assert retry.delay(attempt, one) < retry.delay(attempt + 1, other)


def test_all_attempts_together_span_about_twenty_days() -> None:
    days = sum(retry.delay(attempt, 0.5) for attempt in range(1, retry.MAX_ATTEMPTS)) / 86_400
    assert 20 < days < 22
