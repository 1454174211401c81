"""What the worker asks before its jobs begin, and what it leaves to others."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from itertools import count
from typing import Any
from uuid import UUID

import pytest

from queueapi import Concurrency, Job, Queue, Rate
from queueapi.claims import Claimed
from queueapi.errors import StoreUnavailable
from queueapi.events import Events
from queueapi.executor import Executor
from queueapi.kinds import Kinds, kinds
from queueapi.postgres.admitting import Admitting
from queueapi.postgres.sessions import Dedicated
from queueapi.postgres.store import Store
from queueapi.postgres.upkeep import Upkeep
from queueapi.records import Outcome
from queueapi.states import State
from queueapi.worker.admission import Admission, Admitted
from queueapi.worker.maintenance import Maintenance

WORKER = UUID(int=7)
Sql = Callable[..., list[tuple[Any, ...]]]


def until(condition: Callable[[], Any], what: str, seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"after {seconds} s still not: {what}"
        time.sleep(0.01)


class Free(Job, kind="admission.free"):
    n: int

    def run(self) -> None: ...


class Two(Job, kind="admission.two", limit=2):
    n: int

    def run(self) -> None: ...


class Tenant(Job, kind="admission.tenant", limit=[Concurrency(3), Concurrency(1, by="tenant")]):
    n: int
    tenant: str

    def run(self) -> None: ...


class Slowly(Job, kind="admission.slowly", limit=Rate(2, per=60)):
    n: int

    def run(self) -> None: ...


class Watched:
    """An Admitting that tells how often it was asked anything."""

    def __init__(self, admitting: Admitting) -> None:
        self.asked = 0
        self._admitting = admitting

    def __getattr__(self, name: str) -> Any:
        self.asked += 1
        return getattr(self._admitting, name)


@pytest.fixture
def watched(session: Dedicated) -> Watched:
    return Watched(Admitting(session))


@pytest.fixture
def admission(watched: Watched) -> Admission:
    return Admission(watched, kinds)  # type: ignore[arg-type]


@pytest.fixture
def claim(store: Store) -> Callable[..., list[Claimed]]:
    tokens = count(1)
    return lambda room=100: store.claim(["default"], room, next(tokens), WORKER, 30.0)


def numbers(jobs: list[Claimed]) -> list[int]:
    return [json.loads(job.args)["n"] for job in jobs]


def test_plain_jobs_ask_nobody(queue: Queue, admission: Admission, watched: Watched, claim: Any) -> None:
    queue.push_all(Free(n) for n in range(3))
    jobs = claim()
    assert admission.admit(jobs) == Admitted(jobs, [])
    admission.ended(jobs)
    assert watched.asked == 0


def test_the_order_stays_and_only_what_its_limit_does_not_let_begin_is_missing(
    queue: Queue, admission: Admission, claim: Any, sql: Sql
) -> None:
    for job in (Two(1), Free(2), Two(3), Two(4), Free(5)):
        queue.push(job)
    begin, back = admission.admit(claim())
    assert numbers(begin) == [1, 2, 3, 5]
    assert back == []
    assert sql("select args ->> 'n', blocked_by from queueapi.jobs where state = 'blocked'") == [
        ("4", "limit:at-once:admission.two")
    ]


def test_when_one_ends_the_next_can_be_claimed(
    queue: Queue, admission: Admission, store: Store, claim: Any, sql: Sql
) -> None:
    for n in range(5):
        queue.push(Two(n))
    begin, _ = admission.admit(claim())
    store.finish([Outcome(job.id, job.token, State.DONE) for job in begin], 60.0)
    admission.ended(begin)
    assert numbers(admission.admit(claim()).begin) == [2, 3]
    assert sql("select count(*) from queueapi.holds") == [(2,)], "who has ended left no trace"


def test_a_tenant_with_many_jobs_does_not_keep_the_others_waiting(
    queue: Queue, admission: Admission, claim: Any
) -> None:
    queue.push_all([*(Tenant(n, "large") for n in range(10)), Tenant(100, "small"), Tenant(200, "tiny")])
    assert numbers(admission.admit(claim()).begin) == [0, 100, 200]


def test_a_rate_lets_so_many_begin_whoever_has_ended(
    queue: Queue, admission: Admission, store: Store, claim: Any
) -> None:
    for n in range(4):
        queue.push(Slowly(n))
    begin, _ = admission.admit(claim())
    assert numbers(begin) == [0, 1]
    store.finish([Outcome(job.id, job.token, State.DONE) for job in begin], 60.0)
    admission.ended(begin)
    assert claim() == []


def test_a_kind_that_this_process_does_not_know_is_left_to_the_executor(
    queue: Queue, watched: Watched, claim: Any
) -> None:
    queue.push_all(Two(n) for n in range(2))
    jobs = claim()
    assert Admission(watched, Kinds()).admit(jobs) == Admitted(jobs, [])  # type: ignore[arg-type]


def test_a_limit_that_went_with_a_deploy_holds_nobody_back(queue: Queue, admission: Admission, claim: Any) -> None:
    for n in range(3):
        queue.push(Two(n))
    jobs = [job._replace(kind="admission.free") for job in claim()]
    assert admission.admit(jobs).begin == jobs


def test_a_paused_kind_is_parked_and_another_is_not(queue: Queue, admission: Admission, claim: Any, sql: Sql) -> None:
    sql("insert into queueapi.pauses (what, name) values ('kind', 'admission.free')")
    queue.push_all([Free(1), Two(2)])
    assert numbers(admission.admit(claim()).begin) == [2]
    assert sql("select blocked_by, attempt from queueapi.jobs where state = 'blocked'") == [("kind:admission.free", 0)]


def test_what_expired_or_was_cancelled_takes_no_place(queue: Queue, admission: Admission, claim: Any, sql: Sql) -> None:
    for n in range(4):
        queue.push(Two(n))
    sql("update queueapi.jobs set expires_at = now() - interval '1 s' where args ->> 'n' in ('0', '1')")
    assert numbers(admission.admit(claim()).begin) == [0, 1, 2, 3]


def test_what_another_changed_meanwhile_goes_back(queue: Queue, admission: Admission, claim: Any, sql: Sql) -> None:
    for n in range(3):
        queue.push(Two(n))
    jobs = claim()
    sql("update queueapi.jobs set cancelled_at = now() where id = %s", jobs[2].id)
    begin, back = admission.admit(jobs)
    assert (numbers(begin), numbers(back)) == ([0, 1], [2])


def test_a_job_whose_limit_cannot_be_looked_at_fails_by_itself_and_its_neighbours_begin_as_their_limits_let_them(
    queue: Queue, admission: Admission, claim: Any, sql: Sql
) -> None:
    for job in (Free(0), Tenant(1, "large"), Tenant(2, "odd"), Two(3), Two(4), Tenant(5, "large"), Free(6)):
        queue.push(job)
    # Longer than an entry of an index may be, and not to be compressed: nobody can lock it.
    sql("""
        update queueapi.jobs
        set limit_keys = array['at-once:admission.tenant:' ||
                               (select string_agg(md5(n::text), '') from generate_series(1, 1000) as n)]
        where args ->> 'n' = '2'
    """)
    begin, back = admission.admit(claim())
    assert (numbers(begin), back) == ([0, 1, 2, 3, 4, 6], [])
    assert sql("select args ->> 'n' from queueapi.jobs where state = 'blocked'") == [("5",)]
    outcomes = [Executor(kinds, 1000).execute(job) for job in begin]
    assert [one.state for one in outcomes].count(State.DONE) == 5
    error = json.loads(outcomes[2].error or "{}")
    assert (outcomes[2].state, outcomes[2].charged, error["type"]) == (State.SCHEDULED, True, "Unreadable")
    assert "its limits cannot be looked at: DataRefused: PostgreSQL did not" in error["message"]


def test_what_is_nested_too_deeply_to_be_read_begins_and_fails_and_stops_nobody(
    queue: Queue, admission: Admission, claim: Any, sql: Sql
) -> None:
    for n in range(3):
        queue.push(Two(n))
    sql("update queueapi.jobs set previous = (repeat('[', 3000) || repeat(']', 3000))::json where args ->> 'n' = '1'")
    begin, _ = admission.admit(claim())
    assert numbers(begin) == [0, 1, 2]
    outcomes = [Executor(kinds, 1000).execute(job) for job in begin]
    assert [one.state for one in outcomes] == [State.DONE, State.SCHEDULED, State.DONE]


def test_a_server_that_is_away_blames_no_job(queue: Queue, claim: Any, session: Dedicated, sql: Sql) -> None:
    queue.push_all([Two(1), Two(2)])
    jobs = claim()
    session.connection()
    sql("select pg_terminate_backend(pid, 5000) from pg_stat_activity where application_name = 'tests'")
    with pytest.raises(StoreUnavailable):
        Admission(Admitting(session), kinds).admit(jobs)


def test_the_place_of_a_job_whose_lease_ran_out_is_given_to_another_by_who_keeps_the_tables(
    queue: Queue, admission: Admission, claim: Any, upkeep: Upkeep, events: Events, sql: Sql
) -> None:
    for n in range(3):
        queue.push(Two(n))
    admission.admit(claim())
    sql("""
        update queueapi.jobs
        set lease_until = now() - interval '1 s', attempt = max_attempts, error = '{"type": "WorkerLost"}'
        where state = 'running'
    """)
    maintenance = Maintenance(upkeep, 1.0, list, lambda: None, events)  # it rescues twice in a lease
    maintenance.loop.start()
    try:
        until(lambda: 2 in numbers(admission.admit(claim()).begin), "the third begins, after the two or with them")
    finally:
        maintenance.loop.stop(5)


def test_a_database_that_is_away_when_jobs_have_ended_is_no_reason_to_fail(
    queue: Queue, claim: Any, session: Dedicated, sql: Sql
) -> None:
    queue.push(Two(1))
    jobs = claim()
    admission = Admission(Admitting(session), kinds)
    admission.admit(jobs)
    sql("select pg_terminate_backend(pid, 5000) from pg_stat_activity where application_name = 'tests'")
    admission.ended(jobs)
    admission.ended(jobs)  # and by then it is back
    assert sql("select count(*) from queueapi.holds") == [(0,)]
