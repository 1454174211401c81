"""Which requests may become a websocket: judged by the environ alone, on whatever server."""

from typing import Any

import pytest

from longpoll.transports import handshake
from longpoll.transports.handshake import UPGRADES

GOOD: dict[str, Any] = {
    "REQUEST_METHOD": "GET",
    "SERVER_PROTOCOL": "HTTP/1.1",
    "HTTP_UPGRADE": "websocket",
    "HTTP_CONNECTION": "Upgrade",
    "HTTP_SEC_WEBSOCKET_VERSION": "13",
    "HTTP_SEC_WEBSOCKET_KEY": "dGhlIHNhbXBsZSBub25jZQ==",
    UPGRADES: True,
}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"HTTP_UPGRADE": "WebSocket"},
        {"HTTP_UPGRADE": "h2c, websocket"},
        {"HTTP_CONNECTION": "keep-alive, upgrade"},
        {"CONTENT_LENGTH": "0"},
        {"CONTENT_LENGTH": ""},
    ],
)
def test_a_proper_request_is_upgraded(changes: dict[str, str]) -> None:
    assert handshake.asks(GOOD | changes)
    assert handshake.refusal(GOOD | changes) is None


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"HTTP_UPGRADE": ""}, 426),
        ({"HTTP_UPGRADE": "websockets"}, 426),
        ({"HTTP_CONNECTION": "keep-alive"}, 426),
        ({"HTTP_SEC_WEBSOCKET_VERSION": "13, 8"}, 426),
        ({"REQUEST_METHOD": "POST"}, 400),
        ({"SERVER_PROTOCOL": "HTTP/1.0"}, 400),
        ({"CONTENT_LENGTH": "1"}, 400),
        ({"HTTP_SEC_WEBSOCKET_KEY": "dGhlIHNhbXBsZSBub25jZQ"}, 400),
        ({"HTTP_SEC_WEBSOCKET_KEY": "dGhlIHNhbXBsZSBub25jZSE="}, 400),
        ({"HTTP_SEC_WEBSOCKET_KEY": "dGhlIHNhbXBsZSBub25jZ!=="}, 400),
        ({"HTTP_SEC_WEBSOCKET_KEY": "dGhlIHNhbXBsZSBub25jZQé="}, 400),
    ],
)
def test_another_one_is_told_why_not(changes: dict[str, str], status: int) -> None:
    refusal = handshake.refusal(GOOD | changes)
    assert refusal
    assert refusal.status == status
    assert refusal.sentence.endswith(".")
    assert refusal.headers == ({"Upgrade": "websocket", "Sec-WebSocket-Version": "13"} if status == 426 else {})


def test_a_plain_request_is_told_to_ask_for_a_websocket_on_any_server() -> None:
    refusal = handshake.refusal({"REQUEST_METHOD": "GET", "SERVER_PROTOCOL": "HTTP/1.1"})
    assert refusal
    assert refusal.status == 426
    assert not handshake.asks({})


def test_a_server_that_cannot_upgrade_says_so_to_a_proper_request() -> None:
    refusal = handshake.refusal({key: value for key, value in GOOD.items() if key != UPGRADES})
    assert refusal
    assert refusal.status == 400
    assert "longpoll-serve" in refusal.sentence


def test_a_subprotocol_is_named_only_if_the_client_offered_it() -> None:
    offered = GOOD | {"HTTP_SEC_WEBSOCKET_PROTOCOL": "a,  b"}
    assert handshake.choose(offered, ["c", "b", "a"]) == "b"
    assert handshake.choose(GOOD, ["a"]) is None
    assert b"\r\nSec-WebSocket-Protocol: b\r\n" in handshake.reply_head(offered, "b")
    assert b"Protocol:" not in handshake.reply_head(offered, "c")
