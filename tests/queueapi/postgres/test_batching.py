"""The end of a batch: once, whoever ends the last jobs at the same time, and whatever dies in between."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import psycopg
import pytest

from queueapi.events import Events
from queueapi.postgres.batching import Batching, Callbacks, Unreadable
from queueapi.postgres.connection import connect
from queueapi.postgres.sessions import Borrowed, Dedicated
from queueapi.postgres.statements import statement
from queueapi.postgres.store import Store
from queueapi.postgres.upkeep import Upkeep
from queueapi.records import NewJob, Outcome, Special
from queueapi.states import State
from queueapi.worker.maintenance import Maintenance

Sql = Callable[..., list[tuple[Any, ...]]]
Open = Callable[[], Dedicated]
TTL = 3600.0
WORKER = UUID(int=7)

CALLBACKS = "select kind, previous ->> 'id' from queueapi.jobs where kind like 'on_%%' order by id"


def until(condition: Callable[[], Any], what: str, seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"after {seconds} s still not: {what}"
        time.sleep(0.005)


def new(kind: str, batch: int | None = None, queue: str = "default") -> NewJob:
    special = None if batch is None else Special(batch_id=batch)
    return NewJob(queue, kind, "{}", 0, 1, 0.0, None, special)


@pytest.fixture
def another(dsn: str) -> Iterator[Open]:
    """More connections of the test's own."""
    made: list[Dedicated] = []

    def open_() -> Dedicated:
        made.append(Dedicated(lambda: connect(dsn, "tests", 5)))
        return made[-1]

    yield open_
    for session in made:
        session.close()


class Bundle:
    """A batch with so many jobs, and callbacks for both ends."""

    def __init__(self, session: Dedicated, jobs: int, parent: int | None = None) -> None:
        self.store, self.batching = Store(session), Batching(session)
        self.id = self.batching.open(parent, Callbacks([new("on_success")], [new("on_complete")]))
        self.queue = f"q{self.id}"
        ids = self.store.push([new("k", self.id, self.queue) for _ in range(jobs)]) if jobs else []
        self.batching.note(self.id, list(ids), 0)
        self.claimed = self.store.claim([self.queue], jobs, self.id, WORKER, 30.0)

    def end(self, session: Dedicated, number: int, state: State = State.DONE) -> None:
        """One of its jobs ends, and nobody looks after the batch."""
        job = self.claimed[number]
        assert Store(session).finish([Outcome(job.id, job.token, state, error="{}")], TTL)


def test_of_many_that_end_the_last_jobs_at_once_exactly_one_completes_the_batch(
    session: Dedicated, another: Open, sql: Sql
) -> None:
    threads, rounds = 8, 15
    bundles = [Bundle(session, threads) for _ in range(rounds)]
    barrier = threading.Barrier(threads)

    def work(number: int) -> None:
        mine = another()
        for bundle in bundles:
            barrier.wait(20)
            bundle.end(mine, number)
            Batching(mine).complete([bundle.id])

    workers = [threading.Thread(target=work, args=(number,)) for number in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sorted(sql(CALLBACKS)) == sorted(
        (kind, str(bundle.id)) for bundle in bundles for kind in ("on_complete", "on_success")
    )
    assert sql("select count(*) from queueapi.batches where over") == [(rounds,)]


def test_who_comes_second_waits_for_the_first_looks_again_and_finds_nothing_to_do(
    session: Dedicated, another: Open, dsn: str, sql: Sql
) -> None:
    bundle = Bundle(session, 1)
    bundle.end(session, 0)
    with psycopg.connect(dsn) as first:
        first.execute(statement("lock_batches"), {"ids": [bundle.id]})
        second = threading.Thread(target=Batching(another()).complete, args=([bundle.id],))
        second.start()
        until(lambda: sql("select 1 from pg_stat_activity where wait_event_type = 'Lock'"), "it waits")
        first.execute(statement("complete_batches"), {"ids": [bundle.id]})
    second.join(10)
    assert not second.is_alive()
    assert sql(CALLBACKS) == []  # the first had them, and this one pushes none
    assert sql("select over from queueapi.batches") == [(True,)]


def test_who_completes_it_waits_for_who_adds_to_it_and_then_leaves_it_open(
    session: Dedicated, another: Open, dsn: str, sql: Sql
) -> None:
    bundle = Bundle(session, 1)
    bundle.end(session, 0)
    with psycopg.connect(dsn) as adding:
        assert adding.execute(statement("hold_batch"), {"id": bundle.id}).fetchall() == [(True,)]
        completing = threading.Thread(target=Batching(another()).complete, args=([bundle.id],))
        completing.start()
        until(lambda: sql("select 1 from pg_stat_activity where wait_event_type = 'Lock'"), "it waits")
        Store(Borrowed(adding)).push([new("k", bundle.id, "late")])
    completing.join(10)
    assert not completing.is_alive()
    assert sql("select completed_at from queueapi.batches") == [(None,)]


def test_the_end_and_its_callbacks_are_one_transaction(session: Dedicated, sql: Sql) -> None:
    bundle = Bundle(session, 1)
    bundle.end(session, 0)
    sql("create function refuse() returns trigger language plpgsql as $$ begin raise 'no'; end $$")
    sql("create trigger refuse before insert on queueapi.jobs for each row execute function refuse()")
    with pytest.raises(psycopg.errors.RaiseException):
        bundle.batching.complete([bundle.id])
    assert sql("select completed_at from queueapi.batches") == [(None,)]
    sql("drop function refuse() cascade")
    for _ in range(3):
        bundle.batching.sweep()
    assert sql(CALLBACKS) == [("on_complete", str(bundle.id)), ("on_success", str(bundle.id))]


def test_as_long_as_jobs_run_nobody_writes_to_the_batchs_row(session: Dedicated, sql: Sql) -> None:
    bundle = Bundle(session, 50)
    row = "select ctid::text, xmin::text, xmax::text from queueapi.batches"
    before = sql(row)
    for number in range(49):
        bundle.end(session, number, State.DEAD if number % 10 else State.DONE)
        bundle.batching.complete([bundle.id])
        bundle.batching.sweep()
    assert sql(row) == before
    bundle.end(session, 49)
    bundle.batching.complete([bundle.id])
    assert sql(row) != before


def test_a_job_that_is_lost_while_it_is_told_that_it_is_dead_ends_the_batch_by_the_maintenance(
    session: Dedicated, another: Open, sql: Sql
) -> None:
    bundle = Bundle(session, 1)
    sql("update queueapi.jobs set lease_until = now() - interval '1 s', dead_at = now()")
    maintenance = Maintenance(Upkeep(another()), 0.5, list, lambda: None, Events())
    maintenance.loop.start()
    try:
        until(lambda: sql(CALLBACKS) == [("on_complete", str(bundle.id))], "it is complete")
    finally:
        maintenance.loop.stop()
    assert bundle.batching.read([bundle.id])[bundle.id].dead == 1


def test_the_sweep_takes_a_thousand_at_a_time_and_comes_round(session: Dedicated, sql: Sql) -> None:
    sql("insert into queueapi.batches (parent_id) select null from generate_series(1, 2500)")
    # The first thousand have a job that is dead, and wait for a person.
    sql("""
        insert into queueapi.finished (id, keep_until, pushed_at, priority, attempt, max_attempts, state, queue, kind,
                                       args, batch_id)
        select id, 'infinity', now(), 0, 1, 1, 'dead', 'q', 'k', '{}', id
        from queueapi.batches where id <= (select min(id) + 999 from queueapi.batches)
    """)
    batching = Batching(session)
    left = "select count(*) from queueapi.batches where completed_at is null"
    seen = []
    for _ in range(4):
        batching.sweep()
        seen += [sql(left)[0][0], sql("select count(*) from queueapi.batches where not over")[0][0]]
    assert seen == [1500, 2500, 500, 1500, 0, 1000, 0, 1000]


def test_a_batch_whose_callbacks_cannot_be_read_stays_open_and_keeps_no_other_from_its_end(
    session: Dedicated, sql: Sql
) -> None:
    first, odd, last = Bundle(session, 0), Bundle(session, 0), Bundle(session, 0)
    sql("update queueapi.batches set callbacks = '[]' where id = %s", odd.id)
    for _ in range(2):  # nor is any called twice for it
        with pytest.raises(Unreadable, match=f"batch {odd.id} has ended"):
            first.batching.sweep()
    assert sql("select id from queueapi.batches where completed_at is null") == [(odd.id,)]
    assert [int(id_) for kind, id_ in sql(CALLBACKS) if kind == "on_success"] == [first.id, last.id]
    sql("update queueapi.batches set callbacks = '{}' where id = %s", odd.id)
    first.batching.sweep()
    assert sql("select id from queueapi.batches where completed_at is null") == []


def test_those_that_ended_days_ago_are_forgotten_but_not_while_their_parent_asks_for_them(
    session: Dedicated, upkeep: Upkeep, sql: Sql
) -> None:
    parent = Bundle(session, 1)
    child, alone = Bundle(session, 1, parent.id), Bundle(session, 1)
    for bundle in (child, alone):
        bundle.end(session, 0)
        bundle.batching.complete([bundle.id])
    sql("update queueapi.batches set completed_at = now() - interval '8 days' where completed_at is not null")
    sql("delete from queueapi.jobs where kind like 'on_%%'")
    upkeep.prune()
    assert sql("select id from queueapi.batches order by id") == [(parent.id,), (child.id,)]
    assert sql("select distinct batch_id from queueapi.batch_ledger order by 1") == [(parent.id,), (child.id,)]
    parent.end(session, 0)
    parent.batching.complete([parent.id])
    sql("update queueapi.batches set completed_at = now() - interval '8 days'")
    upkeep.prune()
    upkeep.prune()
    assert sql("select (select count(*) from queueapi.batches), (select count(*) from queueapi.batch_ledger)") == [
        (0, 0)
    ]


def test_a_watcher_is_told_of_the_end_by_the_id_with_a_minus(session: Dedicated, dsn: str, sql: Sql) -> None:
    bundle = Bundle(session, 1)
    sql("insert into queueapi.watches values (%s, %s)", -bundle.id, WORKER)
    bundle.end(session, 0)
    with psycopg.connect(dsn, autocommit=True) as listening:
        listening.execute("listen queueapi_jobs")
        bundle.batching.complete([bundle.id])
        (told,) = listening.notifies(timeout=5, stop_after=1)
    assert told.payload == str(-bundle.id)


@pytest.mark.system
@pytest.mark.parametrize("verb", ["find_ended_batches", "complete_batches"])
@pytest.mark.parametrize("analysed", ["never", "when all jobs were the batch's", "now"])
def test_whether_any_is_left_is_found_by_the_index_whatever_the_size_of_the_batch(
    session: Dedicated, sql: Sql, analysed: str, verb: str
) -> None:
    sql("alter table queueapi.jobs set (autovacuum_enabled = false)")
    bundle = Bundle(session, 0)
    sql(
        "insert into queueapi.jobs (queue, kind, batch_id) select 'q', 'k', %s from generate_series(1, 100000)",
        bundle.id,
    )
    if analysed.startswith("when"):
        sql("analyze queueapi.jobs")
    others = "select 'q', 'k', %s + n %% 1000 from generate_series(1, 100000) n"
    sql(f"insert into queueapi.jobs (queue, kind, batch_id) {others}", bundle.id + 1)
    if analysed == "now":
        sql("analyze queueapi.jobs")
    text = statement(verb).replace("%(ids)s", "$1")
    connection = session.connection()
    connection.execute(f"prepare look (bigint[]) as {text}".encode())
    explain = f"explain (analyze, buffers, format json) execute look ('{{{bundle.id}}}')"
    ((plan,),) = connection.execute(explain.encode()).fetchall()
    found = str(plan)
    assert "jobs_batch" in found
    assert "'Seq Scan'" not in found
    assert plan[0]["Plan"]["Shared Hit Blocks"] + plan[0]["Plan"]["Shared Read Blocks"] < 50
