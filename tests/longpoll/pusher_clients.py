"""Clients of Pusher's protocol, as plain as can be: they show what is on the wire."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from queue import SimpleQueue
from secrets import randbelow, token_hex
from typing import Any

from websockets.sync.client import ClientConnection, connect

from tests.longpoll.pusher_peer import ADDRESS, KEY, KEYS, Event


def read(frame: str) -> dict[str, Any]:
    """A frame, its data as clients read it."""
    event: dict[str, Any] = json.loads(frame)
    if isinstance(event.get("data"), str):
        try:
            event["data"] = json.loads(event["data"])
        except ValueError:
            pass
    return event


class Client:
    """What all clients say, whatever carries it."""

    socket_id = ""
    closed: list[Any] | None = None

    def say(self, event: str, data: Any = None, channel: str | None = None) -> None:
        frame = {"event": event, "data": {} if data is None else data}
        self.send(json.dumps(frame if channel is None else {**frame, "channel": channel}))

    def send(self, text: str) -> None:
        raise NotImplementedError

    def hear(self, seconds: float = 20.0) -> dict[str, Any]:
        """The next frame."""
        raise NotImplementedError

    def established(self) -> None:
        event = self.hear()
        assert event["event"] == "pusher:connection_established", event
        self.socket_id = event["data"]["socket_id"]

    def subscribe(self, channel: str, channel_data: str | None = None, auth: str | None = None) -> None:
        data = {"channel": channel}
        if auth is None and channel.startswith(("private-", "presence-")):
            auth = KEYS.channel(self.socket_id, channel, channel_data)
        if auth is not None:
            data["auth"] = auth
        if channel_data is not None:
            data["channel_data"] = channel_data
        self.say("pusher:subscribe", data)

    def subscribed(self, channel: str, channel_data: str | None = None) -> Any:
        """Subscribe, and what the client is told of the channel."""
        self.subscribe(channel, channel_data)
        event = self.hear()
        assert event["event"] == "pusher_internal:subscription_succeeded", event
        assert event["channel"] == channel
        return event["data"]

    def sign_in(self, id_: str, **more: Any) -> dict[str, Any]:
        user_data = json.dumps({"id": id_, **more})
        self.say("pusher:signin", {"auth": KEYS.user(self.socket_id, user_data), "user_data": user_data})
        return self.hear()

    def event(self) -> Event:
        """The next frame's event and data."""
        found = self.hear()
        return found["event"], found["data"]

    def has_heard_all(self) -> bool:
        """Whether nothing else was on its way: what is answered now comes next."""
        self.say("pusher:ping")
        return bool(self.hear()["event"] == "pusher:pong")


class Socket(Client):
    """Over a websocket."""

    def __init__(self, websocket: ClientConnection) -> None:
        self.websocket = websocket

    def send(self, text: str) -> None:
        self.websocket.send(text)

    def hear(self, seconds: float = 20.0) -> dict[str, Any]:
        return read(str(self.websocket.recv(timeout=seconds)))


@contextmanager
def websocket(port: int, address: str = ADDRESS, **words: Any) -> Iterator[Socket]:
    """A websocket, before anything is heard on it."""
    with connect(f"ws://127.0.0.1:{port}{address}", proxy=None, ping_interval=None, **words) as client:
        yield Socket(client)


@contextmanager
def client(port: int) -> Iterator[Socket]:
    """A client that is connected."""
    with websocket(port) as found:
        found.established()
        yield found


class Xhr(Client):
    """Without a websocket: each request goes to the next of the ports, which may be different nodes."""

    def __init__(self, *ports: int, session: str | None = None) -> None:
        self.ports = ports
        self.session = session or f"{randbelow(1000)}/{token_hex(4)}"
        self._turn = 0
        self._heard: list[dict[str, Any]] = []

    def address(self, what: str) -> str:
        query = "" if what == "xhr_send" else "?protocol=7&client=js&version=8.6.0&t=1&n=1"
        return f"/pusher/app/{KEY}/{self.session}/{what}{query}"

    def request(self, what: str, body: bytes = b"") -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
        self._turn += 1
        connection = http.client.HTTPConnection("127.0.0.1", self.ports[self._turn % len(self.ports)], timeout=60)
        connection.request("POST", self.address(what), body, {"Content-Type": "application/json"})
        return connection, connection.getresponse()

    def post(self, what: str, body: bytes = b"") -> tuple[int, bytes]:
        connection, response = self.request(what, body)
        text = response.read()
        connection.close()
        return response.status, text

    def send(self, text: str) -> None:
        status, answer = self.post("xhr_send", json.dumps([text]).encode())
        assert status == 204, answer

    def take(self, line: bytes) -> str:
        """A line, and what kind it is."""
        kind, rest = line[:1].decode(), line[1:]
        if kind == "a":
            self._heard += [read(frame) for frame in json.loads(rest)]
        elif kind == "c":
            self.closed = json.loads(rest)
        return kind

    def open(self) -> Xhr:
        raise NotImplementedError

    def leave(self) -> None:
        """Close what is open."""


class Polls(Xhr):
    """One poll after another."""

    def poll(self) -> str:
        """What kinds of lines came."""
        status, text = self.post("xhr")
        assert status == 200, text
        return "".join(self.take(line) for line in text.splitlines())

    def hear(self, seconds: float = 20.0) -> dict[str, Any]:
        while not self._heard:
            if self.closed is not None:
                return {"event": "closed", "data": self.closed}
            self.poll()
        return self._heard.pop(0)

    def open(self) -> Polls:
        assert self.poll() == "o"
        self.established()
        return self


class Polling(Polls):
    """One poll after another, by itself, as clients do."""

    def open(self) -> Polling:
        assert self.poll() == "o"
        self._frames: SimpleQueue[dict[str, Any]] = SimpleQueue()
        self._leaving = False
        self._thread = threading.Thread(target=self._go_on)
        self._thread.start()
        self.established()
        return self

    def _go_on(self) -> None:
        while self.closed is None and not self._leaving:
            self.poll()
            while self._heard:
                self._frames.put(self._heard.pop(0))
        self._frames.put({"event": "closed", "data": self.closed})

    def hear(self, seconds: float = 20.0) -> dict[str, Any]:
        return self._frames.get(timeout=seconds)

    def leave(self) -> None:
        already, self._leaving = self._leaving, True
        if self.closed is None and not already:
            self.say("pusher:ping")  # which answers the poll that is held
        self._thread.join()


class Streams(Xhr):
    """One stream, and when it is as long as it may be, another."""

    def stream(self) -> None:
        self._connection, self._response = self.request("xhr_streaming")
        assert self._response.status == 200
        self.length = 0

    def line(self) -> str:
        line = self._response.readline()
        if not line:
            return "end"
        self.length += len(line.decode().encode("utf-16-le")) // 2
        return self.take(line)

    def hear(self, seconds: float = 20.0) -> dict[str, Any]:
        while not self._heard:
            if self.closed is not None:
                return {"event": "closed", "data": self.closed}
            assert self.line() != "end"
        return self._heard.pop(0)

    def open(self) -> Streams:
        self.stream()
        assert self.line() == "h"
        assert self.line() == "o"
        self.established()
        return self

    def leave(self) -> None:
        self._response.close()
        self._connection.close()
