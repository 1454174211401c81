"""What the tests of the worker's actors share: events that are kept, and jobs at a stage of their life."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import pytest

from queueapi.claims import Claimed
from queueapi.events import Events
from queueapi.postgres.connection import connect
from queueapi.postgres.sessions import Dedicated
from queueapi.postgres.store import Store
from queueapi.postgres.upkeep import Upkeep
from queueapi.records import NewJob
from queueapi.worker.board import Board, create

WORKER = UUID(int=7)
Sql = Callable[..., list[tuple[Any, ...]]]


def until(condition: Callable[[], Any], what: str, seconds: float = 10.0) -> Any:
    """What the condition gives, once that is something; for what sends no event."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"after {seconds} s still not: {what}"
        time.sleep(0.005)
    return found


class Heard:
    """A subscriber that keeps what it hears."""

    def __init__(self) -> None:
        self.events: list[tuple[str, dict[str, Any]]] = []

    def __call__(self, name: str, fields: dict[str, Any]) -> None:
        self.events.append((name, fields))

    def of(self, name: str) -> list[dict[str, Any]]:
        return [fields for heard, fields in self.events if heard == name]


@pytest.fixture
def upkeep(dsn: str) -> Iterator[Upkeep]:
    """The verbs of supervisors, on a connection that no other thread of the test uses."""
    session = Dedicated(lambda: connect(dsn, "tests", 5))
    yield Upkeep(session)
    session.close()


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def events(heard: Heard) -> Events:
    return Events(heard)


@pytest.fixture
def boards() -> Iterator[tuple[Board, Board]]:
    """One board, as the process has it and as its supervisor has it."""
    fd = create(50)
    yield Board(fd), Board(fd)
    os.close(fd)


@pytest.fixture
def claim(store: Store) -> Callable[..., list[Claimed]]:
    """Push so many jobs and claim them, for a process of the given identity."""

    def run(count: int = 1, worker: UUID = WORKER, lease: float = 30.0, max_attempts: int = 25) -> list[Claimed]:
        store.push([NewJob("default", "kind", f'{{"n": {n}}}', 0, max_attempts, 0.0, None) for n in range(count)])
        return store.claim(["default"], count, 1000, worker, lease)

    return run


Claim = Callable[..., list[Claimed]]
