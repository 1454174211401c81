"""Bayeux over event streams and websockets, at real servers: what comes, and how another goes on with it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from typing import Any

import pytest
from websockets.sync.client import ClientConnection, connect

from longpoll.log import Channels
from tests.longpoll.serving import Service

pytestmark = pytest.mark.system

Serve = Callable[..., Service]
HANDSHAKE = {
    "channel": "/meta/handshake",
    "version": "1.0",
    "supportedConnectionTypes": ["callback-polling"],
    "id": "1",
}


def post(port: int, *messages: Any) -> Any:
    connection = HTTPConnection("127.0.0.1", port, timeout=40)
    connection.request("POST", "/faye", json.dumps(messages), {"Content-Type": "application/json"})
    replies = json.loads(connection.getresponse().read())
    connection.close()
    return replies


class Stream:
    """Faye's EventSource."""

    def __init__(self, port: int, client: str, last: str = "") -> None:
        self._connection = HTTPConnection("127.0.0.1", port, timeout=40)
        headers = {"Accept": "text/event-stream", **({"Last-Event-ID": last} if last else {})}
        self._connection.request("GET", f"/faye/{client}", headers=headers)
        self.response = self._connection.getresponse()
        self.last = ""

    def next(self) -> Any:
        """The next messages; None at the end."""
        for line in self.response:
            field, _, value = line.decode().rstrip("\n").partition(": ")
            if field == "id":
                self.last = value
            elif field == "data":
                return json.loads(value)
        return None

    def close(self) -> None:
        self.response.close()
        self._connection.close()


def test_an_event_stream_tells_what_comes_and_goes_on_elsewhere(serve: Serve, channels: Channels) -> None:
    one, other = serve("--publish", "/**"), serve("--publish", "/**")
    client = post(one.port, HANDSHAKE)[0]["clientId"]
    who = {"clientId": client}
    post(one.port, {"channel": "/meta/subscribe", "subscription": "/news", **who})
    stream = Stream(one.port, client)
    assert stream.response.headers["Content-Type"] == "text/event-stream; charset=utf-8"
    channels["news"].publish("message", 1)
    assert stream.next() == [{"channel": "/news", "data": 1}]
    (told,) = post(one.port, {"channel": "/meta/connect", "connectionType": "eventsource", **who})
    assert told["advice"] == {"reconnect": "retry", "interval": 25_000, "timeout": 0}
    channels["news"].publish("message", 2)
    assert stream.next() == [{"channel": "/news", "data": 2}]
    back = Stream(other.port, client, stream.last)
    assert stream.next() is None  # the other has the session now
    channels["news"].publish("message", 3)
    assert back.next() == [{"channel": "/news", "data": 3}]
    (told,) = post(one.port, {"channel": "/meta/connect", "connectionType": "eventsource", **who})
    assert told["successful"]  # which does not take the session back
    channels["news"].publish("message", 4)
    assert back.next() == [{"channel": "/news", "data": 4}]
    for open_stream in (stream, back):
        open_stream.close()
    unknown = Stream(other.port, "f" * 40)
    assert unknown.response.status == 404
    unknown.close()


@contextmanager
def socket(port: int) -> Iterator[ClientConnection]:
    with connect(f"ws://127.0.0.1:{port}/faye", proxy=None) as client:
        yield client


def say(client: ClientConnection, *messages: Any) -> Any:
    client.send(json.dumps(messages))
    return json.loads(client.recv(timeout=40))


def test_a_websocket_carries_everything_and_goes_on_on_another(serve: Serve, channels: Channels) -> None:
    one, other = serve(), serve()
    connects = {"channel": "/meta/connect", "connectionType": "websocket"}
    with socket(one.port) as client:
        (told,) = say(client, HANDSHAKE | {"supportedConnectionTypes": ["websocket"]})
        assert "websocket" in told["supportedConnectionTypes"]
        connects["clientId"] = told["clientId"]
        say(client, {"channel": "/meta/subscribe", "subscription": "/news", "clientId": told["clientId"]})
        assert len(say(client, connects | {"id": "1"})) == 1
        client.send(json.dumps([connects | {"id": "2"}]))
        assert say(client, *[]) == []  # as old clients ask whether anybody is there, while the connect waits
        beside = other.browser("news")
        beside.poll(0)
        beside.ask()
        channels["news"].publish("message", 1)
        told, event = json.loads(client.recv(timeout=40))
        assert (told["id"], event) == ("2", {"channel": "/news", "data": 1})
        assert beside.answer() == [("message", 1)]  # the other has heard of it as well
    with socket(other.port) as client:
        told, event = say(client, connects | {"id": "2"})  # it does not know whether that arrived
        assert event == {"channel": "/news", "data": 1}
        client.send(json.dumps([connects | {"id": "3"}]))
        channels["news"].publish("message", 2)
        answers = json.loads(client.recv(timeout=40))
        if len(answers) == 1:
            answers = say(client, connects | {"id": "4"})
        assert answers[1:] == [{"channel": "/news", "data": 2}]


def test_nonsense_on_a_websocket_is_answered_and_harms_nothing(serve: Serve) -> None:
    with socket(serve().port) as client:
        for nonsense in ("", "{", "7", '[{"channel": 7}]', '{"channel": "/meta/x"}'):
            client.send(nonsense)
            assert json.loads(client.recv(timeout=40))[0]["successful"] is False
        assert say(client, HANDSHAKE)[0]["successful"]
