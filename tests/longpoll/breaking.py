"""A proxy that breaks things, as those do that stand between browsers and servers; and the page that it serves.

What it does to whom is set while it runs: each flag holds for the requests that come from then on.
"""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http import HTTPStatus

PAGE = """<!doctype html><title>a page</title><link rel="icon" href="data:,">
<script src="/longpoll.js"></script><script>
  var got = [], states = [], transports = [], resets = 0, errors = [];
  var asked = JSON.parse(decodeURIComponent(location.search.slice(1)) || '{}');
  var live = LongPoll('', asked.options || {});
  live.onstate(function (state) { states.push(state); });
  live.ontransport(function (transport) { transports.push(transport); });
  live.onreset(function () { resets += 1; });
  live.onerror(function (text) { errors.push(text); });
  function listen(channel) {
    live.subscribe(channel).bind(function (event, data, message) { got.push([message.name || channel, data]); });
  }
  for (var i = 0; i < (asked.channels || []).length; i += 1) { listen(asked.channels[i]); }
</script>"""


@dataclass
class Proxy:
    """Stands before a server, one request a connection.

    Attributes:
        swallow: an upgrade is taken, and never answered.
        refuse: an upgrade is answered as if it were none.
        mute: nothing of what a websocket says gets through, once it is open.
        buffer: an event stream is passed on when it has ended.
        cut: streams and websockets end after so many bytes of what the server says.
        no_post: nothing may be posted.
        requests: "GET /poll" and the like, in order.
        open: how many of each kind are under way.
    """

    upstream: int
    swallow: bool = False
    refuse: bool = False
    mute: bool = False
    buffer: bool = False
    cut: int | None = None
    no_post: bool = False
    requests: list[str] = field(default_factory=list)
    open: dict[str, int] = field(default_factory=dict)
    _sockets: set[socket.socket] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=100)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._accepting = threading.Thread(target=self._accept)
        self._serving: list[threading.Thread] = []
        self._accepting.start()

    def count(self, path: str) -> int:
        """How many requests for it there were."""
        return sum(request.endswith(path) for request in self.requests)

    def drop(self) -> None:
        """End all connections."""
        with self._lock:
            for one in self._sockets:
                with suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._accepting.join()
        self.drop()
        for thread in self._serving:
            thread.join()

    # -- one connection

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=(client,))
            self._serving.append(thread)
            thread.start()

    def _serve(self, client: socket.socket) -> None:
        with self._noted(client), suppress(OSError):
            head, rest = _head(client)
            if not head:
                return
            method, target = head.split(b" ", 2)[:2]
            path = target.decode().partition("?")[0]
            with self._counted(method.decode(), path):
                self._answer(client, head, rest, method, path)

    def _answer(self, client: socket.socket, head: bytes, rest: bytes, method: bytes, path: str) -> None:
        upgrade = b"\r\nupgrade: websocket" in head.lower()
        if upgrade and self.swallow:
            client.recv(1)  # until the browser gives up
        elif upgrade and self.refuse:
            _say(client, HTTPStatus.BAD_REQUEST, "I do not know that protocol.")
        elif method == b"POST" and self.no_post:
            _say(client, HTTPStatus.METHOD_NOT_ALLOWED, "<h1>You shall not post.</h1>")
        elif path == "/":
            _say(client, HTTPStatus.OK, PAGE)
        else:
            with self._noted(socket.create_connection(("127.0.0.1", self.upstream))) as server:
                server.sendall(head if upgrade else _closing(head))
                server.sendall(rest)
                pumping = threading.Thread(target=_pump, args=(client, server))
                pumping.start()
                self._reply(server, client, path)
                for one in (server, client):
                    with suppress(OSError):
                        one.shutdown(socket.SHUT_RDWR)
                pumping.join()

    def _reply(self, server: socket.socket, client: socket.socket, path: str) -> None:
        """Pass on what the server says, or what of it gets through here."""
        head, rest = _head(server)
        stream = path in ("/events", "/socket")
        held = head if self.buffer and path == "/events" else b""
        left = self.cut if stream and self.cut is not None else None
        mute = self.mute and path == "/socket"
        if not held:
            client.sendall(head)
        data = rest or server.recv(65536)
        while data:
            if held:
                held += data
            elif not mute:
                client.sendall(data[:left])
            if left is not None:
                left -= len(data)
                if left <= 0:
                    return
            data = server.recv(65536)
        if held:
            client.sendall(held)

    @contextmanager
    def _counted(self, method: str, path: str) -> Iterator[None]:
        with self._lock:
            self.requests.append(f"{method} {path}")
            self.open[path] = self.open.get(path, 0) + 1
        try:
            yield
        finally:
            with self._lock:
                self.open[path] -= 1

    @contextmanager
    def _noted(self, one: socket.socket) -> Iterator[socket.socket]:
        with self._lock:
            self._sockets.add(one)
        try:
            yield one
        finally:
            with self._lock:
                self._sockets.discard(one)
            one.close()


def _head(one: socket.socket) -> tuple[bytes, bytes]:
    data = b""
    while b"\r\n\r\n" not in data:
        more = one.recv(65536)
        if not more:
            return b"", data
        data += more
    head, _, rest = data.partition(b"\r\n\r\n")
    return head + b"\r\n\r\n", rest


def _closing(head: bytes) -> bytes:
    return re.sub(rb"(?i)\r\nconnection: [^\r]*", b"", head)[:-2] + b"Connection: close\r\n\r\n"


def _say(client: socket.socket, status: HTTPStatus, text: str) -> None:
    body = text.encode()
    client.sendall(
        f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: text/html; charset=utf-8\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode()
        + body
    )


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_RDWR)  # the browser has left
