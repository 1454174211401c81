"""The duties of the maintenance, on real tables."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import psycopg
import pytest

from queueapi.events import Events
from queueapi.postgres.ahead import Ahead
from queueapi.postgres.connection import connect
from queueapi.postgres.sessions import Dedicated
from queueapi.postgres.statements import Rows
from queueapi.postgres.store import Store
from queueapi.postgres.upkeep import Upkeep
from queueapi.records import Blame, NewJob, WorkerRow
from queueapi.worker.maintenance import Maintenance

from .conftest import WORKER, Claim, Heard, Sql, until

Make = Callable[..., Maintenance]


@pytest.fixture
def make(upkeep: Upkeep, events: Events) -> Iterator[Make]:
    """A maintenance that is stopped after the test."""
    made: list[Maintenance] = []

    def run(
        alive: Sequence[WorkerRow] = (), release_stuck: Callable[[], None] = lambda: None, lease: float = 1.0
    ) -> Maintenance:
        made.append(Maintenance(upkeep, lease, lambda: alive, release_stuck, events))
        return made[-1]

    yield run
    for maintenance in made:
        maintenance.loop.stop()


def test_what_a_dead_process_held_is_released_at_once_and_only_what_it_ran_is_charged(
    claim: Claim, make: Make, heard: Heard, sql: Sql
) -> None:
    ran, fetched = claim(2)
    sql("insert into queueapi.workers (id, name, queues, slots) values (%s, 'it', '{default}', 1)", WORKER)
    sql("insert into queueapi.sleepers values (%s, '{default}', now() + interval '1 h')", f"queueapi_wake_{WORKER.hex}")
    maintenance = make()
    maintenance.release(WORKER, [Blame(ran.id, "lost", '{"type": "WorkerLost"}')])
    maintenance.loop.start()
    until(lambda: len(heard.of("released")) == 2, "both are released")
    assert sql("select id, state, attempt, error ->> 'type' from queueapi.jobs order by id") == [
        (ran.id, "available", 1, "WorkerLost"),
        (fetched.id, "available", 0, None),
    ]
    until(lambda: sql("select count(*) from queueapi.workers") == [(0,)], "it is off the list")
    assert sql("select count(*) from queueapi.sleepers") == [(0,)]


def test_a_claim_that_was_still_under_way_when_its_process_died_is_released_as_well(
    claim: Claim, make: Make, heard: Heard, sql: Sql
) -> None:
    maintenance = make()
    maintenance.loop.start()
    maintenance.release(WORKER, [])
    until(lambda: maintenance._dead and maintenance._dead[0].again == (5.0,), "it was released once")
    claim(3)
    until(lambda: sql("select distinct state, attempt from queueapi.jobs") == [("available", 0)], "and again")


def test_what_died_with_three_processes_waits_before_it_is_tried_on_a_fourth(
    claim: Claim, upkeep: Upkeep, sql: Sql
) -> None:
    (job,) = claim(1)
    for attempt, state in ((3, "available"), (4, "scheduled")):
        sql("update queueapi.jobs set attempt = %s, state = 'running', worker = %s, token = 1, lease_until = now()",
            attempt, WORKER)  # fmt: skip
        upkeep.release(WORKER, [Blame(job.id, "lost", '{"type": "WorkerLost"}')])
        assert sql("select state, run_at < now() + interval '10 s' from queueapi.jobs") == [(state, True)]


def test_the_last_releases_are_done_without_the_loop(claim: Claim, make: Make, sql: Sql) -> None:
    claim(1)
    maintenance = make()
    maintenance.release(WORKER, [])
    maintenance.finish()
    assert sql("select state, attempt from queueapi.jobs") == [("available", 0)]


def test_expired_leases_are_rescued_however_many_there_are(claim: Claim, make: Make, heard: Heard, sql: Sql) -> None:
    claim(1500, lease=0.0)
    make().loop.start()
    until(
        lambda: sql("select count(*) from queueapi.jobs where state = 'available'") == [(1500,)], "all are rescued"
    )
    assert sql("select distinct attempt, error ->> 'type' from queueapi.jobs") == [(1, "WorkerLost")]


def test_scheduled_jobs_begin_when_they_are_due_and_not_before(store: Store, make: Make, sql: Sql) -> None:
    make().loop.start()
    store.push([NewJob("default", "kind", "{}", 0, 25, delay, None) for delay in (0.2, 3600.0)])
    began = time.monotonic()
    until(lambda: sql("select count(*) from queueapi.jobs where state = 'available'") == [(1,)], "one is due")
    assert time.monotonic() - began < 3
    assert sql("select count(*) from queueapi.jobs where state = 'scheduled'") == [(1,)]


class Noted(Dedicated):
    """Notes what is asked."""

    def __init__(self, dsn: str) -> None:
        super().__init__(lambda: connect(dsn, "tests", 5))
        self.verbs: list[str] = []

    def run(self, verb: str, params: Mapping[str, Any]) -> Rows:
        self.verbs.append(verb)
        return super().run(verb, params)


LOOKS = {"promote_jobs", "find_blocked", "list_open_batches"}


@pytest.mark.parametrize(
    ("ahead", "looks"),
    [
        (None, LOOKS),
        (Ahead(None, None, True, False, False), set()),
        (Ahead(None, 60.0, False, False, False), set()),
        (Ahead(None, -0.1, False, False, False), {"promote_jobs"}),
        (Ahead(None, None, False, True, False), {"find_blocked"}),
        (Ahead(None, None, False, False, True), {"list_open_batches"}),
    ],
)
def test_it_asks_only_for_what_the_clock_has_seen_and_for_everything_if_the_clock_says_nothing(
    dsn: str, events: Events, ahead: Ahead | None, looks: set[str]
) -> None:
    session = Noted(dsn)
    try:
        maintenance = Maintenance(Upkeep(session), 30.0, list, lambda: None, events)
        if ahead is not None:
            maintenance.told(ahead)
        maintenance._tick()
        assert LOOKS & set(session.verbs) == looks
    finally:
        session.close()


def test_a_scheduled_job_of_which_the_clock_has_told_begins_when_it_is_due(store: Store, make: Make, sql: Sql) -> None:
    store.push([NewJob("default", "kind", "{}", 0, 25, 0.3, None)])
    maintenance = make()
    maintenance.told(Ahead(None, 0.3, False, False, False))
    maintenance.loop.start()
    until(lambda: sql("select state from queueapi.jobs") == [("available",)], "it is promoted")


def test_processes_are_listed_as_soon_as_they_say_so(make: Make, sql: Sql) -> None:
    alive: list[WorkerRow] = []
    maintenance = make(alive)
    maintenance.loop.start()
    until(lambda: maintenance._register.due, "it has looked once")
    alive.append(WorkerRow(WORKER, "host:1", ["default"], 5))
    maintenance.register_now()
    until(lambda: sql("select name, slots from queueapi.workers") == [("host:1", 5)], "it is listed")


def test_a_backup_that_keeps_old_partitions_from_being_dropped_keeps_nothing_else_from_being_done(
    dsn: str, store: Store, make: Make, heard: Heard, sql: Sql
) -> None:
    day = dt.datetime.now(dt.UTC).date() - dt.timedelta(days=3)
    sql(f"""
        create table queueapi.finished_{day:%Y%m%d} partition of queueapi.finished
        for values from ('{day} 00:00+00') to ('{day + dt.timedelta(days=1)} 00:00+00')
    """)
    with psycopg.connect(dsn) as backup:
        backup.execute("lock table queueapi.finished in access share mode")
        make().loop.start()
        store.push([NewJob("default", "kind", "{}", 0, 25, 0.2, None)])
        until(lambda: sql("select state from queueapi.jobs") == [("available",)], "promotion goes on", 8)
        assert sql("select to_regclass(%s) is not null", f"queueapi.finished_{day:%Y%m%d}") == [(True,)]
        assert heard.events == []


def test_a_duty_that_fails_waits_for_its_next_turn_and_the_others_have_theirs(
    claim: Claim, make: Make, heard: Heard, sql: Sql
) -> None:
    def broken() -> None:
        raise RuntimeError("broken")

    claim(1, lease=0.0)
    make(release_stuck=broken).loop.start()
    until(lambda: heard.of("loop_failed"), "it is said")
    until(lambda: sql("select state from queueapi.jobs") == [("available",)], "the job is rescued all the same")


def test_a_supervisor_that_starts_just_after_the_server_rescues_nobody_yet(
    claim: Claim, make: Make, heard: Heard, sql: Sql
) -> None:
    claim(1, lease=0.0)
    patient = make(lease=10**6)
    patient._tick()
    assert sql("select state from queueapi.jobs") == [("running",)]
    make().loop.start()
    until(lambda: heard.of("rescued"), "one that need not wait for so long rescues it")
    assert sql("select state from queueapi.jobs") == [("available",)]
