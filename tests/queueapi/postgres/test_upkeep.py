"""What supervisors do to the tables: leases, rescue, promotion."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from queueapi.claims import Claimed
from queueapi.postgres.sessions import Dedicated
from queueapi.postgres.store import Store
from queueapi.postgres.upkeep import Upkeep
from queueapi.postgres.watching import Watching
from queueapi.records import Blame, NewJob, Outcome, Progress
from queueapi.states import State

Sql = Callable[..., list[tuple[Any, ...]]]
WORKER, OTHER = UUID(int=1), UUID(int=2)
LOST = '{"type": "WorkerLost", "message": "gone"}'
ELSE = '{"type": "ProcessKilled", "message": "three times"}'


def running(store: Store, number: int = 1, worker: UUID = WORKER, max_attempts: int = 25) -> list[Claimed]:
    store.push([NewJob("default", "kind", "{}", 0, max_attempts, 0.0, None)] * number)
    return store.claim(["default"], number, 7, worker, 30.0)


def expire(sql: Sql) -> None:
    sql("update queueapi.jobs set lease_until = now() - interval '1 s' where state = 'running'")


# -- leases


def test_only_what_is_ours_is_renewed_and_only_that_comes_back(store: Store, upkeep: Upkeep) -> None:
    mine, lost = running(store, 2)
    held = [(mine.id, mine.token), (lost.id, lost.token + 1), (10**12, 1)]
    assert upkeep.renew(held, 30.0) == {(mine.id, mine.token)}


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


def test_two_runs_of_one_job_are_told_apart(store: Store, upkeep: Upkeep) -> None:
    (stale,) = running(store)
    store.reschedule([Outcome(stale.id, stale.token, State.AVAILABLE, charged=False)])
    (ours,) = store.claim(["default"], 1, 8, OTHER, 30.0)
    assert upkeep.renew([(stale.id, stale.token), (ours.id, ours.token)], 30.0) == {(ours.id, ours.token)}


STALLED = {
    "renewal": ("leases", "insert into queueapi.leases values (%s, 8, now() + interval '30 s')"),
    "report": ("progress", "insert into queueapi.progress (job_id, token, done) values (%s, 8, 1)"),
}


@pytest.mark.parametrize("had", [True, False], ids=["with a row of its own", "without"])
@pytest.mark.parametrize("what", STALLED)
def test_what_stood_still_while_its_job_went_to_another_overwrites_nothing(
    what: str, had: bool, dsn: str, store: Store, upkeep: Upkeep, sql: Sql
) -> None:
    table, insert = STALLED[what]
    (job,) = running(store)

    def stalled() -> None:
        if what == "renewal":
            upkeep.renew([(job.id, job.token)], 30.0)
        else:
            store.report([Progress(job.id, job.token, 99, 100, None)])

    if had:
        stalled()
    with psycopg.connect(dsn) as other:
        # It has begun to look when it meets a row that is being written: by a claim of a moment later.
        other.execute("update queueapi.jobs set token = 8 where id = %s", [job.id])
        other.execute(f"delete from queueapi.{table}".encode())
        other.execute(insert.encode(), [job.id])
        thread = threading.Thread(target=stalled)
        thread.start()
        locked = "wait_event_type = 'Lock' and datname = current_database()"
        while not sql(f"select 1 from pg_stat_activity where {locked}"):
            assert thread.is_alive()
        other.commit()
    thread.join()
    assert sql(f"select token from queueapi.{table}") == [(8,)]
    store.finish([Outcome(job.id, 8, State.DONE)], 60.0)


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


def test_after_a_restart_of_the_server_living_workers_may_renew_before_anything_is_rescued(
    store: Store, upkeep: Upkeep, sql: Sql
) -> None:
    (job,) = running(store)
    expire(sql)
    ((up,),) = sql("select extract(epoch from now() - pg_postmaster_start_time())::float8")
    assert upkeep.rescue(LOST, patience=up + 60) == []
    assert [row[0] for row in upkeep.rescue(LOST, patience=up / 2)] == [job.id]


def test_a_last_attempt_that_may_never_have_begun_gets_one_more_and_no_third(
    store: Store, upkeep: Upkeep, sql: Sql
) -> None:
    (job,) = running(store, max_attempts=1)
    expire(sql)
    assert [row[3] for row in upkeep.rescue(LOST)] == ["available"]
    (again,) = store.claim(["default"], 1, 8, OTHER, 30.0)
    assert (again.id, again.attempt) == (job.id, 1)
    assert not again.more().dead
    expire(sql)
    assert [row[3] for row in upkeep.rescue(LOST)] == ["available"]
    (told,) = store.claim(["default"], 1, 9, WORKER, 30.0)
    assert (told.attempt, told.more().dead) == (1, True)


def test_a_job_that_surely_ran_in_its_last_attempt_goes_back_to_be_told_and_is_dead_if_it_is_lost_then(
    store: Store, upkeep: Upkeep, sql: Sql
) -> None:
    (job,) = running(store, max_attempts=1)
    upkeep.renew([(job.id, job.token)], 0.0)
    expire(sql)
    sql("update queueapi.leases set expires_at = now() - interval '1 h'")
    upkeep.prune()  # which must not forget that it ran
    assert [row[3] for row in upkeep.rescue(LOST)] == ["available"]
    (told,) = store.claim(["default"], 1, 8, OTHER, 30.0)
    assert (told.attempt, told.more().dead, told.more().error) == (1, True, {"type": "WorkerLost", "message": "gone"})
    expire(sql)
    assert [row[3] for row in upkeep.rescue(ELSE)] == ["dead"]
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
    assert {row[0] for row in upkeep.release(WORKER, [Blame(ran.id, "lost", LOST)])} == {ran.id, fetched.id}
    states = store.read([ran.id, fetched.id, others.id])
    assert (states[ran.id].attempt, states[ran.id].error) == (1, {"type": "WorkerLost", "message": "gone"})
    assert (states[fetched.id].attempt, states[fetched.id].error) == (0, None)
    assert states[others.id].state is State.RUNNING


def test_release_of_a_last_attempt_is_the_end_only_of_what_ran(store: Store, upkeep: Upkeep) -> None:
    ran, fetched = running(store, 2, max_attempts=1)
    states = {row[0]: row[3] for row in upkeep.release(WORKER, [Blame(ran.id, "lost", LOST)])}
    assert states == {ran.id: "available", fetched.id: "available"}
    again = {job.id: job for job in store.claim(["default"], 2, 8, OTHER, 30.0)}
    assert {id_: (job.attempt, job.more().dead) for id_, job in again.items()} == {
        ran.id: (1, True),
        fetched.id: (1, False),
    }


def test_what_is_lost_while_it_is_told_is_set_aside_with_the_reason_that_it_had(
    store: Store, upkeep: Upkeep, sql: Sql
) -> None:
    (ran,) = running(store, max_attempts=1)
    upkeep.release(WORKER, [Blame(ran.id, "killed", LOST, LOST)])
    store.claim(["default"], 1, 8, OTHER, 30.0)
    upkeep.release(OTHER, [])  # only fetched
    store.claim(["default"], 1, 9, OTHER, 30.0)
    assert [row[3] for row in upkeep.release(OTHER, [Blame(ran.id, "killed", ELSE, ELSE)])] == ["dead"]
    status = store.read([ran.id])[ran.id]
    assert (status.state, status.attempt, status.error) == (State.DEAD, 1, {"type": "WorkerLost", "message": "gone"})
    assert store.claim(["default"], 1, 10, OTHER, 30.0) == []


def test_what_goes_back_wakes_a_sleeper_and_tells_its_watchers(
    dsn: str, session: Dedicated, store: Store, upkeep: Upkeep
) -> None:
    (job,) = running(store)
    Watching(session, uuid4()).watch([job.id])
    with psycopg.connect(dsn, autocommit=True) as ear:
        ear.execute("listen sleeper")
        ear.execute("listen queueapi_jobs")
        store.sleep("sleeper", ["default"], 30.0)
        upkeep.release(WORKER, [])
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
