"""A real browser, a real longpoll-serve, and what breaks between them: it goes one rung down, and loses nothing."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import pytest

from longpoll.log import Channels
from tests.longpoll.breaking import Proxy
from tests.longpoll.conftest import Jobs, until
from tests.longpoll.serving import Service, ticket

pytestmark = [pytest.mark.system, pytest.mark.browser]

# Milliseconds: four times what a step down may take, as others may keep the machine busy. The ladder's own times are
# tested against a clock, in js_cases_ladder.js.
SOON = 20_000


@pytest.fixture
def proxy(serve: Callable[..., Service]) -> Iterator[Proxy]:
    proxy = Proxy(serve().port)
    yield proxy
    proxy.close()


@pytest.fixture
def visit(chromium: Any, proxy: Proxy) -> Iterator[Callable[..., Any]]:
    """Opens the page that listens to channels; it may complain of nothing but the network."""
    contexts: list[Any] = []
    complaints: list[str] = []

    def open_(*channels: str, **options: Any) -> Any:
        contexts.append(chromium.new_context())
        page = contexts[-1].new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(f"{proxy.url}/?" + quote(json.dumps({"channels": channels or ["news"], "options": options})))
        return page

    yield open_
    for context in contexts:
        context.close()
    assert complaints == []


def comes_to(page: Any, transport: str, timeout: float = SOON) -> None:
    page.wait_for_function(f"live.transport === {json.dumps(transport)}", timeout=timeout)


def hears(page: Any, channels: Channels, *data: Any) -> None:
    """All of that, which is published now, once and in order."""
    before = page.evaluate("got.length")
    for one in data:
        channels["news"].publish("said", one)
    page.wait_for_function(f"got.length >= {before + len(data)}", timeout=SOON)
    assert page.evaluate(f"got.slice({before})") == [["news", one] for one in data]


@pytest.mark.parametrize("transport", ["websocket", "eventsource", "xhr", "jsonp"])
def test_each_transport_by_itself_brings_the_news(
    visit: Callable[..., Any], channels: Channels, proxy: Proxy, transport: str
) -> None:
    page = visit(transport=transport)
    comes_to(page, transport)
    hears(page, channels, 1, "zwei", {"drei": [None]})
    way = {"websocket": "GET /socket", "eventsource": "GET /events", "xhr": "POST /poll", "jsonp": "GET /poll"}
    assert {request for request in proxy.requests if request not in ("GET /", "GET /longpoll.js")} == {way[transport]}


def test_where_nothing_breaks_it_is_a_websocket_after_one_request(
    visit: Callable[..., Any], channels: Channels, proxy: Proxy
) -> None:
    page = visit()
    comes_to(page, "websocket")
    hears(page, channels, *range(5))
    assert proxy.requests[2:] == ["POST /poll", "GET /socket"]
    assert page.evaluate("states") == ["connected"]


@pytest.mark.parametrize("how", ["refuse", "swallow", "mute"])
def test_where_websockets_do_not_get_through_it_is_an_event_stream_and_the_news_does_not_wait_for_that(
    visit: Callable[..., Any], channels: Channels, proxy: Proxy, how: str
) -> None:
    setattr(proxy, how, True)
    page = visit()
    page.wait_for_function("live.state === 'connected'", timeout=SOON)
    hears(page, channels, *range(5))
    comes_to(page, "eventsource")
    hears(page, channels, *range(5, 10))
    assert proxy.count("/socket") == 1
    assert page.evaluate("[resets, errors]") == [0, []]


def test_where_streams_are_held_back_as_well_requests_are_held(
    visit: Callable[..., Any], channels: Channels, proxy: Proxy
) -> None:
    proxy.refuse = proxy.buffer = True
    page = visit()
    page.wait_for_function("live.state === 'connected'", timeout=SOON)
    until(lambda: proxy.open.get("/events") == 1)
    hears(page, channels, *range(5))
    page.wait_for_function("live.transport === 'xhr'", timeout=SOON)
    until(lambda: proxy.open.get("/events") == 0, SOON / 1000)
    hears(page, channels, *range(5, 10))
    assert (proxy.count("/socket"), proxy.count("/events")) == (1, 1)


def test_where_nothing_may_be_posted_scripts_ask(visit: Callable[..., Any], channels: Channels, proxy: Proxy) -> None:
    proxy.no_post = proxy.refuse = proxy.buffer = True
    page = visit()
    page.wait_for_function("live.state === 'connected'", timeout=SOON)
    hears(page, channels, *range(5))
    comes_to(page, "jsonp")
    hears(page, channels, *range(5, 10))


def test_where_nothing_may_be_posted_a_websocket_is_still_a_websocket(
    visit: Callable[..., Any], channels: Channels, proxy: Proxy
) -> None:
    proxy.no_post = True
    page = visit()
    comes_to(page, "websocket")
    hears(page, channels, *range(5))


@pytest.mark.parametrize("cut", [500, 1500, 4000])
def test_streams_that_are_cut_off_again_and_again_are_left_and_nothing_is_lost(
    visit: Callable[..., Any], channels: Channels, proxy: Proxy, cut: int
) -> None:
    proxy.cut = cut
    page = visit()
    page.wait_for_function("live.state === 'connected'", timeout=SOON)
    hears(page, channels, *[f"{number}: {'x' * 200}" for number in range(100)])
    assert page.evaluate("[resets, errors]") == [0, []]
    hears(page, channels, "the last")


def test_a_websocket_that_breaks_later_is_left_within_seconds(
    visit: Callable[..., Any], channels: Channels, proxy: Proxy
) -> None:
    page = visit()
    comes_to(page, "websocket")
    hears(page, channels, 1)
    proxy.refuse = True
    proxy.drop()
    channels["news"].publish("said", 2)
    comes_to(page, "eventsource")
    hears(page, channels, 3)
    assert page.evaluate("got.length") == 3


def test_a_server_that_is_replaced_is_found_again_on_the_same_rung(
    visit: Callable[..., Any], channels: Channels, proxy: Proxy, serve: Callable[..., Service], dsn: str
) -> None:
    page = visit()
    comes_to(page, "websocket")
    hears(page, channels, 1)
    proxy.upstream = serve().port
    proxy.drop()
    channels["news"].publish("said", 2)
    page.wait_for_function("got.length === 2", timeout=SOON)
    hears(page, channels, 3)
    assert page.evaluate("[live.transport, resets]") == ["websocket", 0]


def test_a_job_is_followed_to_its_end_and_a_bad_ticket_costs_no_other_anything(
    visit: Callable[..., Any], channels: Channels, jobs: Jobs
) -> None:
    (job,) = jobs.push()
    page = visit("news")
    page.evaluate(
        "text => { window.told = []; live.job(text).any(event => told.push(event));"
        " live.job(text + 'x'); live.subscribe('private-secret'); }",
        ticket(job),
    )
    comes_to(page, "websocket")
    page.wait_for_function("errors.length === 2", timeout=SOON)
    page.wait_for_function("told.length > 0", timeout=SOON)
    jobs.claim()
    jobs.report(job, 1, 4)
    jobs.finish(job)
    page.wait_for_function("told[told.length - 1] === 'done'", timeout=SOON)
    hears(page, channels, "after that")


@pytest.mark.parametrize("transport", ["websocket", "eventsource", "xhr"])
def test_a_pattern_says_on_which_channel_a_message_came(
    visit: Callable[..., Any], channels: Channels, transport: str
) -> None:
    page = visit("/news/*", "news.local", transports=[transport, "xhr"])
    comes_to(page, transport)
    channels["news.world"].publish("said", 1)
    channels["/news/local"].publish("said", 2)
    channels["news"].publish("said", 3)
    channels["/news/local/today"].publish("said", 4)
    channels["news.end"].publish("said", 5)
    page.wait_for_function("got.length === 4", timeout=SOON)
    assert sorted(page.evaluate("got"), key=str) == [
        ["news.end", 5], ["news.local", 2], ["news.local", 2], ["news.world", 1],
    ]  # fmt: skip
