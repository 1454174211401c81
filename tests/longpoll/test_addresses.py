"""Whose address counts: that which the last trusted proxy saw."""

from __future__ import annotations

import pytest

from longpoll.addresses import Proxies, several


@pytest.mark.parametrize(
    ("remote", "forwarded", "client"),
    [
        ("203.0.113.7", None, "203.0.113.7"),
        ("203.0.113.7", "10.0.0.1", "203.0.113.7"),  # nobody who is trusted says so
        ("127.0.0.1", "203.0.113.7", "203.0.113.7"),
        ("127.0.0.1", "1.2.3.4, 203.0.113.7", "203.0.113.7"),  # the first was written by the client
        ("::1", "2001:db8::7", "2001:db8::7"),
        ("::ffff:127.0.0.1", "203.0.113.7", "203.0.113.7"),
        ("127.0.0.1", "203.0.113.7, 127.0.0.2", "203.0.113.7"),  # two proxies on one machine
        ("127.0.0.1", None, ""),
        ("127.0.0.1", " , ", ""),
        ("127.0.0.1", "unknown", "unknown"),
        ("127.0.0.1", "x" * 1000, "x" * 64),
        ("", None, ""),
    ],
)
def test_the_client_is_whoever_the_last_trusted_proxy_was_asked_by(
    remote: str, forwarded: str | None, client: str
) -> None:
    assert Proxies().client(remote, forwarded) == client


def test_other_proxies_are_trusted_if_they_are_named() -> None:
    proxies = several(["10.0.0.0/8", "192.0.2.1"])
    assert proxies.client("10.1.2.3", "203.0.113.7, 192.0.2.1") == "203.0.113.7"
    assert proxies.client("127.0.0.1", "203.0.113.7") == "127.0.0.1"


def test_none_are_trusted_where_there_is_none() -> None:
    assert several(["none"]).client("127.0.0.1", "203.0.113.7") == "127.0.0.1"
    assert several([]).client("127.0.0.1", None) == ""


@pytest.mark.parametrize("word", ["proxy.example", "10.0.0.1/8", "300.0.0.1"])
def test_what_is_no_address_is_refused(word: str) -> None:
    with pytest.raises(ValueError, match=r"10\.0\.0\.1/8|does not appear"):
        several([word])
