"""What makes two jobs the same: a key, equal in every process."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from queueapi import Job, SettingsError, job
from queueapi.kinds import kinds
from queueapi.options import options
from queueapi.records import Unique
from queueapi.serializer import dumps
from queueapi.unique import of


class Sync(Job, kind="tests.unique.sync"):
    account: int = 0
    rate: float = 0.0
    tags: frozenset[str] = frozenset()
    extra: Any = None

    def run(self) -> None: ...


class Twin(Job, kind="tests.unique.twin"):
    account: int = 0

    def run(self) -> None: ...


@job(kind="tests.unique.init")
class ByInit:
    def __init__(self, account: int) -> None:
        self.account = account

    def run(self) -> None: ...


def unique(one: object, **said: Any) -> Unique | None:
    kind = kinds.of(one)
    return of(kind, one, options(said), dumps(kind, one, 10_000))


def key(one: object, **said: Any) -> str:
    found = unique(one, **{"unique": True, **said})
    assert found is not None
    return found.key


def test_nothing_said_or_false_or_a_function_that_gives_none_is_not_unique() -> None:
    assert unique(Sync()) is None
    assert unique(Sync(), unique=False, unique_for=60) is None
    assert unique(Sync(), unique=lambda job: None) is None


def test_a_key_tells_how_long_it_holds_and_whose_it_is_and_has_one_length() -> None:
    found = key(Sync(1, extra="x" * 5_000))
    assert found.startswith("end:tests.unique.sync:")
    assert len(found) == len(key(Sync(2)))
    assert key(Sync(1), unique_until="start").startswith("start:")


def test_the_same_values_of_another_kind_are_another_key() -> None:
    assert key(Sync(1), unique="account").split(":")[-1] != key(Twin(1), unique="account").split(":")[-1]


def test_a_kind_with_a_constructor_of_its_own_is_compared_by_its_arguments() -> None:
    assert key(ByInit(1)) == key(ByInit(1)) != key(ByInit(2))
    assert key(ByInit(1), unique="account") == key(ByInit(1), unique=["account"])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Sync(1, rate=1), Sync(1, rate=1.0)),
        (Sync(extra={"a": 1, "b": 2}), Sync(extra={"b": 2, "a": 1})),
    ],
    ids=["numbers of a declared type", "order of a dict"],
)
def test_what_a_worker_could_not_tell_apart_is_the_same(one: Job, other: Job) -> None:
    assert key(one) == key(other)


@pytest.mark.parametrize("extra", [1, "1", None, [1], {"1": 1}, True], ids=repr)
def test_what_a_worker_can_tell_apart_is_not(extra: Any) -> None:
    others = [key(Sync(extra=other)) for other in (2, "2", "null", [1, 1], {"1": 2}, False, [[1]])]
    assert key(Sync(extra=extra)) not in others


def test_several_fields_are_not_run_together() -> None:
    fields = ["account", "rate"]
    assert key(Sync(1, 23.0), unique=fields) != key(Sync(12, 3.0), unique=fields)


@pytest.mark.parametrize(("until", "seconds", "window"), [("end", None, None), ("start", 0, None), ("end", 5, 5.0)])
def test_window_and_conflict_are_told(until: str, seconds: float | None, window: float | None) -> None:
    found = unique(Sync(), unique=True, unique_until=until, unique_for=seconds)
    assert found is not None
    assert found[1:] == (window, "skip")


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ({"unique": ["account", "size"]}, "names 'size', which is no field of Sync"),
        ({"unique": lambda job: object()}, "the unique= of Sync gave a object"),
        ({"unique": lambda job: "\ud800"}, "the unique= of Sync gave a str"),
        ({"on_conflict": "replace"}, "on_conflict='replace' says nothing without unique="),
        ({"unique_until": "start"}, "unique_until='start' says nothing without unique="),
    ],
)
def test_what_makes_no_key_is_refused(said: dict[str, Any], sentence: str) -> None:
    with pytest.raises(SettingsError, match=sentence):
        unique(Sync(), **said)


KEY = """
import sys
from queueapi import Job
from queueapi.kinds import kinds
from queueapi.options import options
from queueapi.serializer import dumps
from queueapi.unique import of

class Sync(Job, kind="tests.unique.sync"):
    tags: frozenset[str]
    def run(self): ...

job = Sync(frozenset("abcdefghijklmnop"))
kind = kinds.of(job)
print(of(kind, job, options({"unique": True}), dumps(kind, job, 10_000)).key, "".join(job.tags))
"""


@pytest.mark.system
def test_a_set_is_the_same_in_every_process(python: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> None:
    said = []
    for seed in ("1", "2"):
        monkeypatch.setenv("PYTHONHASHSEED", seed)
        said.append(python(KEY).split())
    (one, order), (other, another_order) = said
    assert order != another_order  # or it would show nothing
    assert one == other
