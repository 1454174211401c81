"""How Private Pub is switched on, and for whom the gate vouches. With real pages it is tried in tests/clients."""

from __future__ import annotations

from typing import Any

import pytest

from longpoll.dialects.private_pub import sign
from longpoll.door import Visitor
from longpoll.endpoints.private_pub import Gate
from longpoll.errors import BadTicket, Forbidden
from queueapi.errors import SettingsError

TOKEN = "t" * 32
NOW = 1_700_000_000.0
VISITOR = Visitor("bayeux", "192.0.2.1", None)


def signed(channel: str = "/a", seconds: float = NOW) -> dict[str, Any]:
    timestamp = round(seconds * 1000)
    return {"private_pub_signature": sign(TOKEN, channel, timestamp), "private_pub_timestamp": timestamp}


def gate(**how: Any) -> Gate:
    return Gate(TOKEN, clock=lambda: NOW, **how)


def test_it_vouches_for_what_the_gems_have_signed_and_for_nothing_else() -> None:
    assert gate().subscribe(VISITOR, "/a", signed())
    assert not gate().subscribe(VISITOR, "/a", {}), "the door has its own rules for those"
    assert not gate().subscribe(VISITOR, "/a", {"private_pub_signature": "channel.x"}), "a ticket is the door's to read"
    for wrong in (signed("/b"), {"private_pub_signature": "x"}, {"danthes_signature": None}):
        with pytest.raises(BadTicket):
            gate().subscribe(VISITOR, "/a", wrong)


def test_signatures_expire_when_it_is_told_so() -> None:
    old = signed(seconds=NOW - 5000)
    with pytest.raises(BadTicket, match="expired"):
        gate().subscribe(VISITOR, "/a", old)
    assert gate(expiration=5001).subscribe(VISITOR, "/a", old)
    assert gate(expiration=None).subscribe(VISITOR, "/a", signed(seconds=NOW - 10**8))


def test_it_lets_an_application_publish_that_knows_the_token() -> None:
    assert gate().publish(VISITOR, "/a", {"danthes_token": TOKEN})
    assert not gate().publish(VISITOR, "/a", {})
    with pytest.raises(Forbidden):
        gate().publish(VISITOR, "/a", {"danthes_token": TOKEN + "x"})


def test_it_is_switched_on_by_the_token() -> None:
    assert Gate.from_env({}) is None
    made = Gate.from_env({"LONGPOLL_PRIVATE_PUB_TOKEN": TOKEN})
    assert made is not None
    assert made.publish(VISITOR, "/a", {"private_pub_token": TOKEN})
    with pytest.raises(Forbidden):
        made.read({"eval": "x"})
    lax = {"LONGPOLL_PRIVATE_PUB_EXPIRATION": "never", "LONGPOLL_PRIVATE_PUB_SCRIPTS": "1"}
    made = Gate.from_env({"LONGPOLL_PRIVATE_PUB_TOKEN": TOKEN, **lax})
    assert made is not None
    assert made.subscribe(VISITOR, "/a", signed())
    assert made.read({"eval": "x"})[1] == '"x"'


@pytest.mark.parametrize(
    ("environ", "reason"),
    [
        ({"LONGPOLL_PRIVATE_PUB_TOKEN": "secret"}, "has 6 characters, and fewer than 16 can be guessed"),
        ({"LONGPOLL_PRIVATE_PUB_TOKEN": TOKEN, "LONGPOLL_PRIVATE_PUB_EXPIRATION": "1h"}, "'1h'"),
        ({"LONGPOLL_PRIVATE_PUB_TOKEN": TOKEN, "LONGPOLL_PRIVATE_PUB_EXPIRATION": "0"}, "'0'"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_served(environ: dict[str, str], reason: str) -> None:
    with pytest.raises(SettingsError, match=reason):
        Gate.from_env(environ)
