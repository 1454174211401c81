"""A page that was made with a channel's last messages in it, and goes on with their cursor: in a real browser."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from longpoll.log import Channels
from tests.longpoll.serving import Service

pytestmark = [pytest.mark.system, pytest.mark.browser]

SOON = 20_000  # ms


@pytest.fixture
def page(chromium: Any, serve: Callable[..., Service]) -> Iterator[Any]:
    service = serve()
    context = chromium.new_context()
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(f"http://127.0.0.1:{service.port}/healthz")
    page.add_script_tag(url=f"http://127.0.0.1:{service.port}/longpoll.js")
    page.evaluate("window.live = LongPoll(''); window.got = []; window.resets = 0; 0")
    page.evaluate("live.onreset(function () { resets += 1; }); 0")
    yield page
    context.close()
    assert complaints == []


def subscribe(page: Any, channel: str, cursor: str | None = None) -> None:
    arguments = json.dumps([channel, *([cursor] if cursor else [])])[1:-1]
    page.evaluate(f"live.subscribe({arguments}).bind(function (event, data) {{ got.push(['{channel}', data]); }}); 0")


def hears(page: Any, *expected: list[Any]) -> None:
    page.wait_for_function(f"got.length >= {len(expected)}", timeout=SOON)
    assert page.evaluate("got.splice(0)") == list(expected)


def test_what_came_while_the_page_was_on_its_way_is_there_and_nothing_twice(page: Any, channels: Channels) -> None:
    channels["news"].trigger("said", 1)
    shown = channels["news"].history()
    assert [message.data for message in shown.messages] == [1]
    channels["news"].trigger("said", 2)
    subscribe(page, "news", shown.cursor)
    hears(page, ["news", 2])
    channels["news"].trigger("said", 3)
    hears(page, ["news", 3])
    assert page.evaluate("resets") == 0


def test_each_channel_goes_on_from_its_own_cursor(page: Any, channels: Channels) -> None:
    cursors = []
    for number in range(3):
        cursors.append(channels["news"].history().cursor)
        channels.trigger(["a", "b", "c"], "said", number)
    subscribe(page, "a", cursors[1])
    page.wait_for_function("live.state === 'connected' && got.length >= 2", timeout=SOON)
    subscribe(page, "b", cursors[2])
    page.wait_for_function("got.length >= 3", timeout=SOON)
    subscribe(page, "c")
    assert page.evaluate("got.splice(0)") == [["a", 1], ["a", 2], ["b", 2]]
    channels.trigger(["a", "b"], "said", 3)
    hears(page, ["a", 3], ["b", 3])
    assert page.evaluate("resets") == 0


def test_a_page_fetches_the_history_itself(page: Any, channels: Channels) -> None:
    channels["news"].trigger("said", 1)
    reply = page.evaluate("fetch('/history?channel=news&count=10').then(function (reply) { return reply.json(); })")
    assert [message["data"] for message in reply["messages"]] == [1]
    channels["news"].trigger("said", 2)
    subscribe(page, "news", reply["cursor"])
    hears(page, ["news", 2])
