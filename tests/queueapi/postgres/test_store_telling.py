"""Progress, and who is told: those who watch a job and those who sleep on a queue."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from queueapi.claims import Claimed
from queueapi.postgres.sessions import Dedicated
from queueapi.postgres.store import Store
from queueapi.postgres.watching import CHANNEL, Watching
from queueapi.records import NewJob, Outcome, Progress
from queueapi.states import State

Sql = Callable[..., list[tuple[Any, ...]]]
WORKER = UUID(int=1)
TTL = 60.0


def new(queue: str = "default", priority: int = 0, delay: float = 0.0, **more: Any) -> NewJob:
    return NewJob(queue, "kind", "{}", priority, 25, delay, None)._replace(**more)


def claim(store: Store, *queues: str, room: int = 10, token: int = 1, worker: UUID = WORKER) -> list[Claimed]:
    return store.claim(queues or ["default"], room, token, worker, 30.0)


def one(store: Store, **more: Any) -> Claimed:
    store.push([new(**more)])
    (job,) = claim(store)
    return job


# -- progress


def test_progress_is_shown_while_its_attempt_runs_and_no_longer(store: Store, sql: Sql) -> None:
    job = one(store)
    assert store.report([Progress(job.id, job.token, 1, None, None)]) == [(job.id, job.token, False)]
    store.report([Progress(job.id, job.token, 40, 100, "reading")])
    assert store.read([job.id])[job.id].progress == {"done": 40, "total": 100, "message": "reading"}
    store.reschedule([Outcome(job.id, job.token, State.AVAILABLE, charged=False)])
    assert store.read([job.id])[job.id].progress is None
    claim(store, token=2)
    assert store.read([job.id])[job.id].progress is None  # of the attempt before
    store.report([Progress(job.id, 2, 5, 10, None)])
    assert store.read([job.id])[job.id].progress == {"done": 5, "total": 10, "message": None}
    store.forget_progress([(job.id, job.token)])  # an attempt that is over takes no other's
    assert len(sql("select * from queueapi.progress")) == 1
    store.forget_progress([(job.id, 2)])
    assert sql("select * from queueapi.progress") == []


def test_progress_leaves_the_jobs_row_alone(store: Store, sql: Sql) -> None:
    job = one(store)
    before = sql("select ctid::text, xmin::text from queueapi.jobs")
    store.report([Progress(job.id, job.token, 1, None, None)])
    assert sql("select ctid::text, xmin::text from queueapi.jobs") == before


# -- those who watch


class Ear:
    def __init__(self, dsn: str, channel: str) -> None:
        self.connection = psycopg.connect(dsn, autocommit=True)
        self.connection.execute(f"listen {channel}".encode())

    def heard(self) -> list[str]:
        self.connection.execute("select 1")
        return [notice.payload for notice in self.connection.notifies(timeout=0)]


@pytest.fixture
def ear(dsn: str) -> Any:
    ear = Ear(dsn, CHANNEL)
    yield ear
    ear.connection.close()


def test_every_verb_tells_whether_somebody_watches_and_only_then_is_notified(
    store: Store, session: Dedicated, ear: Ear
) -> None:
    ids = store.push([new(), new(), new()])
    watching = Watching(session, uuid4())
    watching.stay(60)
    watching.watch([ids[0], ids[1]])
    watching.watch([ids[0]])  # twice is once
    jobs = claim(store, room=2)
    assert sorted(store.report([Progress(job.id, 1, 1, None, None) for job in jobs])) == [
        (ids[0], 1, True),
        (ids[1], 1, True),
    ]
    watching.unwatch([ids[1]])
    rows = store.finish([Outcome(job.id, 1, State.DONE) for job in jobs], TTL)
    assert sorted(rows) == [(ids[0], 1, True), (ids[1], 1, False)]
    assert ear.heard() == []  # never within the statement itself
    store.tell_watchers(rows)
    assert ear.heard() == [str(ids[0])]
    store.cancel(ids[2], TTL)
    assert ear.heard() == []
    watching.leave()
    assert session.run("read_jobs", {"ids": ids})  # the connection is as it was


def test_a_cancelled_job_tells_its_watchers(store: Store, session: Dedicated, ear: Ear) -> None:
    (id_,) = store.push([new()])
    Watching(session, uuid4()).watch([id_])
    store.cancel(id_, TTL)
    assert ear.heard() == [str(id_)]


def test_however_many_are_watched_no_notification_is_too_long(store: Store, ear: Ear) -> None:
    ids = [2**62 + n for n in range(1000)]
    store.tell_watchers([(id_, True) for id_ in ids])
    heard = ear.heard()
    assert [int(id_) for payload in heard for id_ in payload.split(",")] == ids
    assert max(len(payload) for payload in heard) < 8000


# -- those who sleep


def test_a_push_wakes_a_sleeper_of_its_queue_for_each_job_and_nobody_else(dsn: str, store: Store, sql: Sql) -> None:
    ears = {name: Ear(dsn, name) for name in ("mail_a", "mail_b", "default_c", "gone_d")}
    store.sleep("mail_a", ["mail", "default"], 30.0)
    store.sleep("mail_b", ["mail"], 30.0)
    store.sleep("default_c", ["default"], 30.0)
    store.sleep("gone_d", ["mail"], -1.0)
    store.push([new("mail")])
    heard = {name: len(ear.heard()) for name, ear in ears.items()}
    assert heard["mail_a"] + heard["mail_b"] == 1
    store.push([new("mail")] * 50)
    heard = {name: len(ear.heard()) for name, ear in ears.items()}
    assert (heard["mail_a"], heard["mail_b"]) == (1, 1)
    assert (heard["default_c"], heard["gone_d"]) == (0, 0)
    for name in ("mail_a", "mail_b"):
        store.awake(name)
    store.push([new("mail")])
    assert [ear.heard() for ear in ears.values()] == [[], [], [], []]
    for ear in ears.values():
        ear.connection.close()
    assert sql("select count(*) from queueapi.sleepers") == [(2,)]


def test_one_push_to_two_queues_wakes_one_sleeper_for_each(dsn: str, store: Store) -> None:
    one, other = Ear(dsn, "one"), Ear(dsn, "other")
    store.sleep("one", ["a"], 30.0)
    store.sleep("other", ["b"], 30.0)
    store.push([new("a"), new("b"), new("a")])
    assert (len(one.heard()), len(other.heard())) == (1, 1)
    for ear in (one, other):
        ear.connection.close()
