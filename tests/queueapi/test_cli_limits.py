"""The command for limits, on a real database: listed, changed, forgotten."""

from __future__ import annotations

import re
from collections.abc import Callable
from uuid import UUID

import pytest

from queueapi import Concurrency, Job, Queue, Rate, cli
from queueapi.kinds import kinds
from queueapi.postgres.admitting import Admitting
from queueapi.postgres.sessions import Dedicated
from queueapi.postgres.store import Store
from queueapi.worker.admission import Admission

Captured = pytest.CaptureFixture[str]
Begin = Callable[[int], int]


class Import(Job, kind="cli.import", limit=[Concurrency(2, by="tenant"), Rate(5, per=60, name="that-api")]):
    tenant: int

    def run(self) -> None: ...


@pytest.fixture(autouse=True)
def _server(dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", dsn)


def run(capsys: Captured, *words: str) -> list[str]:
    assert cli.main(["limits", *words]) == 0
    return capsys.readouterr().out.splitlines()


@pytest.fixture
def begin(store: Store, session: Dedicated) -> Begin:
    """Let begin what may; how many."""
    admission = Admission(Admitting(session), kinds)
    return lambda token: len(admission.admit(store.claim(["default"], 100, token, UUID(int=7), 30.0)).begin)


def test_no_limits_are_said_in_words(capsys: Captured) -> None:
    assert run(capsys) == ["no limits were used lately"]


def test_the_list_says_how_far_each_is_used_up_and_what_waits(capsys: Captured, queue: Queue, begin: Begin) -> None:
    queue.push_all(Import(7) for _ in range(3))
    assert begin(1) == 2
    head, tenant, rate = run(capsys)
    assert re.split(r"  +", head) == ["limit", "allows", "used", "waiting", "said by"]
    assert re.split(r"  +", tenant) == ["cli.import:7", "2 at once", "2", "1", "its class"]
    assert re.split(r"  +", rate) == ["that-api", "5 in 1.0 min", "2", "0", "its class"]


def test_what_is_said_by_hand_holds_at_once_until_it_is_forgotten(
    capsys: Captured, queue: Queue, begin: Begin
) -> None:
    queue.push_all(Import(7) for _ in range(9))
    assert begin(1) == 2
    assert run(capsys, "set", "cli.import:7", "--slots", "4") == ["cli.import:7: 4 at once"]
    assert run(capsys, "set", "that-api", "--starts", "3", "--per", "1m") == ["that-api: 3 in 60 s"]
    assert begin(2) == 1
    assert [line.split("  ")[-1].strip() for line in run(capsys)[1:]] == ["by hand", "by hand"]
    assert run(capsys, "forget", "that-api", "cli.import:7", "that") == [
        "that-api: as its class says",
        "cli.import:7: as its class says",
        "that: nothing was said by hand",
    ]


@pytest.mark.parametrize(
    "words",
    [[], ["--starts", "3"], ["--per", "60"], ["--bucket"], ["--slots", "2", "--per", "1m"], ["--slots", "0"]],
)
def test_half_a_limit_is_refused(capsys: Captured, words: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["limits", "set", "that-api", *words])
    assert ended.value.code == 2
    assert "queueapi limits set: error: " in capsys.readouterr().err
