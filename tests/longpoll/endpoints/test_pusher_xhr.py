"""Pusher's protocol without websockets: streams and polls, each request of which may reach another node."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from typing import Any

import pytest

from longpoll.app import create_app
from longpoll.dialects.pusher_xhr import LONGEST_STREAM
from longpoll.listener import Feed
from longpoll.log import Channels
from queueapi.runtime import Runtime
from tests.longpoll.conftest import Sql, on_waitress, until
from tests.longpoll.pusher_clients import Polling, Polls, Streams, Xhr, client
from tests.longpoll.pusher_peer import ENVIRON, KEY, Api, endpoint, member
from tests.longpoll.serving import Service

pytestmark = pytest.mark.system

Serve = Callable[..., Service]
ROOM = "presence-room"


@pytest.fixture(scope="module")
def homes(lasting_dsn: str) -> Iterator[list[Service]]:
    """Two nodes for all tests that look at their own connections alone."""
    services = [Service(lasting_dsn, **ENVIRON) for _ in range(2)]
    yield services
    for service in services:
        service.end()


@pytest.fixture
def ports(homes: list[Service]) -> list[int]:
    return [service.port for service in homes]


@pytest.fixture(params=[Polling, Streams])
def other(request: pytest.FixtureRequest, ports: list[int]) -> Iterator[Xhr]:
    """A client of either kind, each of whose requests reaches the other node."""
    kind: type[Xhr] = request.param
    xhr = kind(*ports).open()
    yield xhr
    xhr.leave()


def sent(xhr: Xhr, path: str, body: bytes, method: str = "POST", **headers: str) -> tuple[int, Any, bytes]:
    connection = HTTPConnection("127.0.0.1", xhr.ports[0], timeout=20)
    connection.request(method, path, body, headers)
    response = connection.getresponse()
    found = response.status, response.headers, response.read()
    connection.close()
    return found


# -- both


def test_whatever_node_a_request_reaches_the_connection_goes_on(other: Xhr) -> None:
    api, news, room = Api(other.ports[0]), f"news-{other.socket_id}", f"{ROOM}-{other.socket_id}"
    assert other.subscribed(news) == {}
    for number in range(5):
        api.trigger(news, "said", {"n": number, "ü": "\U0001f600\u2028"})
        assert other.event() == ("said", {"n": number, "ü": "\U0001f600\u2028"})
    assert other.subscribed(room, member("ann"))["presence"]["ids"] == ["ann"]
    for channel in (news, room):
        other.say("pusher:unsubscribe", {"channel": channel})
        until(lambda channel=channel: api.get(f"channels/{channel}") == (200, {"occupied": False}))  # type: ignore[misc]
    api.trigger(news, "said", "not heard")
    assert other.has_heard_all()


def test_a_member_who_closes_the_request_has_left(other: Xhr, homes: list[Service]) -> None:
    with client(other.ports[0]) as watcher:
        watcher.subscribed(ROOM, member("watcher"))
        other.subscribed(ROOM, member("bob"))
        assert watcher.event()[0] == "pusher_internal:member_added"
        other.leave()
        if isinstance(other, Polling):
            connection = HTTPConnection("127.0.0.1", other.ports[0], timeout=30)
            connection.request("POST", other.address("xhr"), b"")
            until(lambda: sum(home.held for home in homes) == 2)
            connection.close()
        assert watcher.event() == ("pusher_internal:member_removed", {"user_id": "bob", "user_info": None})


def test_users_client_events_and_the_senders_silence_are_as_over_a_websocket(other: Xhr) -> None:
    api = Api(other.ports[1])
    assert other.sign_in("ann")["event"] == "pusher:signin_success"
    other.subscribe("#server-to-user-ann")
    assert other.hear()["channel"] == "#server-to-user-ann"
    api.trigger("#server-to-user-ann", "greeted", 1)
    assert other.event() == ("greeted", 1)
    other.subscribed("private-a")
    with client(other.ports[1]) as friend:
        friend.subscribed("private-a")
        friend.say("client-x", {"a": 1}, "private-a")
        assert other.event() == ("client-x", {"a": 1})
        other.say("client-y", {"b": 2}, "private-a")
        assert friend.event() == ("client-y", {"b": 2})
        api.trigger("private-a", "said", 3, socket_id=other.socket_id)
        assert other.has_heard_all()
    api.ask("POST", "/users/ann/terminate_connections", {})
    event, data = other.event()
    assert (event, data[0]) == ("closed", 4009)


def test_what_is_wrong_is_told_as_over_a_websocket(other: Xhr) -> None:
    other.subscribe("private-a", auth=f"{KEY}:0")
    assert other.hear()["data"]["type"] == "AuthError"
    other.say("pusher:nonsense")
    assert other.hear()["event"] == "pusher:error"


def test_every_message_comes_once_and_in_order_while_requests_change_nodes(other: Xhr) -> None:
    count = 150
    other.subscribed("news")

    def publish() -> None:
        api = Api(other.ports[0])
        for number in range(count):
            api.trigger("news", "said", [number, "x" * 5_000])

    publishing = threading.Thread(target=publish)
    publishing.start()
    heard: list[int] = []
    while len(heard) < count:
        if isinstance(other, Streams) and other.length > LONGEST_STREAM:
            other.leave()  # as clients do: there is nothing more to come
            other.stream()
        event, data = other.event()
        assert event == "said"
        heard.append(data[0])
    publishing.join()
    assert heard == list(range(count))
    assert other.has_heard_all()


def test_a_client_without_its_connection_is_told_by_the_line_that_opens_one(ports: list[int]) -> None:
    polls = Polls(*ports)
    assert sent(polls, polls.address("xhr_send"), b'["{\\"event\\":\\"pusher:ping\\"}"]')[0] == 404
    assert polls.poll() == "o"
    lost = Streams(*ports)
    lost.stream()
    assert [lost.line(), lost.line()] == ["h", "o"]
    lost.leave()


@pytest.mark.parametrize("what", ["xhr", "xhr_streaming"])
@pytest.mark.parametrize(
    ("address", "code"),
    [("/pusher/app/other/1/abcdefgh/{}?protocol=7", 4001), ("/pusher/app/" + KEY + "/1/abcdefgh/{}", 4008)],
)
def test_who_cannot_be_served_is_told_by_the_protocols_code(
    ports: list[int], what: str, address: str, code: int
) -> None:
    status, _, text = sent(Polls(*ports), address.format(what), b"")
    assert (status, text[:1], json.loads(text[1:])[0]) == (200, b"c", code)


@pytest.mark.parametrize("what", ["xhr", "xhr_streaming", "xhr_send"])
def test_a_page_of_another_origin_may_ask(ports: list[int], what: str) -> None:
    asked = {"Origin": "https://a.example", "Access-Control-Request-Method": "POST"}
    headers = {**asked, "Access-Control-Request-Headers": "content-type"}
    status, found, _ = sent(Polls(*ports), Polls(*ports).address(what), b"", "OPTIONS", **headers)
    assert status == 200
    assert found["Access-Control-Allow-Origin"] == "*"
    assert "content-type" in found["Access-Control-Allow-Headers"].lower()
    assert "POST" in found["Access-Control-Allow-Methods"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"x",
        b"{}",
        b"[1]",
        b"[[]]",
        b"[" * 60_000,
        b"\xff",
        b'["x"]',
        b"[" + b'"",' * 200 + b'""]',
        b"[" + b" " * 70_000,
    ],
)
def test_nonsense_is_refused_and_harms_nobody(other: Xhr, body: bytes) -> None:
    status, _, _ = sent(other, other.address("xhr_send"), body)
    assert status in (204, 400)
    other.say("pusher:ping")
    heard = [other.hear()["event"]]
    while heard[-1] != "pusher:pong":
        heard.append(other.hear()["event"])
    assert set(heard) <= {"pusher:pong", "pusher:error"}


# -- polls


def test_a_poll_without_news_is_answered_when_its_client_asks_whether_anybody_is_there(ports: list[int]) -> None:
    polls = Polls(ports[0]).open()
    answers: list[str] = []
    polling = threading.Thread(target=lambda: answers.append(polls.poll()))
    polling.start()
    until(lambda: sent(polls, polls.address("xhr_send"), b"[]")[0] == 204 and answers)
    polling.join()
    assert answers == ["h"]


def test_a_second_poll_takes_the_connection_and_the_first_is_told_to_begin_anew(ports: list[int]) -> None:
    polls = Polls(ports[0]).open()
    polls.subscribed("news")
    lines: list[bytes] = []
    first = threading.Thread(target=lambda: lines.append(sent(polls, polls.address("xhr"), b"")[2]))
    first.start()
    second = threading.Thread(target=lambda: lines.append(sent(polls, polls.address("xhr"), b"")[2]))
    second.start()
    until(lambda: lines)
    assert lines[0].startswith(b"c[4200,")
    Api(ports[0]).trigger("news", "said", 1)
    for thread in (first, second):
        thread.join()
    assert lines[1].startswith(b"a[")


# -- several processes, and nodes that end


@pytest.mark.parametrize("kind", [Polling, Streams])
def test_processes_that_share_a_port_share_what_is_connected_to_it(serve: Serve, kind: type[Xhr]) -> None:
    port = serve("--processes", "3", **ENVIRON).port
    xhr = kind(port).open()
    xhr.subscribed("news")
    assert xhr.subscribed(ROOM, member("ann"))["presence"]["count"] == 1
    for number in range(20):
        Api(port).trigger("news", "said", number)
        assert xhr.event() == ("said", number)
    with client(port) as socket:
        assert socket.subscribed(ROOM, member("bob"))["presence"]["count"] == 2
        assert xhr.event()[0] == "pusher_internal:member_added"
    xhr.leave()


def test_a_connection_between_two_polls_survives_the_death_of_the_node_that_answered_the_last(
    serve: Serve, sql: Sql
) -> None:
    dead, alive = serve(**ENVIRON), serve(**ENVIRON)
    polls = Polls(dead.port).open()
    polls.subscribed("news")
    polls.subscribed(ROOM, member("ann"))
    until(lambda: sql("select node from queueapi.fallbacks") == [(None,)])
    dead.process.kill()
    dead.process.communicate()
    Api(alive.port).trigger("news", "said", "meanwhile")
    polls.ports = (alive.port,)
    assert polls.event() == ("said", "meanwhile")
    assert Api(alive.port).get(f"channels/{ROOM}/users")[1] == {"users": [{"id": "ann"}]}
    assert polls.has_heard_all()


def test_a_node_that_stops_answers_its_polls_so_that_they_go_on_elsewhere(serve: Serve) -> None:
    stopping, other = serve(**ENVIRON), serve(**ENVIRON)
    polls = Polls(stopping.port).open()
    polls.subscribed("news")
    answers: list[str] = []
    polling = threading.Thread(target=lambda: answers.append(polls.poll()))
    polling.start()
    until(lambda: stopping.held == 1)
    stopping.end()
    polling.join()
    assert answers == ["h"]
    polls.ports = (other.port,)
    Api(other.port).trigger("news", "said", 1)
    assert polls.event() == ("said", 1)


def test_a_node_that_stops_tells_its_streams_to_begin_anew_elsewhere(serve: Serve) -> None:
    stopping, other = serve(**ENVIRON), serve(**ENVIRON)
    streams = Streams(stopping.port).open()
    streams.subscribed(ROOM, member("ann"))
    stopping.process.send_signal(signal.SIGTERM)
    while streams.closed is None:
        assert streams.line() in ("h", "c")
    assert streams.closed[0] == 4200
    streams.leave()
    stopping.end()
    assert Api(other.port).get("channels") == (200, {"channels": {}}), "nobody is left behind"


# -- other servers


@pytest.mark.parametrize("kind", [Polling, Streams])
def test_any_wsgi_server_carries_it(feed: Feed, runtime: Runtime, channels: Channels, kind: type[Xhr]) -> None:
    with on_waitress(create_app(feed, runtime, endpoints=[endpoint()]), threads=8) as port:
        xhr = kind(port).open()
        xhr.subscribed("news")
        channels["news"].publish("said", 1)
        assert xhr.event() == ("said", 1)
        if isinstance(xhr, Polling):
            xhr.leave()
        else:
            feed.stop()  # which ends the stream, so that waitress can end
            assert xhr.event()[0] == "closed"
            xhr.leave()
