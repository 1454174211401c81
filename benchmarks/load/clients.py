"""Long-polling clients by the thousand, on raw sockets and one epoll: a script, started by the measurements.

It speaks the native dialect and Bayeux (Faye's). Each client opens its session, polls, and polls again whenever it was
answered. Says "held N" a second after all have a poll open. Then, for every message that all have got, "message NUMBER"
and how long it took from the time that stands in it (``{"n": NUMBER, "t": monotonic seconds}``) to the client, in
milliseconds: p50, p99, the longest; and after so many messages "all" with the same of all together.

Cheap on purpose, since it runs on the cores that it measures: the time is taken when a reply's bytes are read, and what
is in them is looked at when nothing else is to be read.
"""

from __future__ import annotations

import argparse
import json
import resource
import select
import socket
import sys
import time
from collections import deque
from pathlib import Path
from typing import Any

# Sessions that are being opened at once: a page's visitors do not all come in one moment.
_AT_ONCE = 100
# Client addresses: one has some 28,000 ports, and those of a run before are not free at once.
_ADDRESSES = 16

_HEAD = "POST {} HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n"


class Client:
    """A browser: its connection, and how far its session is."""

    __slots__ = ("asked", "buffer", "channels", "cursor", "number", "seen", "socket", "step")

    def __init__(self, number: int, channels: list[str]) -> None:
        self.number, self.channels = number, channels
        self.socket: socket.socket | None = None
        self.buffer = b""
        self.asked = self.step = 0
        self.cursor: str | None = None
        self.seen: set[int] = set()


class Native:
    """POST /poll."""

    def __init__(self, wait: float) -> None:
        self._wait = wait

    def next(self, client: Client) -> tuple[str, object]:
        """Where to post what."""
        wait = self._wait if client.step else 0
        return "/poll", {"channels": client.channels, "cursor": client.cursor, "wait": wait}

    def read(self, client: Client, reply: Any) -> list[Any]:
        """The data of its messages."""
        client.step = 1
        client.cursor = reply["cursor"]
        return [message["data"] for message in reply["messages"]]


class Bayeux:
    """POST /faye: handshake, subscribe, connect, connect, ..."""

    def __init__(self, wait: float) -> None:
        del wait  # it is the server that says

    def next(self, client: Client) -> tuple[str, object]:
        if client.step == 0:
            types = ["long-polling"]
            message: dict[str, Any] = {
                "channel": "/meta/handshake",
                "version": "1.0",
                "supportedConnectionTypes": types,
            }
        elif client.step == 1:
            message = {"channel": "/meta/subscribe", "subscription": [f"/{name}" for name in client.channels]}
        else:
            message = {"channel": "/meta/connect", "connectionType": "long-polling"}
        if client.cursor:
            message["clientId"] = client.cursor
        client.asked += 1
        return "/faye", [{**message, "id": str(client.asked)}]

    def read(self, client: Client, reply: Any) -> list[Any]:
        for message in reply:
            if message.get("successful") is False:
                sys.exit(f"the server answered {message}")
        if client.step == 0:
            client.cursor = reply[0]["clientId"]
        client.step = min(client.step + 1, 2)
        return [message["data"] for message in reply if not message["channel"].startswith("/meta/")]


class Load:
    """1. opens sessions, some at a time; 2. notes what is read and when; 3. polls again; 4. tells what all have got."""

    def __init__(
        self, protocol: Native | Bayeux, address: tuple[str, int], wanted: list[list[str]], count: int
    ) -> None:
        self._protocol, self._address, self._count = protocol, address, count
        self._clients = [Client(number, channels) for number, channels in enumerate(wanted)]
        self._closed = deque(self._clients)
        self._opening = self._held = 0
        self._all_held_at = 0.0
        self._epoll = select.epoll()
        self._by_fd: dict[int, Client] = {}
        self._arrived: list[tuple[Client, float, bytes]] = []
        self._got: dict[int, list[float]] = {}
        self._all: list[float] = []
        self._told = 0

    def run(self) -> None:
        """Until killed, or all messages were told."""
        while self._told < self._count or not self._count:
            while self._closed and self._opening < _AT_ONCE:
                self._opening += 1
                self._connect(self._closed.popleft())
            events = self._epoll.poll(0 if self._arrived else 0.05, 1024)
            for fd, _ in events:
                client = self._by_fd[fd]
                assert client.socket
                data = client.socket.recv(65536)
                self._arrived.append((client, time.monotonic(), data))
            if not events:
                self._catch_up()
            self._say_held()

    # -- 1. opening

    def _connect(self, client: Client) -> None:
        client.socket = socket.socket()
        client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client.socket.setsockopt(socket.SOL_IP, 24, 1)  # IP_BIND_ADDRESS_NO_PORT: the port is chosen by connect
        client.socket.bind((f"127.0.0.{2 + client.number % _ADDRESSES}", 0))
        client.socket.connect(self._address)
        self._by_fd[client.socket.fileno()] = client
        self._epoll.register(client.socket, select.EPOLLIN)
        self._post(client)

    def _post(self, client: Client) -> None:
        path, body = self._protocol.next(client)
        raw = json.dumps(body).encode()
        assert client.socket
        client.socket.sendall(_HEAD.format(path, len(raw)).encode() + raw)

    # -- 2. and 3. what came

    def _catch_up(self) -> None:
        arrived, self._arrived = self._arrived, []
        for client, at, data in arrived:
            if not data:
                sys.exit(f"the server closed the connection of client {client.number}")
            client.buffer += data
            if (body := _body(client)) is not None:
                self._take(client, at, body)

    def _take(self, client: Client, at: float, body: bytes) -> None:
        opened = client.step
        messages = self._protocol.read(client, json.loads(body))
        if client.step != opened and client.step == (1 if isinstance(self._protocol, Native) else 2):
            self._opening -= 1
            self._held += 1
        for message in messages:
            number = message["n"]
            if number in client.seen:
                sys.exit(f"client {client.number} got message {number} twice")
            client.seen.add(number)
            self._note(number, (at - message["t"]) * 1000)
        self._post(client)

    def _note(self, number: int, took: float) -> None:
        got = self._got.setdefault(number, [])
        got.append(took)
        if len(got) == len(self._clients):
            self._all += got
            self._told += 1
            print("message", number, *_told(got), flush=True)
            if self._told == self._count:
                print("all", len(self._all), *_told(self._all), flush=True)

    # -- 4. telling

    def _say_held(self) -> None:
        if self._held < len(self._clients) or self._all_held_at < 0:
            return
        if not self._all_held_at:
            self._all_held_at = time.monotonic()
        elif time.monotonic() - self._all_held_at > 1:
            self._all_held_at = -1
            print("held", self._held, flush=True)


def _body(client: Client) -> bytes | None:
    """The reply in the buffer, if it is whole, taken out of it."""
    head, separator, rest = client.buffer.partition(b"\r\n\r\n")
    if not separator:
        return None
    lines = head.split(b"\r\n")
    if b" 200" not in lines[0]:
        sys.exit(f"the server answered {client.buffer[:300]!r}")
    fields = {name.lower(): value.strip() for name, _, value in (line.partition(b":") for line in lines[1:])}
    if b"content-length" in fields:
        length = int(fields[b"content-length"])
        if len(rest) < length:
            return None
        client.buffer = rest[length:]
        return rest[:length]
    return _chunks(client, rest)


def _chunks(client: Client, rest: bytes) -> bytes | None:
    body = b""
    while True:
        size, line, rest = rest.partition(b"\r\n")
        if not line:
            return None
        length = int(size, 16)
        if len(rest) < length + 2:
            return None
        body, rest = body + rest[:length], rest[length + 2 :]
        if not length:
            client.buffer = rest
            return body


def _told(values: list[float]) -> tuple[str, ...]:
    ordered = sorted(values)
    chosen = (ordered[len(ordered) // 2], ordered[int(len(ordered) * 0.99)], ordered[-1])
    return tuple(f"{value:.2f}" for value in chosen)


def main() -> None:
    """Hold them."""
    parser = argparse.ArgumentParser()
    parser.add_argument("protocol", choices=["native", "bayeux"])
    parser.add_argument("host")
    parser.add_argument("port", type=int)
    parser.add_argument("file", type=Path, help="JSON: a list of channels for each client")
    parser.add_argument("--wait", type=float, default=45)
    parser.add_argument("--messages", type=int, default=0, help="end after so many; 0: never")
    arguments = parser.parse_args()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    wanted = json.loads(arguments.file.read_text())
    protocol = (Native if arguments.protocol == "native" else Bayeux)(arguments.wait)
    Load(protocol, (arguments.host, arguments.port), wanted, arguments.messages).run()


if __name__ == "__main__":
    main()
