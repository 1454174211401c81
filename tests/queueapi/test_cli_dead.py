"""The commands for dead jobs, on a real database."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from queueapi import Handle, Job, Queue, State, cli
from queueapi.postgres.store import Store
from queueapi.records import Outcome

Captured = pytest.CaptureFixture[str]


class Does(Job, kind="tests.cli_dead.does"):
    def run(self) -> None: ...


@pytest.fixture
def die(dsn: str, queue: Queue, store: Store, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Handle]:
    """A dead job in that queue."""
    monkeypatch.setenv("DATABASE_URL", dsn)

    def die(name: str = "default", message: str = "no route") -> Handle:
        handle = queue[name].push(Does(), max_attempts=1)
        (job,) = store.claim([name], 1, 1, UUID(int=1), 30.0)
        store.finish([Outcome(job.id, 1, State.DEAD, error=f'{{"type": "OSError", "message": "{message}"}}')], 60.0)
        return handle

    return die


def test_dead_shows_what_each_died_of_in_one_line(die: Callable[..., Handle], capsys: Captured) -> None:
    first, last = die(), die("mail", r"two\nlines \u001b[31m" + "x" * 200)
    assert cli.main(["dead"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["id", str(last.id), str(first.id)]
    assert lines[2].endswith("tests.cli_dead.does    1 of 1  OSError: no route")
    assert "two lines  [31mxxx" in lines[1]
    assert lines[1].endswith("x…")
    assert cli.main(["dead", "-q", "mail"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2
    assert cli.main(["dead", "-n", "1"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "and more: -n 10"


def test_no_dead_jobs_are_said_in_words(dsn: str, capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", dsn)
    assert cli.main(["dead"]) == 0
    assert capsys.readouterr().out == "no dead jobs\n"


VERBS = pytest.mark.parametrize(
    ("verb", "state", "words"),
    [("retry", State.AVAILABLE, "back in their queues"), ("discard", State.CANCELLED, "given up")],
)


@VERBS
def test_some_by_their_ids_and_who_is_not_dead_is_named(
    die: Callable[..., Handle], capsys: Captured, verb: str, state: State, words: str
) -> None:
    one, other = die(), die()
    assert cli.main([verb, str(one.id)]) == 0
    assert capsys.readouterr().out == f"1 {words}\n"
    assert (one.state(), other.state()) == (state, State.DEAD)
    assert cli.main([verb, str(one.id), str(other.id)]) == 1
    said = capsys.readouterr()
    assert said.out == f"1 {words}\n"
    assert said.err == f"queueapi: job {one.id} is not dead, so nothing was done to it\n"
    assert other.state() is state


@VERBS
def test_all_or_all_of_one_queue(
    die: Callable[..., Handle], capsys: Captured, verb: str, state: State, words: str
) -> None:
    mail, other = die("mail"), die()
    assert cli.main([verb, "--all", "-q", "mail"]) == 0
    assert (mail.state(), other.state()) == (state, State.DEAD)
    assert cli.main([verb, "--all"]) == 0
    assert capsys.readouterr().out.splitlines() == [f"1 {words}"] * 2


@pytest.mark.parametrize(
    "words", [["retry"], ["discard", "7", "--all"], ["retry", "7", "-q", "mail"], ["retry", "x"], ["dead", "-n", "0"]]
)
def test_words_that_do_not_say_what_is_meant_are_exit_code_2(words: list[str], capsys: Captured) -> None:
    with pytest.raises(SystemExit) as end:
        cli.main(words)
    assert end.value.code == 2
    assert "usage: queueapi" in capsys.readouterr().err


def test_a_queue_that_cannot_be_one_is_exit_code_2(
    dsn: str, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", dsn)
    with pytest.raises(SystemExit) as end:
        cli.main(["retry", "--all", "-q", "old mail"])
    assert end.value.code == 2
    assert "'old mail' cannot be the name of a queue" in capsys.readouterr().err


def test_help_names_the_commands(capsys: Captured) -> None:
    with pytest.raises(SystemExit):
        cli.main(["--help"])
    said: Any = capsys.readouterr().out
    for word in ("dead ", "retry ", "discard ", "the newest first"):
        assert word in said
