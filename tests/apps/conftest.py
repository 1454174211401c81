"""What the tests in real applications share: the process's own queue on PostgreSQL, and one real worker process."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import conninfo

import queueapi
from queueapi import Queue, Settings
from queueapi.middleware import chain
from queueapi.runtime import Runtime

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))  # for the applications, which workers import by these names as well

Burst = Callable[..., str]


@pytest.fixture
def queue(dsn: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Queue]:
    """``queueapi.queue``, on a database of the test's; and chains of its own."""
    monkeypatch.setattr(chain._performing, "links", ())
    monkeypatch.setattr(chain._pushing, "links", ())
    runtime = Runtime(Settings(database_url=dsn, secrets=("s" * 32,)))
    queueapi.configure(Queue(lambda: runtime))
    yield queueapi.queue
    queueapi.configure()
    runtime.pool.close()


@pytest.fixture
def burst(dsn: str, tmp_path: Path) -> Burst:
    """Let ``queueapi-work MODULE --burst`` do all that is to be done; what it said. A module of this folder."""

    def run(module: str, *words: str, **environment: str) -> str:
        line = [sys.executable, "-c", "import sys; from queueapi.cli import work; sys.exit(work())"]
        done = subprocess.run(
            [*line, module, "--burst", *words],
            env={**os.environ, "PYTHONPATH": str(HERE), "DATABASE_URL": dsn, **environment},
            cwd=tmp_path, capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    return run


@pytest.fixture
def url(dsn: str) -> str:
    """The database, as SQLAlchemy says it."""
    parts = conninfo.conninfo_to_dict(dsn)
    host = f"{parts.get('host', '')}"
    user, name, port = parts.get("user", ""), parts["dbname"], parts.get("port", "5432")
    password = f":{parts['password']}" if "password" in parts else ""
    if host.startswith("/"):
        return f"postgresql+psycopg://{user}{password}@/{name}?host={host}&port={port}"
    return f"postgresql+psycopg://{user}{password}@{host}:{port}/{name}"


@pytest.fixture
def notes(dsn: str) -> Callable[[], list[str]]:
    """What the jobs of a test have noted."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("create table notes (id serial primary key, text text not null)")

    def read() -> list[str]:
        with psycopg.connect(dsn, autocommit=True) as connection:
            return [row[0] for row in connection.execute("select text from notes order by id")]

    return read
