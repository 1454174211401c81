"""How jobs are written down: every declared type comes back as it was."""

from __future__ import annotations

import dataclasses
import datetime as dt
import enum
import json
import math
import sys
import threading
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from queueapi import Job, NotSerializable, job
from queueapi.claims import Claimed
from queueapi.kinds import kinds
from queueapi.postgres.store import Store
from queueapi.queues import Queue
from queueapi.serializer import data_dumps, dumps, error_dumps, loads, result_dumps

LIMIT = 1_000_000


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


@dataclasses.dataclass
class Address:
    street: str
    number: int | None = None


@dataclasses.dataclass
class Person:
    name: str
    born: dt.date
    homes: list[Address]


class Everything(Job, kind="tests.everything"):
    text: str
    whole: int
    real: float
    switch: bool
    nothing: None
    maybe: str | None
    numbers: list[int]
    pair: tuple[int, str]
    tags: set[str]
    table: dict[str, list[float]]
    by_number: dict[int, str]
    colour: Colour
    level: Level
    choice: Literal["a", "b"]
    moment: dt.datetime
    day: dt.date
    time: dt.time
    span: dt.timedelta
    key: UUID
    price: Decimal
    raw: bytes
    person: Person

    def run(self) -> None: ...


PERSON = Person("Ada", dt.date(1815, 12, 10), [Address("Main", 3), Address("Side")])
ZONE = dt.timezone(dt.timedelta(hours=2))
FULL = Everything(
    text='"quotes", \\ and ünïcödé 🙂 \u2028',
    whole=2**62,
    real=0.1,
    switch=True,
    nothing=None,
    maybe=None,
    numbers=[1, -2],
    pair=(1, "x"),
    tags={"a", "b"},
    table={"": [1.5], "ü": []},
    by_number={7: "seven"},
    colour=Colour.BLUE,
    level=Level.HIGH,
    choice="b",
    moment=dt.datetime(2026, 2, 3, 4, 5, 6, 789, ZONE),
    day=dt.date(2026, 2, 3),
    time=dt.time(4, 5),
    span=dt.timedelta(days=2, microseconds=3),
    key=UUID(int=5),
    price=Decimal("1.10"),
    raw=b"\0\xff",
    person=PERSON,
)


def through(thing: object) -> Any:
    kind = kinds.of(thing)
    return loads(kind, dumps(kind, thing, LIMIT))


def test_every_type_comes_back_from_the_table_as_it_was(queue: Queue, store: Store) -> None:
    queue.push(FULL)
    (claimed,) = store.claim(["default"], 1, 1, UUID(int=1), 30.0)
    assert isinstance(claimed, Claimed)
    back = loads(kinds.named(claimed.kind), claimed.args)
    assert back == FULL
    for field in dataclasses.fields(FULL):
        assert type(getattr(back, field.name)) is type(getattr(FULL, field.name)), field.name
    assert str(back.price) == "1.10"  # not 1.1: what it was, to the digit
    assert back.moment.utcoffset() == dt.timedelta(hours=2)


def test_what_is_stored_is_json_that_a_person_can_read() -> None:
    stored = json.loads(dumps(kinds.of(FULL), FULL, LIMIT))
    assert stored["person"] == {
        "name": "Ada",
        "born": "1815-12-10",
        "homes": [{"street": "Main", "number": 3}, {"street": "Side", "number": None}],
    }
    assert (stored["colour"], stored["price"], stored["key"]) == ("blue", "1.10", str(UUID(int=5)))


class Loose(Job, kind="tests.loose"):
    x: Any

    def run(self) -> None: ...


plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), inner, max_size=3)
    ),
    max_leaves=10,
)


@given(plain)
def test_all_that_json_has_comes_back_as_it_was(value: Any) -> None:
    back = through(Loose(value)).x
    assert back == value
    assert repr(back) == repr(value)  # also where 1 == 1.0 == True


def test_a_class_with_an_init_is_stored_by_its_parameters_and_made_anew_by_it() -> None:
    @job
    class Report:
        def __init__(self, month: int, names: list[str]) -> None:
            self.month, self.names, self.made = month, names, threading.Lock()

        def run(self) -> None: ...

    back = through(Report(5, ["a"]))
    assert (type(back), back.month, back.names) == (Report, 5, ["a"])


def test_a_parameter_that_the_class_does_not_keep_is_named() -> None:
    @job
    class Forgets:
        def __init__(self, month: int) -> None:
            self.other = month

        def run(self) -> None: ...

    with pytest.raises(NotSerializable, match=r"Forgets keeps no attribute 'month'.*set self\.month in __init__"):
        through(Forgets(3))


def test_arguments_that_a_newer_class_left_behind_are_ignored_and_new_ones_take_their_defaults() -> None:
    class Grown(Job):
        a: int
        b: int = 7

        def run(self) -> None: ...

    assert loads(kinds.of(Grown(1)), '{"a": 1, "gone": true}') == Grown(1, 7)
    with pytest.raises(msgspec.ValidationError, match="`a`"):
        loads(kinds.of(Grown(1)), '{"b": 1}')


@pytest.mark.parametrize("result", [{"imported": 5}, [1, None], "text", Colour.RED, PERSON, dt.date(2026, 1, 1)])
def test_a_result_is_written_down_like_arguments(result: object) -> None:
    text = result_dumps(kinds.of(Loose(None)), result, LIMIT)
    assert text is not None
    json.loads(text)


def test_no_result_is_none_and_a_bad_one_says_which_job_gave_it() -> None:
    kind = kinds.of(Loose(None))
    assert result_dumps(kind, None, LIMIT) is None
    with pytest.raises(
        NotSerializable, match=r"the result of Loose\[2\] cannot be written down as JSON: JSON has no nan"
    ):
        result_dumps(kind, [1, 2, math.nan], LIMIT)
    with pytest.raises(NotSerializable, match="the result of Loose takes 12 bytes, and 10 are allowed"):
        result_dumps(kind, "x" * 10, 10)


def test_other_data_is_named_as_its_sender_names_it() -> None:
    assert data_dumps("the data", {"a": 1}, 100) == '{"a":1}'
    with pytest.raises(NotSerializable, match=r"the data\['a'\] cannot be written down"):
        data_dumps("the data", {"a": threading.Lock()}, 100)


@given(st.text(st.characters(), max_size=50), st.text(st.characters(), max_size=50))
def test_an_error_can_always_be_written_down(message: str, trace: str) -> None:
    error = json.loads(error_dumps("Type", message, trace))
    assert set(error) == {"type", "message", "traceback"}
    assert "\0" not in error["message"] + error["traceback"]


def test_a_long_traceback_keeps_its_end() -> None:
    error = json.loads(error_dumps("T" * 1000, "m", "x" * 200_000 + "the cause"))
    assert error["traceback"].endswith("the cause")
    assert len(error["traceback"]) < 65_000
    assert sys.getsizeof(error["type"]) < 1000


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("whole", "7", r"Everything\.whole does not fit its declaration: expected `int`, got `str`"),
        ("colour", "green", r"Everything\.colour does not fit its declaration: invalid enum value 'green'"),
        ("person", Person("x", dt.date.min, [Address("y", "z")]), r"Everything\.person\.homes\[0\]\.number"),  # type: ignore[arg-type]
        ("choice", "z" * 5000, "Everything.choice does not fit its declaration"),
    ],
)
def test_what_a_worker_could_not_read_is_refused_at_push(field: str, value: object, sentence: str) -> None:
    wrong = dataclasses.replace(FULL, **{field: value})  # type: ignore[arg-type]
    with pytest.raises(NotSerializable, match=sentence) as caught:
        dumps(kinds.of(wrong), wrong, LIMIT)
    assert len(str(caught.value)) < 500
