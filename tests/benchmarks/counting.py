"""What a server was asked: every statement is in its log."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from queueapi.embedded import EmbeddedPostgres
from queueapi.postgres.statements import statement

WORKER = [sys.executable, "-m", "queueapi", "work", "benchmarks.workload"]
_ENTRY = re.compile(r"LOG:  (?:statement|execute [^:]+): (.*)")


class Statements:
    """Those that the server has got, from now on.

    Args:
        server: of the test's own; logs the statements of connections that are opened from now on.
    """

    def __init__(self, server: EmbeddedPostgres) -> None:
        self._log = server.log
        with psycopg.connect(server.dsn, autocommit=True) as connection:
            connection.execute("alter database postgres set log_statement = 'all'")
        self.forget()

    def forget(self) -> None:
        """Count from here."""
        self._from = self._log.stat().st_size

    def all(self) -> list[str]:
        """The first line of each."""
        with self._log.open("rb") as file:
            file.seek(self._from)
            text = file.read().decode("utf-8", "replace")
        whole = text[: text.rfind("\n") + 1]  # what is being written at this moment is not
        return [found[1] for line in whole.splitlines() if (found := _ENTRY.search(line))]

    def count(self, verb: str) -> int:
        """How many were of that verb."""
        return self.all().count(_first_line(verb))

    def await_count(self, verb: str, count: int, seconds: float = 60.0) -> None:
        """Wait until there were so many of that verb."""
        deadline = time.monotonic() + seconds
        while self.count(verb) < count:
            assert time.monotonic() < deadline, f"{self.count(verb)} {verb} in {seconds} s"
            time.sleep(0.01)


def _first_line(verb: str) -> str:
    return statement(verb).splitlines()[0]


def burst(dsn: str) -> None:
    """Let a worker run all that waits, and end."""
    words = [*WORKER, "--burst", "-c", "20"]
    done = subprocess.run(words, env={**os.environ, "DATABASE_URL": dsn}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@contextmanager
def running(command: list[str], **environ: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process, for the block."""
    process = subprocess.Popen(command, env={**os.environ, **environ}, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(20)
