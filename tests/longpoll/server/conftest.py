"""A real server in its own process, and clients that are plain sockets."""

import json
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

ROOT = Path(__file__).parents[3]


class Reply(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes


class Client:
    """One connection. Every read fails after five seconds."""

    def __init__(self, port: int, receive_buffer: int | None = None) -> None:
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(5)
        try:
            self.socket.connect(("127.0.0.1", port))
        except OSError:
            self.socket.close()
            raise
        self._unread = bytearray()

    def send(self, data: bytes) -> "Client":
        self.socket.sendall(data)
        return self

    def get(self, path: str, *lines: str, method: str = "GET", version: str = "1.1") -> "Client":
        """Sends a request without a body."""
        head = [f"{method} {path} HTTP/{version}", "Host: test", *lines, "", ""]
        return self.send("\r\n".join(head).encode())

    def reply(self, bodiless: bool = False) -> Reply:
        head = self._until(b"\r\n\r\n").decode()
        status_line, *lines = head.rstrip().split("\r\n")
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        body = b""
        if not bodiless and headers.get("transfer-encoding") == "chunked":
            while size := int(self._until(b"\r\n"), 16):
                body += self.take(size + 2)[:-2]
            self.take(2)
        elif not bodiless:
            body = self.take(int(headers.get("content-length", 0)))
        return Reply(int(status_line.split()[1]), headers, body)

    def reply_to(self, path: str, *lines: str, **how: str) -> Reply:
        return self.get(path, *lines, **how).reply(bodiless=how.get("method") == "HEAD")

    def rest(self) -> bytes:
        """Everything until the server closes."""
        while data := self.socket.recv(65536):
            self._unread += data
        return bytes(self._unread)

    def is_closed(self) -> bool:
        """Waits for the server to close; False if it says something instead."""
        try:
            return not self._unread and self.socket.recv(1) == b""
        except ConnectionResetError:
            return True

    def close(self) -> None:
        self.socket.close()

    def _until(self, end: bytes) -> bytes:
        while end not in self._unread:
            self._more()
        found = bytes(self._unread[: self._unread.index(end)])
        del self._unread[: len(found) + len(end)]
        return found

    def take(self, size: int) -> bytes:
        while len(self._unread) < size:
            self._more()
        taken = bytes(self._unread[:size])
        del self._unread[:size]
        return taken

    def _more(self) -> None:
        data = self.socket.recv(65536)
        assert data, f"the server closed in the middle of a reply, after {bytes(self._unread[-200:])!r}"
        self._unread += data


class Process:
    """The server's process, told by lines what to do."""

    def __init__(self, **options: Any) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "gevent.monkey", str(Path(__file__).with_name("app.py")), json.dumps(options)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={"PYTHONPATH": str(ROOT)},
        )
        self.port: int = self.answer_of_command()
        self._clients: list[Client] = []

    def client(self, receive_buffer: int | None = None) -> Client:
        client = Client(self.port, receive_buffer)
        self._clients.append(client)
        return client

    def tell(self, command: str, argument: Any = None) -> Any:
        self.start_telling(command, argument)
        return self.answer_of_command()

    def start_telling(self, command: str, argument: Any = None) -> None:
        assert self._process.stdin
        self._process.stdin.write(json.dumps([command, argument]) + "\n")
        self._process.stdin.flush()

    def answer_of_command(self) -> Any:
        assert self._process.stdout
        return json.loads(self._process.stdout.readline())

    def until(self, **figures: int) -> dict[str, int]:
        """Waits until the server's figures are those, and fails if that never happens."""
        found: dict[str, int] = self.tell("until", figures)
        assert {name: found[name] for name in figures} == figures
        return found

    def leave(self) -> None:
        """Closes all clients."""
        while self._clients:
            self._clients.pop().close()

    def end(self) -> str:
        """Stops it and returns what it wrote to its standard error; nothing the second time."""
        self.leave()
        if self._process.returncode is not None:
            return ""
        try:
            return self._process.communicate(timeout=10)[1]
        except subprocess.TimeoutExpired:
            self._process.kill()
            raise


Serve = Callable[..., Process]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Starts servers with the options given; each must end without a word on its standard error."""
    processes: list[Process] = []

    def start(**options: Any) -> Process:
        processes.append(Process(**options))
        return processes[-1]

    yield start
    for process in processes:
        assert process.end() == ""


@pytest.fixture(scope="module")
def shared_server() -> Iterator[Process]:
    process = Process()
    yield process
    assert process.end() == ""


@pytest.fixture
def server(shared_server: Process) -> Iterator[Process]:
    """A server with its usual options, which it may not leave busy."""
    yield shared_server
    shared_server.leave()
    shared_server.tell("start_anew")
