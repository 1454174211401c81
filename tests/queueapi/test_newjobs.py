"""From a job and what is said of it to its row."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest

from queueapi import Job, SettingsError
from queueapi.kinds import kinds
from queueapi.limits import Concurrency
from queueapi.newjobs import new_job
from queueapi.options import options
from queueapi.records import NewJob, Special

NOON = dt.datetime(2030, 1, 1, 12, tzinfo=dt.timezone(dt.timedelta(hours=3)))


class Plain(Job, kind="tests.newjobs.plain"):
    n: int = 0

    def run(self) -> None: ...


class Full(
    Job,
    kind="tests.newjobs.full",
    queue=lambda job: f"tenant-{job.n}",
    priority=lambda: 7,
    max_attempts=3,
    delay=dt.timedelta(minutes=1),
    expires_in=dt.timedelta(hours=1),
    unique="n",
    unique_until="start",
    unique_for=60,
    on_conflict="postpone",
    limit=[Concurrency(2), Concurrency(1, by="n")],
    timeout=5,
    hard_timeout=dt.timedelta(seconds=9),
    result_ttl=3600,
):
    n: int = 0

    def run(self) -> None: ...


def row(job: Job, bound: str | None = None, **said: Any) -> NewJob:
    return new_job(kinds.of(job), job, options(said), bound, 10_000)


def special(job: Job, **said: Any) -> Special:
    found = row(job, **said).special
    assert found is not None
    return found


def test_a_job_of_which_nothing_is_said_is_a_plain_row() -> None:
    assert row(Plain(3)) == NewJob("default", "tests.newjobs.plain", '{"n":3}', 0, 25, 0.0, None, None)


def test_what_is_said_without_need_of_more_is_still_a_plain_row() -> None:
    assert row(Plain(), queue="mail", priority=-3, max_attempts=1, run_at=NOON) == NewJob(
        "mail", "tests.newjobs.plain", '{"n":0}', -3, 1, 0.0, "2030-01-01T12:00:00+03:00", None
    )


def test_all_that_a_class_says_stands_in_the_row() -> None:
    found = row(Full(4))
    assert found[:7] == ("tenant-4", "tests.newjobs.full", '{"n":4}', 7, 3, 60.0, None)
    more = found.special
    assert more is not None
    assert more.unique is not None
    assert (more.expires_in, more.result_ttl, json.loads(more.options or "")) == (
        3600.0, 3600.0, {"timeout": 5.0, "hard_timeout": 9.0},
    )  # fmt: skip
    assert more.limit_keys == ("at-once:tests.newjobs.full:4", "at-once:tests.newjobs.full")
    assert more.unique.key.startswith("start:tests.newjobs.full:")
    assert more.unique[1:] == (60.0, "postpone")
    assert (more.blocked_by, more.batch_id, more.followed, more.previous) == (None, None, False, None)


def test_a_push_says_more_than_the_class_and_takes_back_what_it_said() -> None:
    found = row(Full(4), queue="other", run_at=lambda: NOON, unique=False, result_ttl=0)
    assert (found.queue, found.delay, found.run_at) == ("other", 0.0, "2030-01-01T12:00:00+03:00")
    more = special(Full(4), unique=False, keep_result=False)
    assert (more.unique, more.result_ttl) == (None, 0.0)


@pytest.mark.parametrize(
    ("bound", "said", "queue"),
    [(None, {}, "tenant-1"), ("bound", {}, "bound"), ("bound", {"queue": "said"}, "said")],
)
def test_the_push_names_the_queue_before_the_bound_one_and_that_before_the_class(
    bound: str | None, said: dict[str, Any], queue: str
) -> None:
    assert row(Full(1), bound, **said).queue == queue


def test_what_a_function_of_the_class_gives_at_push_is_refused_at_push() -> None:
    with pytest.raises(SettingsError, match="says no timezone"):
        row(Plain(), run_at=lambda job: dt.datetime(2030, 1, 1))
    with pytest.raises(SettingsError, match="exclude each other"):
        row(Plain(), run_at=NOON, delay=lambda: 3)


def test_subclasses_inherit_and_overrule_what_is_said_of_their_base() -> None:
    class Child(Full, kind="tests.newjobs.child", delay=5, unique_for=None, on_conflict="raise"):
        pass

    found = row(Child(2))
    assert (found.queue, found.delay, found.priority) == ("tenant-2", 5.0, 7)
    assert found.special is not None
    assert found.special.unique is not None
    assert found.special.unique.on_conflict == "raise"
