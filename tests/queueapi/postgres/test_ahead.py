"""What there is to do, in one look."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from queueapi.postgres.ahead import Ahead, look_ahead
from queueapi.postgres.batching import Batching, Callbacks
from queueapi.postgres.sessions import Dedicated
from queueapi.postgres.store import Store
from queueapi.records import NewJob

Sql = Callable[..., list[tuple[Any, ...]]]

NOTHING = Ahead(None, None, False, False, False)
BLOCKED = "update queueapi.jobs set state = 'blocked', blocked_by = %s"


@pytest.fixture
def look(session: Dedicated) -> Callable[[], Ahead]:
    return lambda: look_ahead(session, [UUID(int=1)])


def test_where_there_is_nothing_there_is_nothing_to_do(look: Callable[[], Ahead]) -> None:
    assert look() == NOTHING


def test_the_next_scheduled_job_is_seen_and_when_it_is_due(look: Callable[[], Ahead], store: Store) -> None:
    store.push([NewJob("default", "kind", "{}", 0, 25, delay, None) for delay in (60.0, 3600.0)])
    ahead = look()
    assert ahead.scheduled is not None
    assert 50 < ahead.scheduled <= 60
    assert ahead._replace(scheduled=None) == NOTHING


def test_an_available_job_is_seen_in_whatever_queue(look: Callable[[], Ahead], store: Store) -> None:
    store.push([NewJob("other", "kind", "{}", 0, 25, 0.0, None)])
    assert look() == NOTHING._replace(available=True)


@pytest.mark.parametrize(
    ("reason", "seen"), [("limit:key", True), ("kind:kind", True), ("job:7", False), ("limiu", False)]
)
def test_what_a_limit_or_a_pause_blocks_is_seen_and_what_follows_another_job_is_not(
    look: Callable[[], Ahead], store: Store, sql: Sql, reason: str, seen: bool
) -> None:
    store.push([NewJob("default", "kind", "{}", 0, 25, 0.0, None)])
    sql(BLOCKED, reason)
    assert look() == NOTHING._replace(blocked=seen)


def test_a_batch_is_seen_until_it_is_over(look: Callable[[], Ahead], session: Dedicated) -> None:
    batching = Batching(session)
    id_ = batching.open(None, Callbacks())
    assert look() == NOTHING._replace(open=True)
    batching.complete([id_])
    assert look() == NOTHING
