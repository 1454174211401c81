"""What supervisors do to the tables."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from queueapi.postgres.messages import Messages
from queueapi.postgres.sessions import Dedicated
from queueapi.postgres.store import Store
from queueapi.postgres.upkeep import DAYS_AHEAD, MESSAGE_DAYS, Upkeep
from queueapi.postgres.watching import Watching
from queueapi.records import Claimed, NewJob, Outcome, Progress, WorkerRow
from queueapi.states import State

Sql = Callable[..., list[tuple[Any, ...]]]
WORKER, OTHER = UUID(int=1), UUID(int=2)
LOST = '{"type": "WorkerLost", "message": "gone"}'


def running(store: Store, number: int = 1, worker: UUID = WORKER, max_attempts: int = 25) -> list[Claimed]:
    store.push([NewJob("default", "kind", "{}", 0, max_attempts, 0.0, None)] * number)
    return store.claim(["default"], number, 7, worker, 30.0)


def expire(sql: Sql) -> None:
    sql("update queueapi.jobs set lease_until = now() - interval '1 s' where state = 'running'")


# -- leases


def test_only_what_is_ours_is_renewed_and_only_that_comes_back(store: Store, upkeep: Upkeep) -> None:
    mine, lost = running(store, 2)
    assert upkeep.renew([(mine.id, mine.token), (lost.id, lost.token + 1), (10**12, 1)], 30.0) == {mine.id}


def test_a_renewed_lease_outlives_that_of_the_claim_and_the_jobs_row_stays_as_it_is(
    store: Store, upkeep: Upkeep, sql: Sql
) -> None:
    kept, lost = running(store, 2)
    expire(sql)
    before = sql("select ctid::text, xmin::text from queueapi.jobs where id = %s", kept.id)
    upkeep.renew([(kept.id, kept.token)], 30.0)
    upkeep.renew([(kept.id, kept.token)], 30.0)
    assert [row[0] for row in upkeep.rescue(LOST)] == [lost.id]
    assert sql("select ctid::text, xmin::text from queueapi.jobs where id = %s", kept.id) == before


def test_a_renewal_of_an_earlier_attempt_protects_nobody(store: Store, upkeep: Upkeep, sql: Sql) -> None:
    (first,) = running(store)
    upkeep.renew([(first.id, first.token)], 30.0)
    store.reschedule([Outcome(first.id, first.token, State.AVAILABLE, charged=False)])
    store.claim(["default"], 1, 8, OTHER, 30.0)
    expire(sql)
    assert [row[0] for row in upkeep.rescue(LOST)] == [first.id]


# -- rescue and release


def test_a_rescued_job_goes_back_with_its_attempt_charged_and_the_reason_told(
    store: Store, upkeep: Upkeep, sql: Sql
) -> None:
    (job,) = running(store)
    assert upkeep.rescue(LOST) == []
    expire(sql)
    ((id_, queue, kind, state, watched),) = upkeep.rescue(LOST)
    assert (id_, queue, kind, state, watched) == (job.id, "default", "kind", "available", False)
    status = store.read([job.id])[job.id]
    assert (status.state, status.attempt, status.error) == (
        State.AVAILABLE,
        1,
        {"type": "WorkerLost", "message": "gone"},
    )
    assert upkeep.rescue(LOST) == []


def test_a_job_lost_in_its_last_attempt_is_dead_and_kept(store: Store, upkeep: Upkeep, sql: Sql) -> None:
    (job,) = running(store, max_attempts=1)
    expire(sql)
    assert [row[3] for row in upkeep.rescue(LOST)] == ["dead"]
    status = store.read([job.id])[job.id]
    assert (status.state, status.error) == (State.DEAD, {"type": "WorkerLost", "message": "gone"})
    assert sql("select keep_until::text from queueapi.finished") == [("infinity",)]


def test_a_job_that_finishes_at_that_moment_is_not_rescued(dsn: str, store: Store, upkeep: Upkeep, sql: Sql) -> None:
    finishing, lost = running(store, 2)
    expire(sql)
    with psycopg.connect(dsn) as connection:
        connection.execute("select from queueapi.jobs where id = %s for update", [finishing.id])
        assert [row[0] for row in upkeep.rescue(LOST)] == [lost.id]


def test_release_charges_what_ran_and_not_what_was_only_fetched_and_touches_nobody_else(
    store: Store, upkeep: Upkeep
) -> None:
    ran, fetched = running(store, 2)
    (others,) = running(store, worker=OTHER)
    assert {row[0] for row in upkeep.release(WORKER, [ran.id], LOST)} == {ran.id, fetched.id}
    states = store.read([ran.id, fetched.id, others.id])
    assert (states[ran.id].attempt, states[ran.id].error) == (1, {"type": "WorkerLost", "message": "gone"})
    assert (states[fetched.id].attempt, states[fetched.id].error) == (0, None)
    assert states[others.id].state is State.RUNNING


def test_release_of_a_last_attempt_is_the_end_only_of_what_ran(store: Store, upkeep: Upkeep) -> None:
    ran, fetched = running(store, 2, max_attempts=1)
    states = {row[0]: row[3] for row in upkeep.release(WORKER, [ran.id], LOST)}
    assert states == {ran.id: "dead", fetched.id: "available"}


def test_what_goes_back_wakes_a_sleeper_and_tells_its_watchers(
    dsn: str, session: Dedicated, store: Store, upkeep: Upkeep
) -> None:
    (job,) = running(store)
    Watching(session, uuid4()).watch([job.id])
    with psycopg.connect(dsn, autocommit=True) as ear:
        ear.execute("listen sleeper")
        ear.execute("listen queueapi_jobs")
        store.sleep("sleeper", ["default"], 30.0)
        upkeep.release(WORKER, [], LOST)
        ear.execute("select 1")
        heard = [(notice.channel, notice.payload) for notice in ear.notifies(timeout=0)]
    assert sorted(heard) == [("queueapi_jobs", str(job.id)), ("sleeper", "")]


# -- promotion


def test_jobs_become_available_when_their_time_has_come_and_the_next_is_announced(
    store: Store, upkeep: Upkeep, sql: Sql
) -> None:
    assert upkeep.promote() is None
    due, later = store.push([NewJob("default", "kind", "{}", 0, 25, delay, None) for delay in (60.0, 3600.0)])
    assert 50 < (upkeep.promote() or 0) <= 60
    sql("update queueapi.jobs set run_at = now() - interval '1 s' where id = %s", due)
    assert 3500 < (upkeep.promote() or 0) <= 3600
    states = store.read([due, later])
    assert (states[due].state, states[later].state) == (State.AVAILABLE, State.SCHEDULED)


def test_a_promoted_job_keeps_its_place_by_priority_and_wakes_a_sleeper(
    dsn: str, store: Store, upkeep: Upkeep, sql: Sql
) -> None:
    (late,) = store.push([NewJob("default", "kind", "{}", -1, 25, 60.0, None)])
    (now,) = store.push([NewJob("default", "kind", "{}", 0, 25, 0.0, None)])
    sql("update queueapi.jobs set run_at = now() where id = %s", late)
    with psycopg.connect(dsn, autocommit=True) as ear:
        ear.execute("listen sleeper")
        store.sleep("sleeper", ["default"], 30.0)
        upkeep.promote()
        assert [notice.channel for notice in ear.notifies(timeout=10, stop_after=1)] == ["sleeper"]
    assert [job.id for job in store.claim(["default"], 2, 1, WORKER, 30.0)] == [late, now]


# -- processes


def test_processes_are_listed_with_what_they_hold_until_they_are_forgotten(store: Store, upkeep: Upkeep) -> None:
    running(store, 3)
    workers = [WorkerRow(WORKER, "host:1", ["mail", "default"], 20), WorkerRow(OTHER, "host:2", ["mail"], 5)]
    upkeep.register(workers)
    upkeep.register(workers)
    rows = upkeep.workers()
    assert [(name, queues, slots, held) for name, queues, slots, _, _, held in rows] == [
        ("host:1", ["mail", "default"], 20, 3),
        ("host:2", ["mail"], 5, 0),
    ]
    assert all(0 <= seen < 60 and 0 <= up < 60 for _, _, _, up, seen, _ in rows)
    upkeep.forget(WORKER)
    assert [row[0] for row in upkeep.workers()] == ["host:2"]


def test_counts_are_by_queue_and_state_over_both_tables(store: Store, upkeep: Upkeep) -> None:
    done, _ = running(store, 2)
    store.finish([Outcome(done.id, done.token, State.DONE)], 60.0)
    store.push([NewJob("mail", "kind", "{}", 0, 25, 60.0, None)])
    assert [(queue, state, number) for queue, state, number, _ in upkeep.counts()] == [
        ("default", "done", 1),
        ("default", "running", 1),
        ("mail", "scheduled", 1),
    ]


# -- pruning


def partitions(sql: Sql, table: str) -> set[str]:
    rows = sql("select inhrelid::regclass::text from pg_inherits where inhparent = %s::regclass", f"queueapi.{table}")
    return {name.removeprefix("queueapi.") for (name,) in rows}


def day(offset: int) -> dt.date:
    return dt.datetime.now(dt.UTC).date() + dt.timedelta(days=offset)


def make_partition(sql: Sql, table: str, of: dt.date) -> str:
    name = f"{table}_{of:%Y%m%d}"
    sql(
        f"create table queueapi.{name} partition of queueapi.{table} "
        f"for values from ('{of} 00:00+00') to ('{of + dt.timedelta(days=1)} 00:00+00')"
    )
    return name


def test_partitions_of_the_coming_days_are_made_where_they_are_missing(upkeep: Upkeep, sql: Sql) -> None:
    lost = f"finished_{day(3):%Y%m%d}"
    sql(f"drop table queueapi.{lost}")
    upkeep.partition()
    upkeep.partition()
    days = {f"{day(offset):%Y%m%d}" for offset in range(DAYS_AHEAD + 1)}
    assert partitions(sql, "finished") == {"finished_forever", "finished_default", *(f"finished_{d}" for d in days)}
    assert partitions(sql, "messages") == {"messages_default", *(f"messages_{d}" for d in days)}


def test_a_day_whose_rows_are_in_the_default_partition_already_hinders_nothing(
    store: Store, upkeep: Upkeep, sql: Sql
) -> None:
    sql(f"drop table queueapi.finished_{day(0):%Y%m%d}")
    (job,) = running(store)
    store.finish([Outcome(job.id, job.token, State.DONE)], 1.0)  # into the default partition, an INSERT never fails
    upkeep.partition()
    upkeep.partition()
    assert store.read([job.id])[job.id].state is State.DONE
    sql("update queueapi.finished_default set keep_until = now() - interval '1 s'")
    upkeep.prune()
    assert sql("select * from queueapi.finished_default") == []
    upkeep.partition()
    assert f"finished_{day(0):%Y%m%d}" in partitions(sql, "finished")


def test_finished_jobs_leave_with_their_partition_and_dead_ones_stay(store: Store, upkeep: Upkeep, sql: Sql) -> None:
    past = make_partition(sql, "finished", day(-1))
    old, young, dead = running(store, 3)
    outcomes = [Outcome(job.id, job.token, State.DONE) for job in (old, young)]
    store.finish([*outcomes, Outcome(dead.id, dead.token, State.DEAD)], 60.0)
    sql("update queueapi.finished set keep_until = %s where id = %s", f"{day(-1)} 12:00+00", old.id)
    upkeep.prune()
    assert set(store.read([old.id, young.id, dead.id])) == {young.id, dead.id}
    assert past not in partitions(sql, "finished")
    assert "finished_forever" in partitions(sql, "finished")


@pytest.mark.system
def test_a_partition_that_somebody_reads_is_left_for_the_next_round(dsn: str, upkeep: Upkeep, sql: Sql) -> None:
    past = make_partition(sql, "finished", day(-1))
    with psycopg.connect(dsn) as reader:
        reader.execute(f"select * from queueapi.{past}".encode())
        with pytest.raises(ConnectionError, match="lock timeout"):
            upkeep.prune()
    upkeep.prune()
    assert past not in partitions(sql, "finished")


def test_messages_leave_after_their_time_and_older_cursors_are_refused(
    session: Dedicated, upkeep: Upkeep, sql: Sql
) -> None:
    log = Messages(session)
    _, before = log.position()
    kept = make_partition(sql, "messages", day(-MESSAGE_DAYS))
    past = make_partition(sql, "messages", day(-MESSAGE_DAYS - 1))
    log.publish([("news", "old", "{}")])
    sql(f"update queueapi.messages set at = '{day(-MESSAGE_DAYS - 1)} 12:00+00'")
    _, after = log.position()
    log.publish([("news", "young", "{}")])
    assert log.honours(before)
    upkeep.prune()
    assert past not in partitions(sql, "messages")
    assert kept in partitions(sql, "messages")
    assert not log.honours(before)
    assert log.honours(after)
    assert [message.event for message in log.after(after)[1]] == ["young"]
    assert sql("select xid > '0' from queueapi.messages_floor") == [(True,)]


def test_what_dead_processes_left_is_swept_and_what_lives_is_kept(
    session: Dedicated, store: Store, upkeep: Upkeep, sql: Sql
) -> None:
    alive, gone = running(store, 2)
    upkeep.register([WorkerRow(WORKER, "alive", ["q"], 1), WorkerRow(OTHER, "gone", ["q"], 1)])
    upkeep.renew([(alive.id, alive.token), (gone.id, gone.token)], 30.0)
    store.report([Progress(alive.id, 7, 1, None, None), Progress(gone.id, 7, 1, None, None)])
    store.sleep("alive", ["q"], 30.0)
    store.sleep("gone", ["q"], -1.0)
    living, dead = Watching(session, WORKER), Watching(session, OTHER)
    living.stay(60)
    dead.stay(-1)
    living.watch([1])
    dead.watch([1])
    store.finish([Outcome(gone.id, gone.token, State.DONE)], 60.0)
    sql("update queueapi.workers set seen_at = now() - interval '1 hour' where name = 'gone'")
    sql("update queueapi.leases set expires_at = now() - interval '1 hour' where job_id = %s", gone.id)
    sql("update queueapi.progress set updated_at = now() - interval '2 hours'")
    upkeep.prune()
    assert sql("select name from queueapi.workers") == [("alive",)]
    assert sql("select job_id from queueapi.leases") == [(alive.id,)]
    assert sql("select job_id from queueapi.progress") == [(alive.id,)]
    assert sql("select channel from queueapi.sleepers") == [("alive",)]
    assert sql("select watcher from queueapi.watches") == [(WORKER,)]
    assert sql("select id from queueapi.watchers") == [(WORKER,)]
