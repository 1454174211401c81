"""Frames of Pusher's protocol: what clients say is read or refused, and data comes out as it went in."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from longpoll.dialects import pusher, pusher_words
from longpoll.dialects.pusher import Meta, Person
from longpoll.errors import BadRequest

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner),
    max_leaves=10,
)  # fmt: skip


def test_a_frame_is_read_with_its_data_as_json() -> None:
    frame = pusher.read_frame('{"event": "client-x", "channel": "private-a", "data": {"a": [1, "ü"]}, "more": 1}')
    assert (frame.event, frame.channel, json.loads(frame.data)) == ("client-x", "private-a", {"a": [1, "ü"]})
    assert pusher.read_frame('{"event": "pusher:ping"}') == ("pusher:ping", None, "null")


@pytest.mark.parametrize(
    "text",
    ["", "x", "[]", "1", "null", '{"event": 1}', '{"channel": "a"}', '{"event": "a", "channel": 1}',
     '{"event": "\\ud800"}', '{"event": "a", "data": }', '{"event": "a"} {}', "[" * 100_000,
     '{"event":"a","data":' + "[" * 100_000],
)  # fmt: skip
def test_what_is_no_frame_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(BadRequest, match="a frame should be"):
        pusher.read_frame(text)


@pytest.mark.parametrize(
    "data", ['{"channel": "a", "auth": "k:1"}', '"{\\"channel\\": \\"a\\", \\"auth\\": \\"k:1\\"}"']
)
def test_what_a_client_asks_for_may_be_json_or_json_in_a_text(data: str) -> None:
    assert pusher.read_subscribe(data) == pusher.Subscribe("a", "k:1")


@pytest.mark.parametrize("data", ["null", "{}", '{"channel": 1}', '{"channel": "a", "auth": []}', '"x"', "[]", '"[[["'])
def test_a_subscription_to_nothing_is_refused(data: str) -> None:
    with pytest.raises(BadRequest, match="its data should be"):
        pusher.read_subscribe(data)


@pytest.mark.parametrize(
    ("text", "person"),
    [
        ('{"user_id": "7", "user_info": {"name": "ü"}}', Person("7", '{"name": "ü"}')),
        ('{"user_id": 7}', Person("7", None)),
        ('{"user_id": "a|b", "user_info": null}', Person("a|b", None)),
    ],
)
def test_a_member_is_read(text: str, person: Person) -> None:
    assert pusher.read_member(text) == person


@pytest.mark.parametrize(
    "text",
    ["{}", '{"user_id": true}', '{"user_id": 1.5}', '{"user_id": ""}', '{"user_id": "a\\u0000"}', "[]", "x",
     json.dumps({"user_id": "x" * 181}), json.dumps({"user_id": "1", "user_info": "x" * 3000}), '{"user_id": 1e99}'],
)  # fmt: skip
def test_nobody_is_no_member(text: str) -> None:
    with pytest.raises(BadRequest):
        pusher.read_member(text)


def test_a_user_is_read_and_has_a_text_for_an_id() -> None:
    assert pusher.read_user('{"id": "7", "user_info": 1, "watchlist": ["8"]}') == Person("7", "1")
    for text in ('{"id": 7}', "{}", '{"id": ""}', "x"):
        with pytest.raises(BadRequest):
            pusher.read_user(text)


def test_what_a_message_brings_along_is_read_whoever_wrote_it() -> None:
    assert pusher.read_meta('{"sender": "1.2", "user_id": "7"}') == Meta("1.2", "7")
    assert pusher.read_meta('{"sender": 5}') == pusher.read_meta("[]") == pusher.read_meta('"x"') == Meta()


@pytest.mark.parametrize("text", ["7", "5", "6"])
def test_versions_five_to_seven_are_spoken(text: str) -> None:
    assert pusher.version_refused(text) is None


@pytest.mark.parametrize(
    ("given", "code"),
    [(None, 4008), ("", 4008), ("x", 4006), ("-1", 4006), (["7", "7"], 4006), ("4", 4007), ("8", 4007), ("٧", 4006)],
)
def test_other_versions_are_refused_by_their_code(given: Any, code: int) -> None:
    refused = pusher.version_refused(given)
    assert refused is not None
    assert refused[0] == code


# -- data


@given(JSON)
def test_data_that_is_json_comes_out_as_it_went_in(value: object) -> None:
    text = json.dumps(value, ensure_ascii=False)
    out = pusher_words.as_text(pusher_words.as_json(text))
    assert out == text or json.loads(text) == out, "a text in quotes may lose them: a client reads the same"


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_data_that_is_any_text_is_read_by_a_client_as_it_was_sent(text: str) -> None:
    stored = pusher_words.as_json(text)
    json.loads(stored)
    assert _read(pusher_words.as_text(stored)) == _read(text)


@given(JSON)
def test_data_that_was_published_in_another_dialect_is_read_by_a_client_as_it_is(value: object) -> None:
    assert _read(pusher_words.as_text(json.dumps(value))) == value


def _read(text: str) -> object:
    """As clients do."""
    try:
        return json.loads(text, parse_constant=lambda name: _refuse(name))
    except (ValueError, RecursionError):
        return text


def _refuse(name: str) -> object:
    raise ValueError(name)


@pytest.mark.parametrize(
    "text", ["NaN", "-Infinity", "1e999", '"\\ud800"', "[" * 5_000 + "]" * 5_000, "{'a': 1}", "", " "]
)
def test_what_postgresql_or_browsers_would_not_read_is_kept_as_a_text(text: str) -> None:
    stored = pusher_words.as_json(text)
    assert json.loads(stored) == text
    assert pusher_words.as_text(stored) == text


# -- words


def test_what_clients_are_told_has_its_data_in_a_text() -> None:
    frame = json.loads(pusher_words.word("said", "news", '{"a": 1}', "7"))
    assert frame == {"event": "said", "channel": "news", "data": '{"a": 1}', "user_id": "7"}
    established = json.loads(pusher_words.established("1.2"))
    assert json.loads(established["data"]) == {"socket_id": "1.2", "activity_timeout": 120}
    succeeded = json.loads(pusher_words.succeeded("news"))
    assert succeeded == {"event": "pusher_internal:subscription_succeeded", "channel": "news", "data": "{}"}
    members = pusher_words.members_of([("7", '{"name":"ü"}'), ("8", None)])
    assert json.loads(members) == {"presence": {"ids": ["7", "8"], "hash": {"7": {"name": "ü"}, "8": None}, "count": 2}}
    error = json.loads(pusher_words.error(4301, "no"))
    assert error == {"event": "pusher:error", "data": {"code": 4301, "message": "no"}}


def test_one_message_is_worded_once_for_all() -> None:
    data = json.dumps({"a": "x" * 10})
    assert pusher_words.word("e", "c", data) is pusher_words.word("e", "c", data)
    assert pusher_words.word("e", "c", data, "1") is not pusher_words.word("e", "c", data, "2")
    long = json.dumps({"a": "x" * 10_000})
    assert pusher_words.word("e", "c", long) is pusher_words.word("e", "c", long)
