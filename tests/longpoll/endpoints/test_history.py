"""GET /history: what a page that is opened late shows first, and for whom."""

from __future__ import annotations

import json
from typing import Any

import falcon.testing
import pytest

from longpoll.app import create_app
from longpoll.listener import Feed
from longpoll.log import Channels
from queueapi.runtime import Runtime
from queueapi.signing import Signer

SIGNER = Signer("s" * 32)
PRIVATE = SIGNER.sign("channel", "private-a", 3600)


@pytest.fixture
def client(feed: Feed, runtime: Runtime) -> falcon.testing.TestClient:
    return falcon.testing.TestClient(create_app(feed, runtime))


def history(client: falcon.testing.TestClient, **query: Any) -> Any:
    return client.simulate_get("/history", params=query, params_csv=False)


def test_the_last_messages_come_in_order_with_the_cursor_to_poll_with(
    client: falcon.testing.TestClient, channels: Channels
) -> None:
    channels.trigger_batch([{"channel": "news", "name": "said", "data": n} for n in range(5)])
    reply = history(client, channel="/news", count="3").json
    assert [(m["channel"], m["event"], m["data"]) for m in reply["messages"]] == [
        ("/news", "said", n) for n in (2, 3, 4)
    ]
    assert reply["reset"] is False
    channels["news"].trigger("said", 5)
    ask = {"channels": ["/news"], "cursor": reply["cursor"], "wait": 25}
    polled = client.simulate_post("/poll", json=ask).json
    assert [m["data"] for m in polled["messages"]] == [5]
    assert not polled["reset"]


def test_several_channels_have_one_cursor_and_one_order(client: falcon.testing.TestClient, channels: Channels) -> None:
    channels.trigger_batch([{"channel": "ab"[n % 2], "name": "said", "data": n} for n in range(6)])
    reply = history(client, channel=["a", "b", "/b"], count="2").json
    assert [(m["channel"], m["data"]) for m in reply["messages"]] == [
        ("a", 2), ("b", 3), ("/b", 3), ("a", 4), ("b", 5), ("/b", 5),
    ]  # fmt: skip


def test_a_private_channel_shows_its_history_to_who_has_a_ticket(
    client: falcon.testing.TestClient, channels: Channels
) -> None:
    channels["private-a"].trigger("said", 1)
    refused = history(client, channel="private-a")
    assert (refused.status_code, refused.json["error"]["code"]) == (403, "bad_ticket")
    assert refused.json["error"]["channels"] == ["private-a"]
    assert [m["data"] for m in history(client, channel=PRIVATE).json["messages"]] == [1]


def test_the_application_s_word_counts_here_as_well(feed: Feed, runtime: Runtime, channels: Channels) -> None:
    channels["news"].trigger("said", 1)
    asked = []

    def authorize(request: Any, channel: str, action: str) -> bool:
        asked.append((channel, action))
        return False

    client = falcon.testing.TestClient(create_app(feed, runtime, authorize=authorize))
    assert history(client, channel="news").status_code == 403
    assert asked == [("news", "subscribe")]


def test_what_was_said_of_a_channel_holds_for_browsers(client: falcon.testing.TestClient, channels: Channels) -> None:
    channels.trigger_batch([{"channel": "news", "name": "said", "data": n} for n in range(5)])
    channels.keep("/**", count=2)
    assert [m["data"] for m in history(client, channel="news", count="4").json["messages"]] == [3, 4]


def test_a_script_tag_gets_it_too(client: falcon.testing.TestClient, channels: Channels) -> None:
    channels["news"].trigger("said", "</script>")
    reply = history(client, channel="news", callback="f")
    assert reply.text.startswith("/**/f(")
    assert "<" not in reply.text
    assert json.loads(reply.text[6:-2])["messages"][0]["data"] == "</script>"


@pytest.mark.parametrize(
    ("query", "status", "reason"),
    [
        ({}, 400, "channel="),
        ({"channel": "a b"}, 400, "cannot be the name"),
        ({"channel": "/news/*"}, 400, "only channels have a history"),
        ({"channel": SIGNER.sign("job", "7", 3600)}, 400, "the first poll tells its state"),
        ({"channel": "a", "count": "x"}, 400, "count should be a number"),
        ({"channel": "a", "count": "-1"}, 400, "count should be a number"),
        ({"channel": "a", "count": ["1", "2"]}, 400, "count should be a number"),
        ({"channel": "a", "count": "9" * 20}, 400, "count should be a number"),
        ({"channel": "a", "age": "nan"}, 400, "age should be a number"),
        ({"channel": "a", "age": "0"}, 400, "above zero"),
        ({"channel": ["a"] * 201}, 400, "1 to 200 channels"),
        ({"channel": "x" * 601}, 400, "channel="),
    ],
)  # fmt: skip
def test_what_cannot_be_asked_is_refused_in_one_sentence(
    client: falcon.testing.TestClient, query: dict[str, Any], status: int, reason: str
) -> None:
    reply = history(client, **query)
    assert reply.status_code == status
    assert reason in reply.json["error"]["message"]
