"""Servers that browsers poll, and how each is started. A file that has a list ``SERVERS`` is found by itself."""

from __future__ import annotations

import http.client
import json
import pkgutil
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

from benchmarks.bench import Bench, free_port
from benchmarks.errors import BenchmarkError
from benchmarks.processes import Process

_PATIENCE = 60.0
_HANDSHAKE = {"channel": "/meta/handshake", "version": "1.0", "supportedConnectionTypes": ["long-polling"]}


class Server:
    """A server.

    Attributes:
        name: in tables.
        protocol: that the clients speak with it.
    """

    name: str
    protocol: Literal["native", "bayeux"] = "bayeux"
    ours = False

    def install(self, bench: Bench) -> str:
        """Make it available; its version.

        Raises:
            Unavailable: it is not to be had here.
        """
        raise NotImplementedError

    def words(self, port: int) -> Sequence[str]:
        """The command that serves on that port of the loopback."""
        raise NotImplementedError

    def command(self) -> str:
        """The same, as the document shows it: without the folders of this machine."""
        return " ".join(Path(word).name if Path(word).is_file() else word for word in self.words(0))

    def environment(self, bench: Bench) -> dict[str, str]:
        """Variables for it."""
        return {}

    def publish(self, port: int, channel: str, data: Any) -> None:
        """Say that on a channel, by its own means.

        Raises:
            BenchmarkError: it does not take it, or hangs up.
        """
        with closing(http.client.HTTPConnection("127.0.0.1", port)) as connection:
            for message in (_HANDSHAKE, {"channel": f"/{channel}", "data": data}):
                body = json.dumps([{**message, **self._client(), "id": "1"}])
                try:
                    connection.request("POST", "/faye", body, {"Content-Type": "application/json"})
                    reply = json.loads(connection.getresponse().read())[0]
                except (http.client.HTTPException, OSError) as error:
                    raise BenchmarkError(f"{self.name} does not answer a publication: {error}") from error
                if not reply.get("successful"):
                    raise BenchmarkError(f"{self.name} does not publish: {reply}")
                self._id = reply.get("clientId", self._id)

    _id = ""

    def _client(self) -> dict[str, str]:
        return {"clientId": self._id} if self._id else {}


def servers() -> list[Server]:
    """All that there are, ours first."""
    import benchmarks.peers

    names = [module.name for module in pkgutil.iter_modules(benchmarks.peers.__path__)]
    found = [one for name in names for one in getattr(import_module(f"benchmarks.peers.{name}"), "SERVERS", ())]
    return sorted(found, key=lambda server: not server.ours)


@dataclass(frozen=True)
class Serving:
    """A server that runs."""

    server: Server
    process: Process
    port: int

    @contextmanager
    def clients(
        self, bench: Bench, channels: Sequence[Sequence[str]], wait: float = 45, messages: int = 0
    ) -> Iterator[Process]:
        """Clients that hold a poll each, for the block."""
        file = bench.home / f"channels-{self.port}-{len(channels)}.json"
        file.write_text(json.dumps(channels))
        script = ["-m", "benchmarks.load.clients", self.server.protocol, "127.0.0.1", str(self.port), str(file)]
        options = ["--wait", str(wait), "--messages", str(messages)]
        clients = bench.processes.start(f"clients-{len(channels)}", [bench.tools.own, *script, *options])
        try:
            clients.await_line("held", 240)
            yield clients
        finally:
            clients.stop(patience=2)
            Path(file).unlink()


@contextmanager
def serving(bench: Bench, server: Server) -> Iterator[Serving]:
    """The server, ready, for the block."""
    port = free_port()
    name = "".join(letter if letter.isalnum() else "_" for letter in server.name)
    process = bench.processes.start(name, server.words(port), server.environment(bench))
    try:
        deadline = time.monotonic() + _PATIENCE
        while not _answers(port):
            if not process.alive or time.monotonic() > deadline:
                raise BenchmarkError(f"{server.name} did not start: {process.last_words()}")
            time.sleep(0.05)
        yield Serving(server, process, port)
    finally:
        process.stop()


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True
