"""Which processes are replaced although they are well."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from queueapi.events import Events
from queueapi.worker.memory import resident
from queueapi.worker.renewal import Renewal

from .conftest import Heard


class Process(SimpleNamespace):
    """As the renewal sees a child."""

    def __init__(self, **files: float) -> None:
        super().__init__(pid=os.getpid(), worked_since=1.0, retiring=False, files=files)

    def retire(self) -> None:
        self.retiring = True


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("queueapi.worker.renewal.MEASURE", 0.0)
    monkeypatch.setattr("queueapi.worker.renewal.LOOK", 0.0)


def tick(renewal: Renewal, *children: Any) -> bool:
    return renewal.tick(children)


def test_who_has_more_memory_than_it_may_is_told_once_and_who_does_not_work_yet_is_not(
    events: Events, heard: Heard
) -> None:
    renewal, one, starting = Renewal(1_000_000, False, events), Process(), Process()
    starting.worked_since = None
    for _ in range(3):
        assert tick(renewal, one, starting) is False
    assert (one.retiring, starting.retiring) == (True, False)
    (said,) = heard.of("outgrown")
    assert said["memory"] > said["limit"] == 1_000_000


@pytest.mark.parametrize("most", [0, 1 << 40], ids=["no limit", "a high one"])
def test_who_has_less_goes_on(most: int, events: Events, heard: Heard) -> None:
    one = Process()
    tick(Renewal(most, False, events), one)
    assert not one.retiring
    assert heard.events == []


def test_all_retire_when_a_file_is_not_as_it_was_when_one_was_made_of_it(
    events: Events, heard: Heard, tmp_path: Path
) -> None:
    file = tmp_path / "jobs.py"
    file.write_text("1")
    os.utime(file, (5, 5))
    renewal = Renewal(0, True, events)
    children = [Process(**{str(file): 5.0}), Process()]
    assert tick(renewal, *children) is False
    os.utime(file, (6, 6))
    assert tick(renewal, *children) is True
    assert [child.retiring for child in children] == [True, True]
    assert [said["file"] for said in heard.of("reloading")] == [str(file)]
    assert tick(renewal, *children) is False, "once"
    assert tick(renewal, Process(**{str(file): 6.0})) is False, "the new one is made of what is there"
    file.unlink()
    assert tick(renewal, Process()) is False, "an editor is at it"
    file.write_text("2")
    assert tick(renewal) is True, "also when no process could be made of what was there"


def test_a_file_that_changed_between_its_import_and_the_first_look_has_changed(events: Events, tmp_path: Path) -> None:
    file = tmp_path / "jobs.py"
    file.write_text("1")
    assert tick(Renewal(0, True, events), Process(**{str(file): 5.0})) is True


def test_the_memory_of_a_process_is_that_of_the_kernel_and_of_none_nothing() -> None:
    assert 10_000_000 < resident(os.getpid()) < 10_000_000_000
    assert resident(2**22 + 1) == 0
