"""Schedules as modules declare them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any
from zoneinfo import ZoneInfo

import pytest

import queueapi
from queueapi import Job, NotAJob, SettingsError
from queueapi.timetables import timetable


@pytest.fixture(autouse=True)
def _alone() -> Iterator[None]:
    before = dict(timetable._by_name)
    timetable.clear()
    yield
    timetable._by_name = before


class Report(Job, kind="tests.crons.report", queue="reports", priority=3):
    month: str = "this"

    def run(self) -> None: ...


class Needs(Job, kind="tests.crons.needs"):
    account: int

    def run(self) -> None: ...


@queueapi.job(kind="tests.crons.tidy")
def tidy(days: int = 30) -> None: ...


def rows() -> dict[str, Any]:
    return {cron.name: cron for cron in timetable.crons(1_000_000)}


def test_above_a_class_it_pushes_a_job_made_without_arguments() -> None:
    assert queueapi.cron("0 6 * * *", tz="Europe/Moscow")(Report) is Report
    (row,) = rows().values()
    assert row[:4] == ("tests.crons.report", "0 6 * * *", "Europe/Moscow", True)
    assert row.job[:5] == ("reports", "tests.crons.report", '{"month":"this"}', 3, 25)


def test_above_a_function_it_pushes_a_call_of_it() -> None:
    assert queueapi.cron("@daily", args=[7])(tidy) is tidy
    assert rows()["tests.crons.tidy"].job.args == '{"days":7}'


def test_arguments_are_given_in_a_row_or_by_name() -> None:
    queueapi.cron("@daily", args=(1,), name="one")(Needs)
    queueapi.cron("@daily", args={"account": 2}, name="two")(Needs)
    assert [row.job.args for row in rows().values()] == ['{"account":1}', '{"account":2}']


def test_a_schedule_is_of_a_job_object_where_the_configuration_stands() -> None:
    queueapi.schedule("nightly", Needs(5), "0 3 * * *", tz=ZoneInfo("Europe/Berlin"), catch_up=False, queue="night")
    row = rows()["nightly"]
    assert row[:4] == ("nightly", "0 3 * * *", "Europe/Berlin", False)
    assert (row.job.queue, row.job.args) == ("night", '{"account":5}')


def test_the_options_of_a_push_hold_for_each_tick() -> None:
    queueapi.cron("@hourly", name="it", priority=9, expires_in=60, unique=True, max_attempts=2)(Report)
    job = rows()["it"].job
    assert (job.priority, job.max_attempts, job.special.expires_in) == (9, 2, 60.0)
    assert job.special.unique is not None


@pytest.mark.parametrize(("word", "catches_up"), [("once", True), ("skip", False), (True, True), (False, False)])
def test_what_was_missed_is_caught_up_or_skipped_by_either_word(word: Any, catches_up: bool) -> None:
    queueapi.cron("@daily", catch_up=word)(Report)
    assert rows()["tests.crons.report"].catch_up is catches_up


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ({"expression": "0 25 * * *"}, r"'0 25 \* \* \*' cannot be read: bad hour"),
        ({"expression": 5}, "5 is no text"),
        ({"tz": "Moscow"}, "there is no timezone 'Moscow'"),
        ({"tz": dt.timezone(dt.timedelta(hours=3))}, "there is no timezone 'UTC.03:00'"),
        ({"name": "with space"}, "cannot be the name of a schedule"),
        ({"catch_up": "twice"}, "catch_up is 'twice'"),
        ({"catch_up": []}, r"catch_up is \[\]"),
        ({"run_at": dt.datetime.now(dt.UTC)}, "its expression says when"),
        ({"args": (1, 2, 3)}, "too many positional arguments"),
        ({"args": lambda: (1,)}, "is a function"),
        ({"priority": 99_999}, "priority is 99999"),
    ],
)
def test_what_cannot_be_is_refused_where_it_is_written_in_one_sentence(words: dict[str, Any], sentence: str) -> None:
    with pytest.raises(SettingsError, match=sentence) as refused:
        queueapi.cron(**{"expression": "0 6 * * *", **words})(Report)
    assert "\n" not in str(refused.value)
    assert rows() == {}


def test_a_job_that_needs_arguments_is_refused_without_them() -> None:
    with pytest.raises(SettingsError, match="missing a required argument: 'account'; give args="):
        queueapi.cron("@daily")(Needs)


def test_what_is_no_job_is_refused() -> None:
    class Plain:
        def run(self) -> None: ...

    with pytest.raises(NotAJob, match="is not a job yet: put @cron above @job"):
        queueapi.cron("@daily")(Plain)
    with pytest.raises(NotAJob, match="is no job"):
        queueapi.cron("@daily")(print)
    with pytest.raises(NotAJob, match="is not a job"):
        queueapi.schedule("it", Plain(), "@daily")


def test_a_job_that_cannot_be_written_down_stops_the_worker_that_would_tell_of_it() -> None:
    queueapi.schedule("it", Report(month=5), "@daily")  # type: ignore[arg-type]
    with pytest.raises(SettingsError, match=r"the schedule 'it' cannot push its job: .*month"):
        rows()


def test_two_schedules_cannot_have_one_name() -> None:
    queueapi.cron("0 6 * * *")(Report)
    with pytest.raises(SettingsError, match=r'cron\("0 18 \* \* \*", name="tests.crons.report-2"\)'):
        queueapi.cron("0 18 * * *")(Report)
    queueapi.cron("0 18 * * *", name="evening")(Report)
    with pytest.raises(SettingsError, match="two schedules are called 'evening'"):
        queueapi.schedule("evening", Needs(1), "0 18 * * *")
    assert len(rows()) == 2


def test_a_module_that_is_imported_again_replaces_its_schedule() -> None:
    def declare(expression: str) -> None:
        cls = type("Again", (Job,), {"run": lambda self: None}, kind="tests.crons.again")
        queueapi.cron(expression)(cls)

    declare("0 6 * * *")
    declare("0 7 * * *")
    assert rows()["tests.crons.again"].expression == "0 7 * * *"
