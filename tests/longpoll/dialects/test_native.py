"""The native dialect: what it takes, what it says, and one sentence for whatever it does not take."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from longpoll.dialects.native import (
    LONGEST_WAIT,
    MAX_CHANNELS,
    MAX_CURSOR,
    MAX_TICKET,
    WAIT,
    Ask,
    read_body,
    read_query,
    write_error,
    write_job,
    write_news,
)
from longpoll.errors import BadRequest
from longpoll.jobbook import JobState
from longpoll.waiter import News, Told


def test_a_body_may_say_everything_or_only_the_channels() -> None:
    assert read_body(b'{"channels": ["a", "b"], "cursor": "c", "wait": 3}') == Ask(["a", "b"], "c", 3.0)
    assert read_body(b'{"channels": ["a"]}') == Ask(["a"], None, WAIT)
    assert read_body(b'{"channels": ["a"], "cursor": null, "of a later version": 1}') == Ask(["a"], None, WAIT)


def test_a_query_says_the_same() -> None:
    assert read_query({"channels": '["a", "b"]', "cursor": "c", "wait": "3"}) == Ask(["a", "b"], "c", 3.0)
    assert read_query({"channels": '["a"]'}) == Ask(["a"], None, WAIT)
    assert read_query({"channels": '["a"]', "cursor": "", "callback": "f", "_": "17"}) == Ask(["a"], None, WAIT)


def test_nobody_waits_longer_than_proxies_allow() -> None:
    assert read_body(b'{"channels": ["a"], "wait": 1e300}').wait == LONGEST_WAIT
    assert read_query({"channels": '["a"]', "wait": "3600"}).wait == LONGEST_WAIT
    assert read_body(b'{"channels": ["a"], "wait": 0}').wait == 0


def test_what_is_just_within_the_limits_is_taken() -> None:
    channels = ["x" * MAX_TICKET] * MAX_CHANNELS
    ask = read_query({"channels": json.dumps(channels), "cursor": "c" * MAX_CURSOR})
    assert (ask.channels, len(ask.cursor or "")) == (channels, MAX_CURSOR)


def body(**fields: Any) -> bytes:
    return json.dumps({"channels": ["a"], **fields}).encode()


BAD_BODIES = {
    "empty": b"",
    "no JSON": b"channels=a",
    "cut": b'{"channels": ["a"',
    "not UTF-8": b'{"channels": ["\xff"]}',
    "half a surrogate pair": b'{"channels": ["\\ud800 "]}',
    "an array": b'["a"]',
    "null": b"null",
    "too deep": b"[" * 60_000,
    "deep inside": b'{"x": ' + b"[" * 30_000 + b"]" * 30_000 + b"}",
    "no channels": b'{"wait": 1}',
    "channels a text": body(channels="a"),
    "channels null": body(channels=None),
    "channel a number": body(channels=[1]),
    "nothing to wait for": body(channels=[]),
    "too many channels": body(channels=["a"] * (MAX_CHANNELS + 1)),
    "channel too long": body(channels=["x" * (MAX_TICKET + 1)]),
    "cursor a number": body(cursor=1),
    "cursor too long": body(cursor="c" * (MAX_CURSOR + 1)),
    "wait a text": body(wait="1"),
    "wait null": body(wait=None),
    "wait below zero": body(wait=-1),
    "wait NaN": b'{"channels": ["a"], "wait": NaN}',
    "wait without end": b'{"channels": ["a"], "wait": 1e999}',
}
BAD_QUERIES: dict[str, dict[str, Any]] = {
    "empty": {},
    "channels twice": {"channels": ['["a"]', '["b"]']},
    "no JSON": {"channels": "a,b"},
    "an object": {"channels": "{}"},
    "too deep": {"channels": "[" * 60_000},
    "channel a number": {"channels": "[1]"},
    "nothing to wait for": {"channels": "[]"},
    "cursor twice": {"channels": '["a"]', "cursor": ["b", "c"]},
    "wait twice": {"channels": '["a"]', "wait": ["1", "2"]},
    "wait a word": {"channels": '["a"]', "wait": "long" * 1000},
    "wait empty": {"channels": '["a"]', "wait": ""},
    "wait NaN": {"channels": '["a"]', "wait": "nan"},
    "wait without end": {"channels": '["a"]', "wait": "inf"},
    "wait below zero": {"channels": '["a"]', "wait": "-0.1"},
}


def is_one_sentence(text: str) -> bool:
    return text.isprintable() and 20 < len(text) < 400


@pytest.mark.parametrize("what", BAD_BODIES)
def test_a_bad_body_is_refused_in_one_sentence(what: str) -> None:
    with pytest.raises(BadRequest) as refused:
        read_body(BAD_BODIES[what])
    assert is_one_sentence(str(refused.value)), str(refused.value)


@pytest.mark.parametrize("what", BAD_QUERIES)
def test_a_bad_query_is_refused_in_one_sentence(what: str) -> None:
    with pytest.raises(BadRequest) as refused:
        read_query(BAD_QUERIES[what])
    assert is_one_sentence(str(refused.value)), str(refused.value)


@given(st.binary() | st.recursive(st.none() | st.floats() | st.text(), st.lists).map(lambda x: json.dumps(x).encode()))
def test_no_body_does_anything_but_pass_or_be_refused(text: bytes) -> None:
    ask, refusal = None, ""
    try:
        ask = read_body(text)
    except BadRequest as error:
        refusal = str(error)
    assert ask.channels if ask else is_one_sentence(refusal), refusal


@given(st.dictionaries(st.sampled_from(["channels", "cursor", "wait"]), st.text() | st.lists(st.text())))
def test_no_query_does_anything_but_pass_or_be_refused(query: dict[str, Any]) -> None:
    ask, refusal = None, ""
    try:
        ask = read_query(query)
    except BadRequest as error:
        refusal = str(error)
    assert ask.channels if ask else is_one_sentence(refusal), refusal


def test_news_are_written_with_their_data_as_it_was_stored() -> None:
    news = News(
        [Told("t", "done", '{"id": "1", "n": 12345678901234567890123}', "v"), Told("ü", "e", "null", "9")], "c", True
    )
    assert (
        write_news(news)
        == (
            '{"messages":[{"channel":"t","event":"done","data":{"id": "1", "n": 12345678901234567890123},"id":"v"},'
            '{"channel":"ü","event":"e","data":null,"id":"9"}],"cursor":"c","reset":true}'
        ).encode()
    )
    assert json.loads(write_news(News([], "c", False))) == {"messages": [], "cursor": "c", "reset": False}


def test_a_job_is_written_with_the_event_that_a_poll_would_bring() -> None:
    assert json.loads(write_job(JobState("done", '{"id":"1","result":[]}', True))) == {
        "event": "done", "id": "1", "result": [],
    }  # fmt: skip


def test_an_error_says_its_status_since_a_script_cannot_read_the_real_one() -> None:
    assert json.loads(write_error("bad_ticket", "no", 403, ["t"])) == {
        "error": {"code": "bad_ticket", "message": "no", "status": 403, "channels": ["t"]}
    }
    assert json.loads(write_error("failed", "no", 500))["error"]["channels"] == []
