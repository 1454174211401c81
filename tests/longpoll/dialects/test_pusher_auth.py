"""Pusher's signatures: what the libraries make is taken, and nothing else."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

import pytest

from longpoll.dialects.pusher_auth import TOLERANCE, BadSignature, Keys, shared_secret
from longpoll.errors import BadRequest, Refused

SECRET = "7ad3773142a6692b25b8"
KEYS = Keys("278d425bdf160c739803", SECRET)
NOW = 1_353_088_179.0


def signed(method: str = "POST", path: str = "/apps/3/events", body: bytes = b"{}", **fields: str) -> str:
    """A query as libraries make it."""
    query = {"auth_key": KEYS.key, "auth_timestamp": f"{NOW:.0f}", "auth_version": "1.0", **fields}
    if body:
        query.setdefault("body_md5", hashlib.md5(body).hexdigest())
    lines = "\n".join([method, path, "&".join(f"{name}={value}" for name, value in sorted(query.items()))])
    query["auth_signature"] = hmac.new(SECRET.encode(), lines.encode(), hashlib.sha256).hexdigest()
    return urlencode(query)


def check(query: str, method: str = "POST", path: str = "/apps/3/events", body: bytes = b"{}", now: float = NOW) -> Any:
    return KEYS.check_request(method, path, query, body, now)


def test_the_example_of_the_protocols_documentation_is_signed_as_it_says_there() -> None:
    assert KEYS.channel("1234.1234", "private-foobar") == (
        "278d425bdf160c739803:58df8b0c36d6982b82c3ecf6b4662e34fe8c25bba48f5369f135bf843651c3a4"
    )
    data = json.dumps({"user_id": 10, "user_info": {"name": "Mr. Channels"}}, separators=(",", ":"))
    assert KEYS.channel("1234.1234", "presence-foobar", data) == (
        "278d425bdf160c739803:31935e7d86dba64c2a90aed31fdc61869f9b22ba9d8863bba239c03ca481bc80"
    )


def test_what_was_signed_for_one_thing_opens_no_other() -> None:
    auth = KEYS.channel("1.1", "private-a")
    assert KEYS.allows_channel(auth, "1.1", "private-a")
    assert not KEYS.allows_channel(auth, "1.2", "private-a")
    assert not KEYS.allows_channel(auth, "1.1", "private-ab")
    assert not KEYS.allows_channel(auth, "1.1", "private-a", "")
    assert not KEYS.allows_channel(auth.upper(), "1.1", "private-a")
    assert not KEYS.allows_channel("other" + auth[len(KEYS.key) :], "1.1", "private-a")
    assert not KEYS.allows_user(auth, "1.1", "private-a")
    assert KEYS.allows_user(KEYS.user("1.1", "{}"), "1.1", "{}")
    for nonsense in ("", ":", "é", "\ud800", "x" * 100_000):
        assert not KEYS.allows_channel(nonsense, "1.1", "private-a")


def test_the_key_of_an_encrypted_channel_is_the_hash_of_its_name_and_the_master_key() -> None:
    master = bytes(range(32))
    expected = base64.b64encode(hashlib.sha256(b"private-encrypted-a" + master).digest()).decode()
    assert shared_secret("private-encrypted-a", master) == expected


def test_a_signed_request_gives_its_own_fields() -> None:
    query = signed("GET", "/apps/3/channels", b"", filter_by_prefix="presence-", info="user_count")
    assert check(query, "GET", "/apps/3/channels", b"") == {"filter_by_prefix": "presence-", "info": "user_count"}
    assert check(signed()) == {}


def test_fields_are_signed_as_they_are_before_they_are_escaped() -> None:
    query = signed("GET", "/apps/3/channels", b"", info="user_count,subscription_count")
    escaped = "&".join(f"{name}={quote(value, safe='')}" for name, value in parse_qsl(query))
    assert check(escaped, "GET", "/apps/3/channels", b"")["info"] == "user_count,subscription_count"


def test_a_get_may_have_the_md5_of_nothing() -> None:
    query = signed("GET", "/apps/3/channels", b"", body_md5=hashlib.md5(b"").hexdigest())
    assert check(query, "GET", "/apps/3/channels", b"") == {}


@pytest.mark.parametrize(
    "attack",
    [
        lambda: check(signed(), method="GET"),
        lambda: check(signed(), path="/apps/4/events"),
        lambda: check(signed(), body=b"{ }"),
        lambda: check(signed(body_md5="0" * 32)),
        lambda: check(signed(body=b""), body=b"{}"),
        lambda: check(signed(auth_key="other")),
        lambda: check(signed(auth_version="2.0")),
        lambda: check(signed(), now=NOW + TOLERANCE + 1),
        lambda: check(signed(), now=NOW - TOLERANCE - 1),
        lambda: check(signed(auth_timestamp="x")),
        lambda: check(signed(auth_timestamp="-1")),
        lambda: check(signed(auth_timestamp="1e9")),
        lambda: check(signed(auth_timestamp="9" * 5_000)),
        lambda: check(signed() + "0"),
        lambda: check(signed().replace("auth_signature=", "auth_signature=0")),
        lambda: check(""),
        lambda: check("&&&"),
        lambda: check("auth_signature=%00"),
    ],
)
def test_a_request_that_is_signed_otherwise_is_refused(attack: Callable[[], Any]) -> None:
    with pytest.raises(BadSignature):
        attack()


@pytest.mark.parametrize("query", ["info=a&info=b", "INFO=a&info=b", "a=%ff", "&".join(f"a{n}=1" for n in range(101))])
def test_a_query_that_can_be_read_in_two_ways_is_refused(query: str) -> None:
    with pytest.raises(BadRequest):
        check(f"{signed()}&{query}")


def test_a_refusal_says_what_should_have_been_signed_and_nothing_of_the_secret() -> None:
    with pytest.raises(Refused) as refused:
        check(signed().replace("auth_signature=", "auth_signature=0"))
    assert "POST\\n/apps/3/events\\nauth_key=" in str(refused.value)
    assert SECRET not in str(refused.value)


def test_a_request_within_its_time_may_be_sent_again_which_is_the_protocols_own_weakness() -> None:
    query = signed()
    assert check(query) == check(query, now=NOW + TOLERANCE) == {}
