"""Dead jobs in the tables: who is woken and told when they return, and several people at once."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import psycopg
import pytest

from queueapi.postgres.connection import connect
from queueapi.postgres.morgue import Morgue
from queueapi.postgres.sessions import Dedicated
from queueapi.postgres.store import Store
from queueapi.postgres.watching import CHANNEL
from queueapi.records import NewJob, Outcome
from queueapi.states import State

Sql = Callable[..., list[tuple[Any, ...]]]
WORKER = UUID(int=1)


@pytest.fixture
def morgue(session: Dedicated) -> Morgue:
    return Morgue(session)


def die(store: Store, count: int = 1, queue: str = "q") -> list[int]:
    ids = store.push([NewJob(queue, "kind", '{"n": 1}', 4, 3, 0.0, None)] * count)
    store.claim([queue], count, 1, WORKER, 30.0)
    store.finish([Outcome(id_, 1, State.DEAD, error='{"type": "E"}') for id_ in ids], 60.0)
    return ids


def test_what_returns_is_the_row_that_it_was_with_all_its_attempts(store: Store, morgue: Morgue, sql: Sql) -> None:
    (id_,) = die(store)
    ((pushed_at,),) = sql("select pushed_at from queueapi.finished")
    assert morgue.retry([id_, 10**15]) == [id_]
    columns = "id, state, queue, kind, args::text, priority, attempt, max_attempts, error::text, pushed_at, token"
    assert sql(f"select {columns} from queueapi.jobs") == [
        (id_, "available", "q", "kind", '{"n": 1}', 4, 0, 3, '{"type": "E"}', pushed_at, None)
    ]
    assert sql("select * from queueapi.finished") == []


def test_a_job_that_died_returned_and_died_again_is_dead_once(store: Store, morgue: Morgue, sql: Sql) -> None:
    (id_,) = die(store)
    morgue.retry([id_])
    store.claim(["q"], 1, 2, WORKER, 30.0)
    store.finish([Outcome(id_, 2, State.DEAD, error='{"type": "F"}')], 60.0)
    assert [(job.id, job.error) for job in morgue.dead(None, 2**63 - 1, 10)] == [(id_, {"type": "F"})]
    assert sql("select count(*) from queueapi.finished") == [(1,)]


def test_of_several_people_who_retry_the_same_jobs_each_job_returns_once(store: Store, sql: Sql, dsn: str) -> None:
    ids = die(store, 200)

    def retry(_: int) -> list[int]:
        session = Dedicated(lambda: connect(dsn, "tests", 5))
        try:
            return Morgue(session).retry(ids)
        finally:
            session.close()

    with ThreadPoolExecutor(4) as people:
        returned = [id_ for some in people.map(retry, range(4)) for id_ in some]
    assert sorted(returned) == ids
    assert sql("select count(*), count(distinct id) from queueapi.jobs") == [(200, 200)]


def test_a_sleeping_worker_is_woken_and_the_watchers_are_told(
    store: Store, morgue: Morgue, sql: Sql, dsn: str
) -> None:
    ids = die(store, 2)
    store.sleep("bed", ["q"], 60.0)
    for id_ in ids:
        sql("insert into queueapi.watches (watcher, job_id) values (gen_random_uuid(), %s)", id_)
    with psycopg.connect(dsn, autocommit=True) as ear:
        ear.execute(f"listen bed; listen {CHANNEL}".encode())
        morgue.retry(ids[:1])
        morgue.discard(ids[1:], 60.0)
        heard = [(notify.channel, notify.payload) for notify in ear.notifies(timeout=10, stop_after=3)]
    assert sorted(heard) == sorted([("bed", ""), (CHANNEL, str(ids[0])), (CHANNEL, str(ids[1]))])


def test_what_is_given_up_leaves_with_its_day_like_any_outcome(store: Store, morgue: Morgue, sql: Sql) -> None:
    (id_,) = die(store)
    partition = "select tableoid::regclass::text as part, state"
    assert sql(f"{partition} from queueapi.finished") == [("finished_forever", "dead")]
    assert morgue.discard([id_], 65.0) == [id_]
    seconds = "extract(epoch from keep_until - now())::int between 55 and 65"
    ((name, *rest),) = sql(f"{partition}, {seconds} from queueapi.finished")
    assert name != "finished_forever"
    assert rest == ["cancelled", True]
