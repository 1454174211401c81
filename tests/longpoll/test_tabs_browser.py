"""Several tabs of a real browser at a real longpoll-serve: one asks for all, and whatever becomes of it, none misses a
thing.

That another takes over within two seconds is tested against a clock, in js_cases_tabs.js.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any
from urllib.parse import quote

import pytest

from longpoll.log import Channels
from tests.longpoll.breaking import Proxy
from tests.longpoll.conftest import Jobs, until
from tests.longpoll.serving import Service, ticket

pytestmark = [pytest.mark.system, pytest.mark.browser]

SOON = 20_000  # ms; others may keep the machine busy
OLD = "delete window.BroadcastChannel; delete Navigator.prototype.locks;"
WAYS = ("/socket", "/events", "/poll")


class Tabs:
    """A browser of its own, whose tabs are opened by calling it.

    Attributes:
        service: the server behind the proxy.
    """

    def __init__(self, chromium: Any, proxy: Proxy, service: Service) -> None:
        self.context = chromium.new_context()
        self.proxy = proxy
        self.service = service
        self.tabs: list[Any] = []
        self.complaints: list[str] = []

    def __call__(self, *channels: str, **options: Any) -> Any:
        tab = self.context.new_page()
        self.tabs.append(tab)
        tab.on("pageerror", lambda error: self.complaints.append(str(error)))
        tab.goto(f"{self.proxy.url}/?" + quote(json.dumps({"channels": channels or ["news"], "options": options})))
        return tab

    @property
    def open(self) -> int:
        """Connections that hold, or are about to."""
        return sum(self.proxy.open.get(way, 0) for way in WAYS)

    def settle(self) -> Any:
        """Until all but one follow; the one that leads."""
        for tab in self.tabs:
            tab.wait_for_function("live.state === 'connected' && live.transport", timeout=SOON)
        until(lambda: sum(not tab.evaluate("live.shared") for tab in self.tabs) == 1, SOON / 1000)
        until(lambda: self.open == 1 and self.service.held == 1, SOON / 1000)
        return next(tab for tab in self.tabs if not tab.evaluate("live.shared"))

    def followers(self) -> list[Any]:
        leader = self.settle()
        return [tab for tab in self.tabs if tab is not leader]

    def hear(self, *data: Any, channel: str = "news") -> None:
        """In every tab, all of that, once and in order; since it was opened."""
        for tab in self.tabs:
            tab.wait_for_function(f"got.length >= {len(data)}", timeout=SOON)
            assert tab.evaluate("got") == [[channel, one] for one in data]


@pytest.fixture
def tabs(chromium: Any, serve: Callable[..., Service]) -> Iterator[Tabs]:
    service = serve()
    proxy = Proxy(service.port)
    tabs = Tabs(chromium, proxy, service)
    yield tabs
    tabs.context.close()
    proxy.close()
    assert tabs.complaints == []


def publish(channels: Channels, count: int) -> threading.Thread:
    """In the background, one after another."""
    publishing = threading.Thread(target=lambda: [channels["news"].publish("said", n) for n in range(count)])
    publishing.start()
    return publishing


@pytest.mark.parametrize("old", [False, True], ids=["BroadcastChannel", "localStorage"])
@pytest.mark.parametrize("transport", ["websocket", "eventsource", "xhr"])
def test_ten_tabs_have_one_connection_and_each_hears_all(
    tabs: Tabs, channels: Channels, transport: str, old: bool
) -> None:
    if old:
        tabs.context.add_init_script(OLD)
    for _ in range(10):  # a browser opens six to a host
        tabs(transports=[transport, "xhr"])
    leader = tabs.settle()
    for n in range(20):
        channels["news"].publish("said", n)
    tabs.hear(*range(20))
    assert tabs.open == tabs.service.held == 1
    assert [tab.evaluate("live.transport") for tab in tabs.tabs] == [transport] * 10
    assert leader.evaluate("live.shared") is False


def close(tab: Any) -> None:
    tab.close()


def crash(tab: Any) -> None:
    with suppress(Exception):  # it has no answer to that
        tab.goto("chrome://crash")


def hang(tab: Any) -> None:
    tab.evaluate("() => { setTimeout(() => { const end = Date.now() + 6000; while (Date.now() < end); }, 0); }")


def navigate(tab: Any) -> None:
    tab.goto(tab.evaluate("location.origin + '/healthz'"))


def stop(tab: Any) -> None:
    tab.evaluate("() => { live.stop(); }")


@pytest.mark.parametrize("old", [False, True], ids=["BroadcastChannel", "localStorage"])
@pytest.mark.parametrize("end", [close, crash, hang, navigate, stop], ids=lambda end: end.__name__)
def test_whatever_becomes_of_the_leader_every_other_tab_hears_200_messages_once(
    tabs: Tabs, channels: Channels, end: Callable[[Any], None], old: bool
) -> None:
    if old:
        tabs.context.add_init_script(OLD)
    for _ in range(4):
        tabs()
    leader = tabs.settle()
    publishing = publish(channels, 200)
    tabs.tabs[0].wait_for_function("got.length >= 20", timeout=SOON)
    tabs.tabs.remove(leader)
    end(leader)
    publishing.join()
    tabs.hear(*range(200))
    if end is not hang:  # one that hung asks on by itself until it wakes, and hears that another leads
        tabs.settle()


def test_a_leader_that_hung_follows_when_it_wakes_and_has_missed_nothing(tabs: Tabs, channels: Channels) -> None:
    for _ in range(3):
        tabs()
    hang(tabs.settle())
    publish(channels, 50).join()
    tabs.settle()
    tabs.hear(*range(50))


def test_a_page_that_comes_back_from_the_cache_hears_what_came_meanwhile(tabs: Tabs, channels: Channels) -> None:
    for _ in range(3):
        tabs()
    leader = tabs.settle()
    leader.evaluate("() => { addEventListener('pageshow', event => { window.persisted = event.persisted; }); }")
    navigate(leader)
    publish(channels, 30).join()
    leader.go_back(wait_until="commit")
    leader.wait_for_function("window.persisted === true", timeout=SOON)
    tabs.settle()
    tabs.hear(*range(30))


def test_tabs_that_come_and_go_leave_nobody_out(tabs: Tabs, channels: Channels) -> None:
    first = tabs()
    tabs.settle()
    publishing = publish(channels, 200)
    for _ in range(4):
        tabs("other").close()
        tabs.tabs.pop()
    publishing.join()
    tabs.hear(*range(200))
    assert tabs.settle() is first


def test_a_tab_that_comes_late_is_told_the_state_of_a_job_that_another_follows(tabs: Tabs, jobs: Jobs) -> None:
    (job,) = jobs.push()
    follow = "text => { window.told = []; live.job(text).any(event => told.push(event)); }"
    tabs("a").evaluate(follow, ticket(job))
    tabs("b")
    tabs.settle()
    jobs.claim()
    tabs.tabs[0].wait_for_function("told[told.length - 1] === 'running'", timeout=SOON)
    tabs.tabs[1].evaluate(follow, ticket(job))
    tabs("c").evaluate(follow, ticket(job))
    for tab in tabs.tabs[1:]:
        tab.wait_for_function("told.length > 0", timeout=SOON)
        assert tab.evaluate("told") == ["running"]
    tabs.settle()
    jobs.finish(job)
    for tab in tabs.tabs:
        tab.wait_for_function("told[told.length - 1] === 'done'", timeout=SOON)


def test_a_follower_steps_down_with_its_leader(tabs: Tabs, channels: Channels) -> None:
    for _ in range(3):
        tabs()
    tabs.settle()
    tabs.proxy.refuse = tabs.proxy.buffer = True
    tabs.proxy.drop()
    publish(channels, 50).join()
    tabs.hear(*range(50))
    for tab in tabs.tabs:
        tab.wait_for_function("live.transport === 'xhr'", timeout=SOON)
    assert [tab.evaluate("resets") for tab in tabs.tabs] == [0, 0, 0]


def test_a_ticket_that_is_refused_costs_no_other_tab_anything(tabs: Tabs, channels: Channels) -> None:
    tabs()
    other = tabs()
    tabs.settle()
    other.evaluate("() => { live.subscribe('private-x').denied(error => errors.push(error.code)); }")
    other.wait_for_function("errors.length === 1", timeout=SOON)
    publish(channels, 5).join()
    tabs.hear(*range(5))
    assert [tab.evaluate("errors") for tab in tabs.tabs] == [[], ["bad_ticket"]]


def test_pages_that_do_not_share_ask_for_themselves(tabs: Tabs, channels: Channels) -> None:
    for _ in range(3):
        tabs(share=False)
    for tab in tabs.tabs:
        tab.wait_for_function("live.transport === 'websocket'", timeout=SOON)
    until(lambda: tabs.open == tabs.service.held == 3)
    publish(channels, 5).join()
    tabs.hear(*range(5))
