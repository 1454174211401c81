"""What every measurement is handed: a server, a place for processes, and a voice."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from benchmarks.processes import Processes


@dataclass(frozen=True)
class Bench:
    """One run.

    Attributes:
        dsn: the URL of a PostgreSQL of the run's own, durable, as superuser.
        home: ``.bench``, for what is built and written.
        quick: fewer jobs and rounds.
        say: shows a line of progress.
        notes: what stands below the table: versions, and what was left out.
    """

    dsn: str
    home: Path
    quick: bool
    processes: Processes
    say: Callable[[str], None]
    notes: list[str] = field(default_factory=list)

    def note(self, text: str) -> None:
        """Add a line to what stands below the table."""
        self.notes.append(text)

    def database(self, name: str) -> str:
        """The URL of a new and empty database; one of that name goes first."""
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            for statement in ("drop database if exists {} with (force)", "create database {}"):
                connection.execute(sql.SQL(statement).format(sql.Identifier(name)))
        return urlsplit(self.dsn)._replace(path=f"/{name}").geturl()


class Voice:
    """Progress on standard error: on a terminal one line that changes, elsewhere a line each."""

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()

    def say(self, text: str) -> None:
        """Say what is being done now."""
        if self._terminal:
            print(f"\r\x1b[K  {text[:110]}", end="", file=sys.stderr, flush=True)
        else:
            print(f"  {text}", file=sys.stderr, flush=True)

    def hush(self) -> None:
        """Clear the line."""
        if self._terminal:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
