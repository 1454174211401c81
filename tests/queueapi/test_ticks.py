"""When schedules are due: expressions, timezones, and the two nights of the year."""

from __future__ import annotations

import datetime as dt
from itertools import pairwise

import pytest

from queueapi import SettingsError
from queueapi.records import NewJob
from queueapi.ticks import Cron, is_wanted, next_tick


def ticks(expression: str, timezone: str, after: str, count: int) -> list[str]:
    """The next few, in UTC."""
    at, found = dt.datetime.fromisoformat(after), []
    for _ in range(count):
        at = next_tick(expression, timezone, at)
        found.append(at.strftime("%m-%d %H:%M"))
    return found


def test_an_expression_is_meant_in_its_timezone() -> None:
    assert ticks("0 6 * * *", "Europe/Moscow", "2026-11-24T00:00:00+00:00", 2) == ["11-24 03:00", "11-25 03:00"]
    assert ticks("0 6 * * *", "UTC", "2026-11-24T00:00:00+00:00", 1) == ["11-24 06:00"]
    assert ticks("0 6 * * MON-FRI", "Asia/Tokyo", "2026-11-27T12:00:00+09:00", 1) == ["11-29 21:00"]


def test_a_time_that_the_clocks_skip_comes_when_they_have_skipped_it() -> None:
    berlin = "2026-03-28T12:00:00+01:00"
    assert ticks("30 2 * * *", "Europe/Berlin", berlin, 2) == ["03-29 01:00", "03-30 00:30"]
    assert ticks("0,30 2 * * *", "Europe/Berlin", berlin, 2) == ["03-29 01:00", "03-30 00:00"]  # both at once, once
    moscow = "2010-03-27T12:00:00+03:00"
    assert ticks("30 2 * * *", "Europe/Moscow", moscow, 2) == ["03-27 23:00", "03-28 22:30"]


def test_a_time_that_the_clocks_show_twice_comes_once() -> None:
    berlin = "2026-10-24T12:00:00+02:00"
    assert ticks("30 2 * * *", "Europe/Berlin", berlin, 2) == ["10-25 00:30", "10-26 01:30"]
    moscow = "2010-10-30T12:00:00+04:00"
    assert ticks("30 2 * * *", "Europe/Moscow", moscow, 2) == ["10-30 22:30", "10-31 23:30"]


def test_a_look_between_the_two_gives_a_later_time_and_not_the_first_again() -> None:
    second = "2026-10-25T02:15:00+01:00"  # 02:30 was 45 minutes ago, and will be on the clocks in 15
    assert ticks("30 2 * * *", "Europe/Berlin", second, 1) == ["10-26 01:30"]


def test_the_day_when_moscow_gave_summer_time_up_has_one_tick_at_six() -> None:
    assert ticks("0 6 * * *", "Europe/Moscow", "2014-10-25T00:00:00+00:00", 3) == [
        "10-25 02:00", "10-26 03:00", "10-27 03:00",
    ]  # fmt: skip


@pytest.mark.parametrize("zone", ["Europe/Berlin", "Europe/Moscow"])
@pytest.mark.parametrize("expression", ["*/10 * * * *", "0 * * * *", "15 */2 * * *"])
def test_what_repeats_within_the_day_goes_on_through_both_nights(zone: str, expression: str) -> None:
    at, found = dt.datetime(2026, 1, 1, tzinfo=dt.UTC), []
    while at < dt.datetime(2027, 1, 1, tzinfo=dt.UTC):
        at = next_tick(expression, zone, at)
        found.append(at)
    longest = max(later - earlier for earlier, later in pairwise(found))
    assert all(earlier < later for earlier, later in pairwise(found))
    assert longest <= dt.timedelta(hours=3 if "/2" in expression else 1)


def test_six_fields_begin_with_the_second() -> None:
    after = dt.datetime(2026, 11, 24, 12, 0, 0, 500_000, dt.UTC)
    assert next_tick("* * * * * *", "Europe/Moscow", after) == after.replace(second=1, microsecond=0)
    assert next_tick("30 0 6 * * *", "UTC", after) == dt.datetime(2026, 11, 25, 6, 0, 30, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("word", "tick"),
    [("@hourly", "11-24 13:00"), ("@Daily", "11-25 00:00"), ("@weekly", "11-29 00:00"), ("@monthly", "12-01 00:00"),
     ("@yearly", "01-01 00:00")],
)  # fmt: skip
def test_crontabs_words_are_known(word: str, tick: str) -> None:
    assert ticks(word, "UTC", "2026-11-24T12:30:00+00:00", 1) == [tick]


@pytest.mark.parametrize(
    "expression", ["", "* * * *", "61 * * * *", "0 6 * * FUN", "* * * * * * *", "@often", "0 0 31 2 *", "1-5, * * * *"]
)
def test_what_is_no_expression_is_refused_by_name(expression: str) -> None:
    with pytest.raises(SettingsError) as refused:
        next_tick(expression, "UTC", dt.datetime.now(dt.UTC))
    assert repr(expression) in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_day_that_never_comes_is_refused_and_not_looked_for_for_ever() -> None:
    with pytest.raises(SettingsError, match=r"'0 0 \*/31 2 MON#5' never comes"):
        next_tick("0 0 */31 2 MON#5", "UTC", dt.datetime(2026, 11, 24, tzinfo=dt.UTC))


@pytest.mark.parametrize("zone", ["Europe/Moskau", "", "/etc/passwd", "../x", "Europe", "MSK\0"])
def test_what_is_no_timezone_is_refused_by_name(zone: str) -> None:
    with pytest.raises(SettingsError, match="there is no timezone"):
        next_tick("0 6 * * *", zone, dt.datetime.now(dt.UTC))


NOON = dt.datetime(2026, 11, 24, 12, 0, 10, tzinfo=dt.UTC)


def cron(expression: str, catch_up: bool) -> Cron:
    return Cron("it", expression, "UTC", catch_up, NewJob("default", "it", "{}", 0, 25, 0.0, None))


@pytest.mark.parametrize(
    ("expression", "minutes_late", "catch_up", "wanted"),
    [
        ("0 6 * * *", 360, True, True),
        ("0 6 * * *", 360, False, False),
        ("0 12 * * *", 0, False, True),  # ten seconds late: a worker that started again
        ("* * * * *", 1440, False, True),  # a day was missed, the last minute was not
        ("*/7 * * * *", 64, False, True),  # the last is ten seconds old
        ("5,25 * * * *", 55, False, False),
    ],
)
def test_what_was_missed_is_made_up_for_once_or_left(
    expression: str, minutes_late: int, catch_up: bool, wanted: bool
) -> None:
    due = NOON.replace(second=0) - dt.timedelta(minutes=minutes_late)
    assert is_wanted(cron(expression, catch_up), due, NOON) is wanted
