"""The commands for single jobs and for queues, on a real database."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from queueapi import Handle, Job, Queue, State, cli
from queueapi.postgres.store import Store

Captured = pytest.CaptureFixture[str]
Sql = Callable[..., list[tuple[Any, ...]]]


class Digest(Job, kind="tests.cli_jobs.digest"):
    to: str
    copies: int = 1

    def run(self) -> None: ...


@pytest.fixture(autouse=True)
def environment(dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", dsn)


def fails(*words: str) -> None:
    with pytest.raises(SystemExit) as end:
        cli.main(list(words))
    assert end.value.code == 2


# -- push


def test_push_prints_the_id_and_nothing_else(capsys: Captured, sql: Sql) -> None:
    words = ["-q", "mail", "--priority", "7", "--max-attempts", "3", "--delay", "2h"]
    assert cli.main(["push", "tests.cli_jobs.digest", '{"to": "a", "copies": 2}', *words]) == 0
    said = capsys.readouterr().out
    ((id_, *row),) = sql("select id, queue, args, priority, max_attempts, state, run_at - pushed_at from queueapi.jobs")
    assert said == f"{id_}\n"
    assert row[:5] == ["mail", {"to": "a", "copies": 2}, 7, 3, "scheduled"]
    assert row[5].total_seconds() == 7200


def test_the_fields_may_be_left_out_where_the_class_allows_it(capsys: Captured, sql: Sql) -> None:
    assert cli.main(["push", "tests.cli_jobs.digest"]) == 2
    assert "does not fit tests.cli_jobs.digest: Object missing required field `to`" in capsys.readouterr().err
    assert cli.main(["push", "tests.cli_jobs.digest", '{"to": "a"}']) == 0
    assert sql("select args ->> 'to' from queueapi.jobs") == [("a",)]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["nosuch"], "no job is registered under the kind 'nosuch': name the module that defines it"),
        (["nosuch", "-m", "no.such.module"], "there is no module 'no.such.module' to import jobs from"),
        (["tests.cli_jobs.digest", '{"to": 7}'], "Expected `str`, got `int` - at `$.to`"),
        (["tests.cli_jobs.digest", '{"to'], "does not fit tests.cli_jobs.digest"),
    ],
)
def test_what_cannot_be_pushed_is_one_sentence_and_changes_nothing(
    words: list[str], sentence: str, capsys: Captured, sql: Sql
) -> None:
    assert cli.main(["push", *words]) == 2
    said = capsys.readouterr().err
    assert sentence in said
    assert said.count("\n") == 1
    assert sql("select count(*) from queueapi.jobs") == [(0,)]


def test_a_time_that_is_none_is_named(capsys: Captured) -> None:
    fails("push", "tests.cli_jobs.digest", "--delay", "soon")
    assert "'soon' is no time: say seconds, or 15m, 2h, 1d" in capsys.readouterr().err


# -- show


def test_show_says_all_that_is_known_of_a_job_that_waits_or_runs(queue: Queue, store: Store, capsys: Captured) -> None:
    handle = queue.push(Digest("a"))
    assert cli.main(["show", str(handle.id)]) == 0
    lines = dict(line.split(None, 1) for line in capsys.readouterr().out.splitlines())
    assert lines["kind"] == "tests.cli_jobs.digest"
    assert lines["state"] == "available"
    assert json.loads(lines["args"]) == {"to": "a", "copies": 1}
    assert "claimed_at" not in lines
    store.claim(["default"], 1, 7, UUID(int=1), 30.0)
    assert cli.main(["show", str(handle.id), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["state"], said["attempt"]) == ("running", 1)
    assert "claimed_at" in said


def test_show_finds_a_job_that_has_ended_and_says_when_there_is_none(queue: Queue, capsys: Captured) -> None:
    handle = queue.push(Digest("a"))
    handle.cancel()
    assert cli.main(["show", str(handle.id), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["state"] == "cancelled"
    assert {"finished_at", "kept_until"} <= set(said)
    assert cli.main(["show", str(handle.id + 1)]) == 1
    assert capsys.readouterr().err.startswith(f"queueapi: there is no job {handle.id + 1}: ")


# -- cancel


def test_cancel_takes_back_what_waits_and_names_what_it_cannot(queue: Queue, capsys: Captured) -> None:
    one, other = queue.push(Digest("a")), queue.push(Digest("b"), delay=60)
    assert cli.main(["cancel", str(one.id), str(other.id)]) == 0
    assert capsys.readouterr().out == "2 cancelled\n"
    assert (one.state(), other.state()) == (State.CANCELLED, State.CANCELLED)
    assert cli.main(["cancel", str(one.id), "999"]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.splitlines() == [
        f"queueapi: there is no job {one.id} that could be cancelled",
        "queueapi: there is no job 999 that could be cancelled",
    ]


# -- pause, resume


@pytest.mark.parametrize("what", ["queue", "kind"])
def test_pause_and_resume_say_whether_anything_changed(what: str, capsys: Captured, sql: Sql) -> None:
    words = ["mail.x", *(["--kind"] if what == "kind" else [])]
    for verb in ("pause", "pause", "resume", "resume"):
        assert cli.main([verb, *words]) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"{what} mail.x is paused",
        f"{what} mail.x was paused already",
        f"{what} mail.x goes on",
        f"{what} mail.x was not paused",
    ]
    cli.main(["pause", *words])
    assert sql("select what, name from queueapi.pauses") == [(what, "mail.x")]


def test_what_is_paused_stands_in_the_status(queue: Queue, capsys: Captured) -> None:
    cli.main(["pause", "mail"])
    capsys.readouterr()
    assert cli.main(["status"]) == 0
    assert "mail (paused)" in capsys.readouterr().out
    cli.main(["resume", "mail"])


# -- purge


def test_purge_discards_what_waits_and_nothing_else(queue: Queue, store: Store, capsys: Captured, sql: Sql) -> None:
    running = queue["mail"].push(Digest("a"))
    store.claim(["mail"], 1, 7, UUID(int=1), 30.0)
    gone = [*queue["mail"].push_all(Digest(str(n)) for n in range(1500)), queue["mail"].push(Digest("b"), delay=60)]
    other = queue.push(Digest("a"))
    assert cli.main(["purge", "mail"]) == 1, "nobody was asked"
    said = capsys.readouterr()
    assert said.err == "queueapi: nothing was discarded; --yes does it unasked\n"
    assert gone[0].state() is State.AVAILABLE
    assert cli.main(["purge", "mail", "--yes"]) == 0
    assert capsys.readouterr().out == "1,501 discarded\n"
    assert {handle.state() for handle in (gone[0], gone[-1])} == {State.CANCELLED}
    assert (running.state(), other.state()) == (State.RUNNING, State.AVAILABLE)
    assert sql("select error ->> 'message' from queueapi.finished limit 1") == [("queueapi purge mail",)]


# -- status for programs


def test_status_as_json_has_everything_by_name(queue: Queue, store: Store, capsys: Captured, sql: Sql) -> None:
    handle: Handle = queue["mail"].push(Digest("a"))
    queue.push(Digest("b"))
    sql("insert into queueapi.workers (id, name, queues, slots) values (%s, 'host:1', '{mail=2,!x}', 20)", UUID(int=1))
    store.claim(["mail"], 1, 7, UUID(int=1), 30.0)
    sql("insert into queueapi.progress (job_id, token, done, total) values (%s, 7, 1, 4)", handle.id)
    assert cli.main(["status", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert {(one["queue"], one["state"], one["jobs"]) for one in said["queues"]} == {
        ("default", "available", 1), ("mail", "running", 1),
    }  # fmt: skip
    (worker,) = said["workers"]
    assert (worker["name"], worker["queues"], worker["busy"], worker["slots"]) == ("host:1", ["mail=2", "!x"], 1, 20)
    (running,) = said["running"]
    assert (running["id"], running["worker"], running["done"], running["total"]) == (handle.id, "host:1", 1.0, 4.0)


def test_status_shows_what_runs(queue: Queue, store: Store, capsys: Captured, sql: Sql) -> None:
    handle = queue.push(Digest("a"))
    store.claim(["default"], 1, 7, UUID(int=1), 30.0)
    sql("insert into queueapi.progress (job_id, token, done, total, message) values (%s, 7, 1, 4, 'half')", handle.id)
    assert cli.main(["status"]) == 0
    (line,) = [line for line in capsys.readouterr().out.splitlines() if "tests.cli_jobs.digest" in line]
    assert line.split()[0] == str(handle.id)
    assert line.endswith("━━╌╌╌╌╌╌╌╌  25%  half")
