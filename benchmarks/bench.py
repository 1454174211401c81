"""What every measurement is handed: a server, peers' tools, a place for processes, and a voice."""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from benchmarks.errors import Unavailable
from benchmarks.processes import Processes
from benchmarks.tools import Tools


@dataclass(frozen=True)
class Bench:
    """One run.

    Attributes:
        dsn: the URL of a PostgreSQL of the run's own, durable, as superuser.
        log: the file that this server writes its log to.
        home: ``.bench``, for what is built and written.
        quick: fewer jobs and rounds.
        tools: brings what peers need.
        say: shows what is being done.
        only: beginnings of peers' names; empty for all of them.
        skipped: who cannot be measured, and why.
    """

    dsn: str
    log: Path
    home: Path
    quick: bool
    processes: Processes
    tools: Tools
    say: Callable[[str], object]
    only: Sequence[str] = ()
    skipped: dict[str, str] = field(default_factory=dict)
    _redis: list[str] = field(default_factory=list)

    def database(self, name: str) -> str:
        """The URL of a new and empty database; one of that name goes first."""
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            for statement in ("drop database if exists {} with (force)", "create database {}"):
                connection.execute(sql.SQL(statement).format(sql.Identifier(name)))
        return urlsplit(self.dsn)._replace(path=f"/{name}").geturl()

    def redis(self) -> str:
        """The URL of a Redis of the run's own, which keeps nothing on disk: its fastest.

        Raises:
            Unavailable: it is not to be had here.
        """
        if not self._redis:
            program = self.tools.program("redis-server", "redis-server")
            port = free_port()
            folder = self.home / "redis"
            folder.mkdir(parents=True, exist_ok=True)
            options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
            server = self.processes.start("redis", [program, *options, "--dir", str(folder.resolve())])
            server.await_line("Ready to accept connections")
            self._redis.append(f"redis://127.0.0.1:{port}/0")
        return self._redis[0]

    def pick(self, quick: int, full: int) -> int:
        """A size, for this form of the run."""
        return quick if self.quick else full

    def wants(self, name: str, ours: bool) -> bool:
        """Whether a peer shall take part. Ours and the yardsticks always do."""
        always = ours or name.startswith("plain ")
        return always or not self.only or any(name.lower().startswith(word.lower()) for word in self.only)

    def attempt(self, name: str, install: Callable[[], str]) -> str | None:
        """Install a peer: its version, or None, and why it is left out is noted."""
        self.say(f"looking for {name}")
        try:
            return install()
        except Unavailable as reason:
            self.skipped[name] = str(reason)
            return None


def free_port() -> int:
    """Of the loopback, free a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    return port
