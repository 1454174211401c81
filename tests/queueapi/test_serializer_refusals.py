"""What cannot be written down is refused at push, in one short sentence that names the field."""

from __future__ import annotations

import contextlib
import dataclasses
import enum
import math
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

import queueapi
from queueapi import Job, NotSerializable
from queueapi.kinds import kinds
from queueapi.queues import Queue
from queueapi.serializer import dumps

LIMIT = 1_000_000


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


@dataclasses.dataclass
class Address:
    street: str
    number: int | None = None


class Loose(Job, kind="tests.refusals.loose"):
    x: Any

    def run(self) -> None: ...


@contextlib.contextmanager
def an_open_file() -> Iterator[object]:
    with Path(__file__).open() as file:
        yield file


@contextlib.contextmanager
def a_socket() -> Iterator[object]:
    with socket.socket() as end:
        yield end


def nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


def endless() -> list[Any]:
    value: list[Any] = []
    value.append(value)
    return value


REFUSED: dict[str, tuple[Callable[[], Any], str]] = {
    "an open file": (an_open_file, "TextIOWrapper, which exists in this process only"),
    "a socket": (a_socket, "socket, which exists in this process only"),
    "a lock": (threading.Lock, "lock, which exists in this process only"),
    "the queue itself": (lambda: queueapi.queue, "queueapi.queues.Queue, which exists in this process only"),
    "a function": (lambda: an_open_file, "function, which exists in this process only"),
    "a class": (lambda: Colour, "EnumType, which exists in this process only"),
    "NaN": (lambda: math.nan, "JSON has no nan"),
    "infinity": (lambda: -math.inf, "JSON has no -inf"),
    "a NUL": (lambda: "a\0b", "no NUL character"),
    "half a surrogate pair": (lambda: "ab\ud800", "the character at 2 is half of a surrogate pair"),
    "a key that is no text": (lambda: {(1, 2): 3}, "text for keys, and (1, 2) is none"),
    "a NUL in a key": (lambda: {"a\0": 1}, "no NUL character"),
    "a deep list": (lambda: nested(5000), "nested more than 100 deep, or contains itself"),
    "a list in itself": (endless, "nested more than 100 deep, or contains itself"),
}


@pytest.mark.parametrize("what", REFUSED)
@pytest.mark.parametrize("way_in", ["alone", "in a list", "in a dict", "in a dataclass"])
def test_what_cannot_be_written_down_is_a_type_error_that_names_the_field(what: str, way_in: str) -> None:
    make, reason = REFUSED[what]
    made = make()
    with (
        made
        if isinstance(made, contextlib.AbstractContextManager) and what in ("an open file", "a socket")
        else (contextlib.nullcontext(made)) as value
    ):
        wrapped, place = {
            "alone": (value, "Loose.x"),
            "in a list": ([1, value], "Loose.x[1]"),
            "in a dict": ({"k": value}, "Loose.x['k']"),
            "in a dataclass": (Address(value), "Loose.x.street"),
        }[way_in]
        with pytest.raises(TypeError) as caught:
            dumps(kinds.of(Loose(None)), Loose(wrapped), LIMIT)
    sentence = str(caught.value)
    assert isinstance(caught.value, NotSerializable)
    assert sentence.startswith(place)
    assert reason in sentence
    assert len(sentence) < 300


def test_a_database_session_is_refused_by_its_class(dsn: str) -> None:
    with psycopg.connect(dsn) as session, pytest.raises(NotSerializable, match=r"Loose\.x .* psycopg\.Connection"):
        dumps(kinds.of(Loose(None)), Loose(session), LIMIT)


def test_a_refused_job_leaves_nothing_behind(queue: Queue, sql: Callable[..., list[Any]]) -> None:
    with pytest.raises(NotSerializable):
        queue.push_all([Loose(1), Loose(queueapi.queue), Loose(2)])
    assert sql("select * from queueapi.jobs") == []


def test_what_is_larger_than_allowed_says_where_it_lies_and_what_to_do_instead() -> None:
    with pytest.raises(NotSerializable) as caught:
        dumps(kinds.of(Loose(None)), Loose("x" * LIMIT), LIMIT)
    assert "1,000,008 bytes, most of them in x, and 1,000,000 are allowed" in str(caught.value)
    assert "pass its id" in str(caught.value)
    assert dumps(kinds.of(Loose(None)), Loose("x" * (LIMIT - 8)), LIMIT)


def test_the_limit_can_be_set(dsn: str) -> None:
    small = queueapi.connect(dsn, max_args=100)
    with pytest.raises(NotSerializable, match="100 are allowed"):
        small.push(Loose("x" * 100))


def test_however_deep_the_fault_lies_the_sentence_stays_short() -> None:
    deep: Any = math.nan
    for _ in range(90):
        deep = [0, deep]
    for value in (deep, [0] * 100_000 + [math.nan], {"k" * 10_000: math.nan}):
        with pytest.raises(NotSerializable, match="JSON has no nan") as caught:
            dumps(kinds.of(Loose(None)), Loose(value), LIMIT)
        assert len(str(caught.value)) < 300


def test_a_declaration_that_json_cannot_tell_apart_is_refused_by_its_class() -> None:
    class Ambiguous(Job):
        x: list[int] | tuple[int, ...]

        def run(self) -> None: ...

    class Unknown(Job):
        x: "Nowhere"  # type: ignore[name-defined]  # noqa: F821, UP037

        def run(self) -> None: ...

    for value in (Ambiguous([1]), Unknown(1)):
        with pytest.raises(NotSerializable, match=f"the fields of .*{type(value).__name__} could not be read back"):
            dumps(kinds.of(value), value, LIMIT)
