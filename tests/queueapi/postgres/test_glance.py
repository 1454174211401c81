"""What people look at: processes, and how many jobs there are, as far as anybody counts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from queueapi.postgres import glance as glances
from queueapi.postgres.glance import Glance
from queueapi.postgres.sessions import Dedicated
from queueapi.postgres.store import Store
from queueapi.postgres.upkeep import Upkeep
from queueapi.records import NewJob, Outcome, WorkerRow
from queueapi.states import State

Sql = Callable[..., list[tuple[Any, ...]]]
WORKER, OTHER = UUID(int=1), UUID(int=2)


@pytest.fixture
def glance(session: Dedicated) -> Glance:
    return Glance(session)


def new(queue: str = "default", delay: float = 0.0) -> NewJob:
    return NewJob(queue, "kind", "{}", 0, 25, delay, None)


def test_processes_are_listed_with_what_they_hold_until_they_are_forgotten(
    store: Store, session: Dedicated, glance: Glance
) -> None:
    upkeep = Upkeep(session)
    store.push([new() for _ in range(3)])
    store.claim(["default"], 3, 7, WORKER, 30.0)
    workers = [WorkerRow(WORKER, "host:1", ["mail", "default"], 20), WorkerRow(OTHER, "host:2", ["mail"], 5)]
    upkeep.register(workers)
    upkeep.register(workers)
    rows = glance.workers()
    assert [(name, queues, slots, held) for name, queues, slots, _, _, held in rows] == [
        ("host:1", ["mail", "default"], 20, 3),
        ("host:2", ["mail"], 5, 0),
    ]
    assert all(0 <= seen < 60 and 0 <= up < 60 for _, _, _, up, seen, _ in rows)
    upkeep.forget(WORKER)
    assert [row[0] for row in glance.workers()] == ["host:2"]


def end(store: Store, jobs: list[tuple[str, State]]) -> None:
    for number, (queue, state) in enumerate(jobs):
        (id_,) = store.push([new(queue)])
        store.claim([queue], 1, number, WORKER, 30.0)
        store.finish([Outcome(id_, number, state, error="{}")], 60.0)


def test_jobs_are_counted_by_queue_and_state_over_both_tables(store: Store, glance: Glance) -> None:
    end(store, [("default", State.DONE), ("default", State.DEAD)])
    store.push([new("mail", 60.0), new()])
    assert [(queue, state, number, more) for queue, state, number, _, more in glance.queues()] == [
        ("default", "available", 1, False),
        ("default", "dead", 1, False),
        ("default", "done", 1, False),
        ("mail", "scheduled", 1, False),
    ]


def test_of_what_has_ended_the_latest_are_counted_and_all_the_dead(
    store: Store, glance: Glance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(glances, "ENDED", 3)
    end(store, [("a", State.DONE), ("a", State.DEAD), ("a", State.DEAD), ("b", State.DONE), ("a", State.CANCELLED)])
    assert [(*row[:3], row[4]) for row in glance.queues()] == [
        ("a", "cancelled", 1, True),
        ("a", "dead", 2, False),
        ("a", "done", 1, True),
        ("b", "done", 1, True),
    ]
    end(store, [("b", State.DONE)])
    assert [row[:3] for row in glance.queues() if row[4]] == [("a", "cancelled", 1), ("b", "done", 2)]
