"""What is written down for a delayed call is read back as it was, or refused with its place."""

from __future__ import annotations

import datetime as dt
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from queueapi import NotSerializable, UnknownKind
from queueapi.compat.delayed_job import delayable
from queueapi.compat.writing import class_named, read, written

LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.datetimes(timezones=st.just(dt.UTC))
    | st.dates()
    | st.times()
    | st.timedeltas(min_value=dt.timedelta(days=-9999), max_value=dt.timedelta(days=9999))
    | st.decimals(allow_nan=False, allow_infinity=False)
    | st.uuids()
)
KEYS = st.text() | st.sampled_from(["$ref", "$fields", "$dict", "$"]) | st.integers(0, 9) | st.booleans()
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner) | st.lists(inner).map(tuple) | st.dictionaries(KEYS, inner),
    max_leaves=20,
)


@delayable
class Point:
    x: int
    name: str = "p"

    def perform(self) -> int:
        return self.x


def through_json(value: Any) -> Any:
    return read(msgspec.json.decode(msgspec.json.encode(written(value))))


def alike(one: Any, other: Any) -> bool:
    """Equal, and of the same types: True is no 1, and a tuple is no list."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return len(one) == len(other) and all(map(alike, one.items(), other.items()))
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(alike, one, other))
    return bool(one == other)


@given(VALUES)
def test_every_value_comes_back_as_it_was(value: Any) -> None:
    assert alike(through_json(value), value)


def test_plain_json_stays_plain() -> None:
    value = {"a": [1, 2.5, None, True, "x"], "b": {"c": {}}}
    assert written(value) == value


def test_objects_go_by_their_fields_and_classes_by_their_names() -> None:
    assert through_json([Point(3), {"at": Point(4, "q")}, Point]) == [Point(3), {"at": Point(4, "q")}, Point]


@pytest.mark.parametrize(
    ("value", "place"),
    [
        ([1, object()], r"it\[1\] is a builtins\.object"),
        ({"a": {"b": {1, 2}}}, r"it\['a'\]\['b'\] is a builtins\.set"),
        (Point(object()), r"it\.x is a builtins\.object"),  # type: ignore[arg-type]
        (int, r"it is the class builtins\.int"),
        (lambda: None, r"it is a builtins\.function"),
    ],
)
def test_what_cannot_travel_is_refused_with_its_place(value: Any, place: str) -> None:
    with pytest.raises(NotSerializable, match=place):
        written(value)


def test_a_subclass_of_a_plain_type_is_not_taken_for_it() -> None:
    class Name(str):
        pass

    with pytest.raises(NotSerializable):
        written(Name("x"))


def test_a_name_in_a_row_is_never_imported() -> None:
    with pytest.raises(UnknownKind, match=r"no class 'os\.system'"):
        class_named("os.system")
    with pytest.raises(UnknownKind):
        read({"$fields": ["subprocess.Popen", {"args": "true"}]})
