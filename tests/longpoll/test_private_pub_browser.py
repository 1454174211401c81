"""``/private_pub.js`` in a real browser: pages written for the gems, on longpoll.js."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from longpoll.log import Channels
from longpoll.private_pub import PrivatePub
from tests.longpoll.serving import Service

pytestmark = [pytest.mark.system, pytest.mark.browser]

SOON = 20_000  # ms


@pytest.fixture
def page(chromium: Any, serve: Callable[..., Service]) -> Iterator[Any]:
    """A page of a service where everything is private, with both scripts in it."""
    service = serve("--private", "/**")
    context = chromium.new_context()
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.server = f"http://127.0.0.1:{service.port}"
    page.goto(f"{page.server}/healthz")
    for script in ("longpoll.js", "private_pub.js"):
        page.add_script_tag(url=f"{page.server}/{script}")
    page.evaluate("window.hear = function (data, channel) { got.push([channel, data]); }; window.got = []")
    yield page
    context.close()
    assert complaints == []


def sign(page: Any, channels: Channels, channel: str, script: str = "PrivatePub", expiration: float = 60) -> None:
    """As a template does, once the page is there; and wait until it hears."""
    tag = PrivatePub(page.server, channels, expiration, script).subscribe_to(channel)
    page.add_script_tag(content=tag.removeprefix('<script type="text/javascript">').removesuffix("</script>"))
    page.wait_for_function("PrivatePub.client.state === 'connected'", timeout=SOON)


def hears(page: Any, *expected: list[Any]) -> None:
    page.wait_for_function(f"got.length >= {len(expected)}", timeout=SOON)
    assert page.evaluate("got.splice(0)") == list(expected)


@pytest.mark.parametrize("script", ["PrivatePub", "Danthes"])
def test_a_page_hears_what_is_published_until_it_unsubscribes(page: Any, channels: Channels, script: str) -> None:
    page.evaluate(f"{script}.subscribe('/messages/new', hear)")
    sign(page, channels, "/messages/new", script)
    page.evaluate(f"{script}.subscribe('/messages/new', hear); {script}.subscribe('/other', hear)")
    PrivatePub(page.server, channels).publish_to("/messages/new", {"text": "hi"})
    hears(page, ["/messages/new", {"text": "hi"}], ["/messages/new", {"text": "hi"}])
    channels["messages.new"].trigger("said", 1)
    hears(page, *[["/messages/new", {"event": "said", "data": 1}]] * 2)
    sign(page, channels, "/other", script)
    page.evaluate(f"{script}.unsubscribe('/messages/new')")
    assert page.evaluate(f"{script}.subscription('/messages/new') === undefined")
    channels.trigger(["messages.new", "other"], "message", 2)
    hears(page, ["/other", 2])


def test_a_pattern_calls_who_subscribed_to_the_channel_that_it_brings(page: Any, channels: Channels) -> None:
    page.evaluate("PrivatePub.subscribe('/messages/new', hear)")
    sign(page, channels, "/messages/*")
    channels.trigger(["messages.old", "messages.new"], "message", 1)
    hears(page, ["/messages/new", 1])


def test_a_script_runs_only_where_the_page_says_so(page: Any, channels: Channels) -> None:
    page.evaluate("PrivatePub.subscribe('/a', hear)")
    sign(page, channels, "/a")
    server = PrivatePub(page.server, channels)
    server.run_on("/a", "hear('ran', 'no')")
    server.publish_to("/a", {"eval": "hear('ran', 'never')"})
    hears(page, ["/a", {"eval": "hear('ran', 'never')"}])
    page.evaluate("PrivatePub.evaluates = true")
    server.run_on("/a", "hear('ran', 'yes')")
    hears(page, ["yes", "ran"])


def test_a_page_that_is_too_old_is_told_so(page: Any, channels: Channels) -> None:
    options = PrivatePub(page.server, channels, expiration=-5).subscription("/a")
    page.evaluate(
        f"options = {json.dumps(options)}; options.error = function (error) {{ hear(error.message, error.code); }};"
        "PrivatePub.sign(options)"
    )
    page.wait_for_function("got.length", timeout=SOON)
    ((code, message),) = page.evaluate("got")
    assert code == "bad_ticket"
    assert "expired" in message
    assert page.evaluate("PrivatePub.subscription('/a') === undefined")
