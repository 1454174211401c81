"""Lines that stand in for a websocket."""

from __future__ import annotations

import json

import pytest

from longpoll.dialects import pusher_xhr as xhr
from longpoll.errors import BadRequest


def test_lines_say_by_their_first_sign_what_they_are() -> None:
    assert xhr.frames(['{"a": "ü"}', "b"]) == b'a["{\\"a\\": \\"\xc3\xbc\\"}","b"]\n'
    assert xhr.closed(4200, "away") == b'c[4200,"away"]\n'
    assert {line[-1:] for line in (xhr.OPEN, xhr.HEARTBEAT, xhr.PRELUDE)} == {b"\n"}


def test_a_client_counts_what_it_has_in_the_units_of_its_texts() -> None:
    line = xhr.frames(["aü\u2028\U0001f600"])
    assert xhr.characters(line) == len(line.decode()) + 1, "the last of them is a pair of surrogates"


def test_frames_may_be_texts_or_objects() -> None:
    frames = xhr.read_send(b'["{\\"event\\": \\"a\\"}", {"event": "b"}]')
    assert [json.loads(frame)["event"] for frame in frames] == ["a", "b"]
    assert xhr.read_send(b"[]") == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"x",
        b"[1]",
        b"[null]",
        b"[[]]",
        b"\xff",
        b"[" * 100_000,
        b'["\\ud800"]',
        b"[" + b'"",' * 100 + b'""]',
    ],
)
def test_what_has_no_frames_is_refused(body: bytes) -> None:
    with pytest.raises(BadRequest):
        xhr.read_send(body)


def test_a_connection_is_called_by_what_its_client_chose() -> None:
    assert xhr.checked_session("key", "0", "abcd1234") == "key/0/abcd1234"
    for number, name in (
        ("1000", "abcd1234"),
        ("x", "abcd1234"),
        ("", "abcd"),
        ("1", ""),
        ("1", "a/b/"),
        ("1", "x" * 65),
    ):
        with pytest.raises(BadRequest):
            xhr.checked_session("key", number, name)
