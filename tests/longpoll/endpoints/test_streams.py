"""Event streams and websockets of the native dialect, at a real longpoll-serve: they say what polls would be told."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPResponse
from typing import Any
from urllib.parse import quote

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect

from longpoll.log import Channels
from tests.longpoll.conftest import Jobs, until
from tests.longpoll.serving import SIGNER, Service, ticket

pytestmark = pytest.mark.system

Serve = Callable[..., Service]


class Stream:
    """An EventSource."""

    def __init__(self, port: int, *channels: str, cursor: str | None = None, last: str | None = None) -> None:
        path = f"/events?channels={quote(json.dumps(channels))}" + (f"&cursor={quote(cursor)}" if cursor else "")
        self.connection = HTTPConnection("127.0.0.1", port, timeout=40)
        self.connection.request("GET", path, headers={"Last-Event-ID": last} if last else {})
        self.response: HTTPResponse = self.connection.getresponse()
        self.id = ""

    def event(self) -> tuple[str, Any]:
        """The next event: its type, and its data."""
        kind, data = "message", ""
        while line := self.response.readline().decode():
            field, _, value = line.rstrip("\n").partition(": ")
            if field == "id":
                self.id = value
            elif field == "event":
                kind = value
            elif field == "data":
                data = value
            elif line == "\n" and data:
                return kind, json.loads(data)
        return "end", None

    def messages(self) -> list[tuple[str, Any]]:
        kind, data = self.event()
        assert kind == "message", data
        assert self.id == data["cursor"]
        return [(message["event"], message["data"]) for message in data["messages"]]

    def news(self) -> list[tuple[str, Any]]:
        """The next messages, when the first reply may have come before them, and empty."""
        return self.messages() or self.messages()


@contextmanager
def websocket(port: int, **words: Any) -> Iterator[ClientConnection]:
    with connect(f"ws://127.0.0.1:{port}/socket", proxy=None, **words) as client:
        yield client


def ask(client: ClientConnection, *channels: str, cursor: str | None = None) -> dict[str, Any]:
    """Ask for these channels, and have the next reply."""
    client.send(json.dumps({"channels": channels, "cursor": cursor}))
    return receive(client)


def receive(client: ClientConnection) -> dict[str, Any]:
    reply: dict[str, Any] = json.loads(client.recv(timeout=40))
    return reply


def events(reply: dict[str, Any]) -> list[tuple[str, Any]]:
    return [(message["event"], message["data"]) for message in reply["messages"]]


# -- the event stream


def test_an_event_stream_tells_jobs_and_messages_as_they_come(serve: Serve, jobs: Jobs, channels: Channels) -> None:
    (job,) = jobs.push()
    stream = Stream(serve().port, ticket(job), "news")
    assert stream.response.status == 200
    assert stream.response.headers["Content-Type"] == "text/event-stream; charset=utf-8"
    assert stream.response.headers["X-Accel-Buffering"] == "no"
    assert [event for event, _ in stream.messages()] == ["queued"]
    channels["news"].publish("said", "a")
    assert stream.messages() == [("said", "a")]
    jobs.claim()
    assert [event for event, _ in stream.messages()] == ["running"]
    jobs.finish(job)
    assert [event for event, _ in stream.messages()] == ["done"]
    stream.connection.close()


def test_an_event_source_that_comes_back_goes_on_where_it_was(serve: Serve, channels: Channels) -> None:
    port = serve().port
    stream = Stream(port, "news")
    assert stream.messages() == []
    began = stream.id
    channels["news"].publish("said", 1)
    assert stream.messages() == [("said", 1)]
    stream.connection.close()
    channels["news"].publish("said", 2)
    back = Stream(port, "news", cursor=began, last=stream.id)
    assert back.news() == [("said", 2)], "the last event's id counts, not the older one in the address"
    back.connection.close()


def test_a_poll_goes_on_where_a_stream_was_and_a_stream_where_a_poll_was(serve: Serve, channels: Channels) -> None:
    service = serve()
    browser = service.browser("news")
    browser.poll(0)
    channels["news"].publish("said", 1)
    stream = Stream(service.port, "news", cursor=browser.cursor)
    assert stream.news() == [("said", 1)]
    channels["news"].publish("said", 2)
    assert stream.messages() == [("said", 2)]
    browser.cursor = stream.id
    channels["news"].publish("said", 3)
    assert browser.poll() == [("said", 3)]
    with websocket(service.port) as client:
        assert (events(ask(client, "news", cursor=stream.id)) or events(receive(client))) == [("said", 3)]
    stream.connection.close()


def test_who_brings_a_cursor_hears_at_once_that_there_is_nothing_new(serve: Serve) -> None:
    service = serve()
    browser = service.browser("news")
    browser.poll(0)
    stream = Stream(service.port, "news", cursor=browser.cursor)
    stream.connection.sock.settimeout(10)  # the heartbeat comes after 25 s
    assert stream.messages() == []
    stream.connection.close()
    with websocket(service.port) as client:
        client.send(json.dumps({"channels": ["news"], "cursor": browser.cursor}))
        assert json.loads(client.recv(timeout=10))["messages"] == []


@pytest.mark.parametrize(
    ("channel", "code"),
    [("private-news", "bad_ticket"), ("a b", "bad_channel"), (SIGNER.sign("job", "1", -1), "bad_ticket")],
)
def test_an_event_stream_that_is_refused_says_why_where_a_page_can_read_it(
    serve: Serve, channel: str, code: str
) -> None:
    stream = Stream(serve().port, channel)
    assert stream.response.status == 200
    kind, data = stream.event()
    assert (kind, data["error"]["code"], data["error"]["channels"]) == ("refused", code, [channel])
    assert stream.event() == ("end", None)
    stream.connection.close()


def test_a_stream_whose_browser_left_is_forgotten_within_a_second(serve: Serve) -> None:
    service = serve()
    stream = Stream(service.port, "news")
    stream.messages()
    assert service.held == 1
    stream.response.close()
    stream.connection.close()
    until(lambda: service.held == 0, 2)


def test_a_pattern_brings_what_is_below_it_and_says_the_channel(serve: Serve, channels: Channels) -> None:
    stream = Stream(serve().port, "/news/**")
    stream.messages()
    channels["private-news.secret"].publish("said", 0)
    channels["other"].publish("said", 0)
    channels["/news/local/today"].publish("said", 1)
    _, data = stream.event()
    (message,) = data["messages"]
    assert (message["channel"], message["name"], message["data"]) == ("/news/**", "news.local.today", 1)
    stream.connection.close()


# -- the websocket


def test_a_websocket_tells_jobs_and_messages_as_they_come(serve: Serve, jobs: Jobs, channels: Channels) -> None:
    (job,) = jobs.push()
    with websocket(serve().port) as client:
        assert [event for event, _ in events(ask(client, ticket(job), "news"))] == ["queued"]
        channels["news"].publish("said", "a")
        assert events(receive(client)) == [("said", "a")]
        jobs.claim()
        jobs.finish(job)
        seen = []
        while "done" not in seen:
            seen += [event for event, _ in events(receive(client))]
        assert seen in (["done"], ["running", "done"])


def test_what_is_asked_next_replaces_what_was_and_misses_nothing(serve: Serve, channels: Channels) -> None:
    with websocket(serve().port) as client:
        ask(client, "a")
        channels["a"].publish("said", 1)
        assert events(receive(client)) == [("said", 1)]
        client.send(json.dumps({"channels": ["a", "b"]}))
        channels["a"].publish("said", 2)
        assert events(receive(client)) == [("said", 2)]
        channels["b"].publish("said", 3)
        assert events(receive(client)) == [("said", 3)]
        client.send(json.dumps({"channels": ["b"]}))
        channels["a"].publish("said", 4)
        channels["b"].publish("said", 5)
        heard = events(receive(client))
        assert heard[-1:] == [("said", 5)] or events(receive(client)) == [("said", 5)]


def test_what_is_refused_on_a_websocket_leaves_the_rest_as_it_was(serve: Serve, channels: Channels) -> None:
    with websocket(serve().port) as client:
        ask(client, "news")
        for text in ('{"channels": ["private-x"]}', '{"channels": []}', "null", "[1", '{"channels": "news"}'):
            client.send(text)
            assert receive(client)["error"]["status"] in (400, 403)
        channels["news"].publish("said", 1)
        assert events(receive(client)) == [("said", 1)]


def test_a_page_of_another_origin_gets_no_websocket(serve: Serve) -> None:
    port = serve("--origin", "https://shop.example").port
    with websocket(port, origin="https://shop.example") as client:
        assert ask(client, "news")["messages"] == []
    with pytest.raises(InvalidStatus) as refused, websocket(port, origin="https://evil.example"):
        pass
    assert refused.value.response.status_code == 403


def test_who_asks_for_a_websocket_without_upgrading_is_told_how(serve: Serve) -> None:
    status, said = serve().get("/socket")
    assert status == 426
    assert "Upgrade: websocket" in said


def test_an_address_holds_no_more_connections_than_it_may(serve: Serve) -> None:
    service = serve("--limit", "connections=3", "--proxy", "none")
    stream = Stream(service.port, "news")
    stream.messages()
    browser = service.browser("news").ask()
    until(lambda: service.held == 2)
    with websocket(service.port) as client:
        ask(client, "news")
        status, said = service.get('/poll?channels=["news"]')
        assert status == 429
        assert "3 connections" in said
    stream.connection.close()
    until(lambda: service.held == 1, 5)
    assert service.browser("news").poll(0) == []
    browser.leave()
