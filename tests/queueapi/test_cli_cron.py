"""The command for schedules, on a real database."""

from __future__ import annotations

import re
from uuid import UUID

import pytest

import queueapi
from queueapi import NotOffered, UnknownSchedule, cli
from queueapi.crontabs import Crontab
from queueapi.postgres.crons import Crons
from queueapi.postgres.sessions import Dedicated
from queueapi.records import NewJob, Special, Unique, WorkerRow
from queueapi.runtime import Runtime
from queueapi.ticks import Cron

Captured = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _told(dsn: str, session: Dedicated, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two schedules, of which a worker knows the first."""
    monkeypatch.setenv("DATABASE_URL", dsn)
    job = NewJob("default", "tests.report", "{}", 0, 25, 0.0, None)
    unique = job._replace(special=Special(unique=Unique("end:one", None, "skip")))
    crons = Crons(session)
    nightly, old = Cron("nightly", "0 3 * * *", "Europe/Moscow", True, job), Cron("old", "@daily", "UTC", True, unique)
    crons.register([nightly, old])
    crons.know(WorkerRow(UUID(int=1), "host:1", ["default"], 20), ["nightly"])


def run(capsys: Captured, *words: str) -> list[str]:
    assert cli.main(["cron", *words]) == 0
    return capsys.readouterr().out.splitlines()


def test_the_list_says_when_each_comes_in_its_own_timezone_and_which_nobody_has(capsys: Captured) -> None:
    head, nightly, old = run(capsys)
    assert re.split(r"  +", head) == ["name", "expression", "timezone", "next", "last", "last job", "state"]
    assert re.fullmatch(r"nightly +0 3 \* \* \* +Europe/Moscow +\d{4}-\d\d-\d\d 03:00:00 \+0300 +– +– +on", nightly)
    assert re.fullmatch(r"old +@daily +UTC +– +– +– +no worker has it", old)
    assert run(capsys, "list") == [head, nightly, old]


def test_no_schedules_are_said_in_words(capsys: Captured, session: Dedicated) -> None:
    session.connection().execute("delete from queueapi.crons")
    assert run(capsys) == ["no schedules: put @queueapi.cron above a job, and start its worker"]


def test_one_is_paused_and_resumed(capsys: Captured) -> None:
    assert run(capsys, "pause", "nightly", "old") == ["nightly: paused", "old: paused"]
    assert [line.split()[-1] for line in run(capsys)[1:]] == ["paused", "paused"]
    (said,) = run(capsys, "resume", "nightly")
    assert re.fullmatch(r"nightly: next at \d{4}-\d\d-\d\d 00:00:00 UTC", said)
    assert run(capsys)[1].endswith("on")


def test_one_is_run_now_and_shown_as_the_last(capsys: Captured, queue: queueapi.Queue) -> None:
    (said,) = run(capsys, "run", "nightly")
    id_ = said.removeprefix("nightly: job ")
    assert queue.size() == 1
    assert re.search(rf"\d\d:\d\d:\d\d \+0300 +{id_}  on$", run(capsys)[1])


def test_a_unique_one_is_not_pushed_beside_its_like(capsys: Captured) -> None:
    assert run(capsys, "run", "old") == run(capsys, "run", "old")


@pytest.mark.parametrize("verb", ["pause", "resume", "run"])
def test_a_name_that_is_none_is_refused_with_those_that_are(capsys: Captured, verb: str) -> None:
    assert cli.main(["cron", verb, "x"]) == 1
    assert capsys.readouterr().err == "queueapi: there is no schedule 'x'; there are nightly, old\n"


def test_code_can_do_the_same(runtime: Runtime) -> None:
    crontab = Crontab(lambda: runtime)
    assert [(entry.name, entry.known, entry.paused) for entry in crontab] == [
        ("nightly", True, False), ("old", False, False),
    ]  # fmt: skip
    crontab.pause("nightly")
    assert next(iter(crontab)).paused
    crontab.resume("nightly")
    handle = crontab.run("nightly")
    assert handle.status()["kind"] == "tests.report"
    with pytest.raises(UnknownSchedule, match="there is no schedule 'x'"):
        crontab.run("x")


def test_a_queue_of_this_process_has_no_clock() -> None:
    with pytest.raises(NotOffered, match="schedules are kept on PostgreSQL"):
        list(Crontab(queueapi.TestQueue().backend))
