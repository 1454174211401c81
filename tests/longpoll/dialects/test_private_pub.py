"""Private Pub's signatures and envelopes, by the gems' own arithmetic: what they sign is good, what is forged, not."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from longpoll.dialects import private_pub
from longpoll.dialects.private_pub import MARK, SCRIPT, check, enveloped, holds_token, opened, sign, speaks, ticket_of
from longpoll.errors import BadRequest, BadTicket, Forbidden
from longpoll.waiter import Told

SECRET = "a secret that Ruby knows as well"
NOW = 1_700_000_000.0
THEN = 1_700_000_000_000


def ext(signature: Any, timestamp: Any = THEN, prefix: str = "private_pub") -> dict[str, Any]:
    return {f"{prefix}_signature": signature, f"{prefix}_timestamp": timestamp}


def lets_in(given: dict[str, Any], channel: str, expiration: float | None = 3600.0, now: float = NOW) -> bool:
    try:
        check(given, channel, SECRET, expiration, now)
    except BadTicket:
        return False
    return True


# -- the arithmetic


def test_a_signature_is_the_gems_own() -> None:
    assert sign(SECRET, "/messages/new", THEN) == "fb60fc62daf5d631005033e03ce983896ff4f3bc"
    assert sign("ü", "/a", 1) == hashlib.sha1("ü/a1".encode()).hexdigest()


@pytest.mark.skipif(shutil.which("ruby") is None, reason="there is no ruby here")
@pytest.mark.parametrize("channel", ["/messages/new", "/user/1-2", "/!~()$@"])
def test_ruby_agrees(channel: str) -> None:
    program = 'require "digest/sha1"; print Digest::SHA1.hexdigest([ARGV[0], ARGV[1], Integer(ARGV[2])].join)'
    made = subprocess.run(
        ["ruby", "-e", program, SECRET, channel, str(THEN)], capture_output=True, text=True, check=True
    )
    assert sign(SECRET, channel, THEN) == made.stdout


@pytest.mark.parametrize("prefix", ["private_pub", "danthes"])
@pytest.mark.parametrize("timestamp", [THEN, str(THEN)])
def test_what_the_gems_sign_is_let_in(prefix: str, timestamp: Any) -> None:
    given = ext(sign(SECRET, "/messages/new", THEN), timestamp, prefix)
    assert speaks(given)
    assert ticket_of(given) is None
    assert lets_in(given, "/messages/new")


# -- what is forged


def test_moving_a_digit_from_the_channel_to_the_time_opens_nothing() -> None:
    signed = sign(SECRET, "/user42", THEN)
    assert sign(SECRET, "/user4", int(f"2{THEN}")) == signed, "the hole that the gems have"
    assert not lets_in(ext(signed, int(f"2{THEN}")), "/user4", None)
    assert not lets_in(ext(signed, f"2{THEN}"), "/user4", None)
    assert not lets_in(ext(signed, int(str(THEN)[1:])), "/user421", None)
    assert lets_in(ext(signed), "/user42")


PATHS = st.lists(st.text("ab019-_", min_size=1, max_size=15), min_size=1, max_size=3).map(lambda p: "/" + "/".join(p))
TIMES = st.integers(1_600_000_000_000, 1_699_999_999_999)


@given(PATHS, TIMES, st.integers(-6, 6))
def test_however_the_signed_text_is_parted_it_opens_the_signed_channel_alone(path: str, time: int, shift: int) -> None:
    whole = f"{path}{time}"
    cut = len(path) + shift
    channel, rest = whole[:cut], whole[cut:]
    if channel.startswith("/") and rest.isdecimal():
        given = ext(sign(SECRET, path, time), rest)
        assert lets_in(given, channel, None) == (shift == 0)


def test_ruby_s_array_that_joins_to_the_signed_channel_opens_none_of_its_parts() -> None:
    signed = sign(SECRET, "/a/b", THEN)
    assert "".join(["/a", "/b"]) == "/a/b", "the hole that the gems have"
    assert [lets_in(ext(signed), name) for name in ("/a", "/b", "/a/b")] == [False, False, True]


@pytest.mark.parametrize(
    "timestamp",
    [
        None, "", True, 0, -THEN, 1.7e12, "1e12", " 1700000000000", "1700000000000\n", "+700000000000", "170000000000",
        "17000000000000", "1\u0667" + "0" * 11, [THEN], {"a": 1}, 10**400, "9" * 13,
    ],
)  # fmt: skip
def test_what_is_no_timestamp_lets_nobody_in(timestamp: Any) -> None:
    signed = hashlib.sha1(f"{SECRET}/a{timestamp}".encode()).hexdigest()
    assert not lets_in(ext(signed, timestamp), "/a", None)
    assert not lets_in({"private_pub_signature": signed}, "/a", None)


@pytest.mark.parametrize("signature", [None, "", 7, True, "x" * 40, "ü", "\ud800", [], {}, "B" * 40, "b86e"])
def test_what_is_no_signature_lets_nobody_in(signature: Any) -> None:
    assert not lets_in(ext(signature), "/a")


def test_nor_does_one_of_another_channel_time_or_secret() -> None:
    signed = sign(SECRET, "/a", THEN)
    assert not lets_in(ext(signed), "/b")
    assert not lets_in(ext(signed, THEN + 1), "/a")
    assert not lets_in(ext(sign(SECRET + "x", "/a", THEN)), "/a")
    assert not lets_in(ext(signed.upper()), "/a")


def test_a_signature_is_good_for_its_time_and_not_from_the_future() -> None:
    given = ext(sign(SECRET, "/a", THEN))
    assert lets_in(given, "/a", 3600, NOW + 3600)
    assert not lets_in(given, "/a", 3600, NOW + 3601)
    assert lets_in(given, "/a", None, NOW + 10**9)
    assert lets_in(given, "/a", 3600, NOW - 59), "two clocks are never the same"
    assert not lets_in(given, "/a", None, NOW - 61)


@pytest.mark.parametrize(
    ("given", "now", "reason"),
    [
        (ext("0" * 40), NOW, "Incorrect signature"),
        (ext(sign(SECRET, "/a", THEN), 17), NOW, "thirteen digits"),
        (ext(sign(SECRET, "/a", THEN)), NOW + 4000, "Signature has expired"),
        (ext(sign(SECRET, "/a", THEN)), NOW - 4000, "from the future"),
    ],
)
def test_a_refusal_says_why_and_nothing_of_what_would_be_right(given: Any, now: float, reason: str) -> None:
    with pytest.raises(BadTicket, match=reason) as refused:
        check(given, "/a", SECRET, 3600, now)
    assert sign(SECRET, "/a", THEN) not in str(refused.value)
    assert refused.value.channels == ["/a"]


def test_a_ticket_of_ours_stands_in_the_same_place() -> None:
    for prefix in ("private_pub", "danthes"):
        assert ticket_of(ext("channel.abc", THEN, prefix)) == "channel.abc"
    for other in ({}, ext("0" * 40), ext(7), ext(None)):
        assert ticket_of(other) is None


# -- publishing


@pytest.mark.parametrize("prefix", ["private_pub", "danthes"])
def test_an_application_is_known_by_the_secret(prefix: str) -> None:
    assert holds_token({f"{prefix}_token": SECRET}, SECRET)
    assert not holds_token({}, SECRET)
    for wrong in ("", SECRET[:-1], SECRET + "x", 7, [SECRET], {"a": SECRET}, "\ud800", True):
        with pytest.raises(Forbidden, match=r"^Incorrect token\.$"):
            holds_token({f"{prefix}_token": wrong}, SECRET)


def test_what_it_publishes_is_taken_out_of_its_envelope() -> None:
    assert opened({"channel": "/a", "data": {"n": 1}}, scripts=False) == ("message", '{"n":1}')
    assert opened({"channel": "/a", "data": None}, scripts=False) == ("message", "null")
    assert opened({"channel": "/a", "eval": "alert(1)"}, scripts=True) == (SCRIPT, '"alert(1)"')


def test_a_script_is_let_through_only_where_that_is_asked_for() -> None:
    with pytest.raises(Forbidden, match="not switched on"):
        opened({"channel": "/a", "eval": "alert(1)"}, scripts=False)


@pytest.mark.parametrize("data", [None, 7, "x", [], {}, {"channel": "/a"}, {"data": 1, "eval": "x"}, {"eval": 7}])
def test_what_they_would_not_publish_is_refused(data: Any) -> None:
    with pytest.raises(BadRequest):
        opened(data, scripts=True)


# -- what pages are told


def test_a_page_is_told_the_channel_within_the_message() -> None:
    told = Told("/a/*" + MARK, "message", '{"eval":"alert(1)"}', "1", "a.b")
    assert json.loads(enveloped("/a/b", told, told.data.encode())) == {"channel": "/a/b", "data": {"eval": "alert(1)"}}
    script = Told("/a/b" + MARK, SCRIPT, '"alert(1)"', "1", "a.b")
    assert json.loads(enveloped("/a/b", script, b"never")) == {"channel": "/a/b", "eval": "alert(1)"}
    assert private_pub.MESSAGE == "message"
