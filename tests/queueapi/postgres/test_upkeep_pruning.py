"""What leaves the tables, and when."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any
from uuid import UUID

import psycopg
import pytest

from queueapi.claims import Claimed
from queueapi.messages import NewMessage
from queueapi.postgres.messages import Messages
from queueapi.postgres.sessions import Dedicated
from queueapi.postgres.store import Store
from queueapi.postgres.upkeep import DAYS_AHEAD, Upkeep
from queueapi.postgres.watching import Watching
from queueapi.records import NewJob, Outcome, Progress, WorkerRow
from queueapi.states import State

Sql = Callable[..., list[tuple[Any, ...]]]
WORKER, OTHER = UUID(int=1), UUID(int=2)
LOST = '{"type": "WorkerLost", "message": "gone"}'


def running(store: Store, number: int = 1, worker: UUID = WORKER, max_attempts: int = 25) -> list[Claimed]:
    store.push([NewJob("default", "kind", "{}", 0, max_attempts, 0.0, None)] * number)
    return store.claim(["default"], number, 7, worker, 30.0)


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
        upkeep.prune()
        assert past in partitions(sql, "finished")
    upkeep.prune()
    assert past not in partitions(sql, "finished")


def test_a_supervisor_goes_on_after_it_has_dropped_partitions(store: Store, upkeep: Upkeep, sql: Sql) -> None:
    for _ in range(3):  # all that it runs over and over is prepared by now
        upkeep.partition()
        upkeep.prune()
        upkeep.promote()
    for offset in (-2, -3):
        make_partition(sql, "finished", day(offset))
        make_partition(sql, "messages", day(offset))
    upkeep.prune()
    store.push([NewJob("default", "kind", "{}", 0, 25, 0.001, None)])
    sql("update queueapi.jobs set run_at = now()")
    upkeep.promote()
    assert sql("select state from queueapi.jobs") == [("available",)]


def test_outcomes_that_are_kept_for_long_have_partitions_that_far_ahead(
    store: Store, upkeep: Upkeep, sql: Sql
) -> None:
    upkeep.partition(result_ttl=30 * 86_400.0)
    (job,) = running(store)
    store.finish([Outcome(job.id, job.token, State.DONE)], 30 * 86_400.0)
    tables = sql("select relname from queueapi.finished join pg_class on pg_class.oid = finished.tableoid")
    assert tables == [(f"finished_{day(30):%Y%m%d}",)]
    assert f"messages_{day(30):%Y%m%d}" not in partitions(sql, "messages")


def test_messages_that_found_no_partition_leave_as_well_and_older_cursors_are_refused(
    session: Dedicated, upkeep: Upkeep, sql: Sql
) -> None:
    log = Messages(session)
    _, before = log.position()
    sql(f"drop table queueapi.messages_{day(0):%Y%m%d}")
    log.publish([NewMessage("news", "old", "{}")])
    _, between = log.position()
    log.publish([NewMessage("news", "young", "{}")])
    sql("update queueapi.messages_default set at = now() - interval '40 days' where event = 'old'")
    upkeep.prune()
    assert sql("select event from queueapi.messages") == [("young",)]
    assert (log.honours(before), log.honours(between)) == (False, True)


def test_messages_leave_after_their_time_and_older_cursors_are_refused(
    session: Dedicated, upkeep: Upkeep, sql: Sql
) -> None:
    log = Messages(session)
    _, before = log.position()
    kept = make_partition(sql, "messages", day(-1))
    past = make_partition(sql, "messages", day(-2))
    log.publish([NewMessage("news", "old", "{}")])
    sql(f"update queueapi.messages set at = '{day(-2)} 12:00+00'")
    _, after = log.position()
    log.publish([NewMessage("news", "young", "{}")])
    assert log.honours(before)
    upkeep.prune()
    assert past not in partitions(sql, "messages")
    assert kept in partitions(sql, "messages")
    assert not log.honours(before)
    assert log.honours(after)
    assert [message.event for message in log.after(after)[1]] == ["young"]
    assert sql("select xid > '0' from queueapi.messages_floor") == [(True,)]


def test_messages_are_kept_for_as_many_days_as_it_is_told(session: Dedicated, sql: Sql) -> None:
    kept, past = (make_partition(sql, "messages", day(-days)) for days in (7, 8))
    Upkeep(session, message_days=7).prune_messages()
    assert kept in partitions(sql, "messages")
    assert past not in partitions(sql, "messages")


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
