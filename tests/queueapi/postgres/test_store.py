"""The verbs of pushers and workers, on real tables: who gets what, the fence, and how attempts count."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import psycopg

from queueapi.claims import Claimed
from queueapi.postgres.connection import connect
from queueapi.postgres.sessions import Borrowed, Dedicated
from queueapi.postgres.store import Store
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


# -- claiming


def test_jobs_are_claimed_queue_by_queue_as_given_then_by_priority_then_as_pushed(store: Store) -> None:
    a = store.push([new("low", 0), new("high", 5), new("high", -1), new("high", 5), new("low", -9), new("other")])
    order = [job.id for job in claim(store, "high", "low")]
    assert order == [a[2], a[1], a[3], a[4], a[0]]


def test_when_there_is_not_room_for_all_the_first_queue_is_served_first(store: Store) -> None:
    ids = store.push([new("low"), new("high"), new("low"), new("high", 1), new("high", 1)])
    assert [job.id for job in claim(store, "high", "low", room=2)] == [ids[1], ids[3]]
    assert [job.id for job in claim(store, "high", "low", room=2)] == [ids[4], ids[0]]
    assert [job.id for job in claim(store, "high", "low", room=2)] == [ids[2]]
    assert claim(store, "high", "low", room=2) == []


def test_a_claim_says_what_to_run_and_charges_an_attempt(store: Store, sql: Sql) -> None:
    (id_,) = store.push([new("mail", 3, args='{"a": 1}', max_attempts=7)])
    assert claim(store, "mail", token=99) == [Claimed(id_, 99, "mail", "kind", '{"a": 1}', 1, 7, 3)]
    ((state, worker, lease),) = sql(
        "select state, worker, extract(epoch from lease_until - now()) between 20 and 30 from queueapi.jobs"
    )
    assert (state, worker, lease) == ("running", WORKER, True)


def test_what_is_scheduled_running_or_in_another_queue_is_not_claimed(store: Store) -> None:
    store.push([new(delay=60.0), new("elsewhere")])
    one(store)
    assert claim(store) == []


def test_two_claims_at_once_never_share_a_job_and_neither_waits(dsn: str, store: Store) -> None:
    ids = store.push([new() for _ in range(10)])
    with psycopg.connect(dsn) as first, psycopg.connect(dsn) as second:
        for connection in (first, second):
            connection.execute("set local statement_timeout = '5s'")
        ones = claim(Store(Borrowed(first)), room=4, token=1)  # its transaction stays open
        others = claim(Store(Borrowed(second)), room=10, token=2)
    assert [job.id for job in ones] == ids[:4]
    assert [job.id for job in others] == ids[4:]


def test_many_claimers_together_claim_every_job_once(dsn: str, store: Store) -> None:
    ids = store.push([new(queue=f"q{n % 3}", priority=n % 2) for n in range(600)])

    def work(token: int) -> list[int]:
        session, mine = Dedicated(lambda: connect(dsn, "tests", 5)), []
        while got := claim(Store(session), "q0", "q1", "q2", room=7, token=token):
            mine += [job.id for job in got]
        session.close()
        return mine

    with ThreadPoolExecutor(4) as threads:
        claimed = [id_ for mine in threads.map(work, range(1, 5)) for id_ in mine]
    assert sorted(claimed) == ids


# -- the fence


def written(store: Store, id_: int, token: int) -> dict[str, Sequence[Any]]:
    """What every fenced verb says to that (id, token); finish last."""
    return {
        "report": store.report([Progress(id_, token, 5, 10, "half")]),
        "reschedule": store.reschedule([Outcome(id_, token, State.SCHEDULED, error="{}", delay=9.0)]),
        "finish": store.finish([Outcome(id_, token, State.DONE, "1")], TTL),
    }


def test_without_the_lease_no_verb_changes_anything(store: Store, sql: Sql) -> None:
    job = one(store)
    before = sql("select * from queueapi.jobs")
    assert written(store, job.id, job.token + 1) == {"report": [], "reschedule": [], "finish": []}
    assert sql("select * from queueapi.jobs") == before
    assert sql("select * from queueapi.finished") == sql("select * from queueapi.progress") == []


def test_a_lease_that_another_claim_took_over_is_lost_for_good(store: Store) -> None:
    first = one(store)
    store.reschedule([Outcome(first.id, first.token, State.AVAILABLE, charged=False)])
    (second,) = claim(store, token=2)
    assert second.id == first.id
    assert written(store, first.id, first.token) == {"report": [], "reschedule": [], "finish": []}
    assert store.read([first.id])[first.id].state is State.RUNNING
    assert store.finish([Outcome(second.id, second.token, State.DONE)], TTL) == [(second.id, 2, False)]


def test_of_many_outcomes_those_that_lost_their_lease_do_not_hold_up_the_others(store: Store) -> None:
    store.push([new() for _ in range(3)])
    jobs = claim(store)
    outcomes = [Outcome(job.id, job.token + (job is jobs[1]), State.DONE, "1") for job in jobs]
    assert {row[0] for row in store.finish(outcomes, TTL)} == {jobs[0].id, jobs[2].id}
    states = store.read([job.id for job in jobs])
    assert [states[job.id].state for job in jobs] == [State.DONE, State.RUNNING, State.DONE]


def test_a_second_finish_of_the_same_attempt_changes_nothing_and_is_found_on_record(store: Store) -> None:
    job = one(store)
    outcome = Outcome(job.id, job.token, State.DONE, '"first"')
    assert store.finished([outcome]) == set()
    store.finish([outcome], TTL)
    assert store.finish([outcome._replace(result='"second"')], TTL) == []
    assert store.finished([outcome, outcome._replace(token=5)]) == {(job.id, job.token)}
    assert store.read([job.id])[job.id].result == "first"


def test_an_outcome_and_the_removal_from_the_live_table_are_one(dsn: str, store: Store, sql: Sql) -> None:
    job = one(store)
    with psycopg.connect(dsn) as connection:
        Store(Borrowed(connection)).finish([Outcome(job.id, job.token, State.DONE)], TTL)
        assert store.read([job.id])[job.id].state is State.RUNNING
        connection.rollback()
    assert sql("select state from queueapi.jobs") == [("running",)]


# -- attempts


def test_a_failed_attempt_waits_and_counts_and_an_interrupted_one_neither(store: Store, sql: Sql) -> None:
    store.push([new(), new()])
    failed, interrupted = claim(store)
    rows = store.reschedule(
        [
            Outcome(failed.id, failed.token, State.SCHEDULED, error='{"type": "E"}', delay=60.0),
            Outcome(interrupted.id, interrupted.token, State.AVAILABLE, charged=False),
        ]
    )
    assert {row[0] for row in rows} == {failed.id, interrupted.id}
    states = store.read([failed.id, interrupted.id])
    assert (states[failed.id].state, states[failed.id].attempt) == (State.SCHEDULED, 1)
    assert states[failed.id].error == {"type": "E"}
    assert (states[interrupted.id].state, states[interrupted.id].attempt) == (State.AVAILABLE, 0)
    assert [job.attempt for job in claim(store)] == [1]
    assert sql("select extract(epoch from run_at - now())::int between 50 and 60 from queueapi.jobs where attempt = 1 "
               "and state = 'scheduled'") == [(True,)]  # fmt: skip


def test_an_error_stays_with_the_job_until_it_is_done(store: Store) -> None:
    job = one(store)
    store.reschedule([Outcome(job.id, job.token, State.SCHEDULED, error='{"type": "First"}', delay=0.0)])
    (again,) = claim(store, token=2)
    assert again.attempt == 2
    assert store.read([job.id])[job.id].error == {"type": "First"}
    store.reschedule([Outcome(again.id, 2, State.AVAILABLE, charged=False)])
    assert store.read([job.id])[job.id].error == {"type": "First"}


# -- outcomes


def test_outcomes_are_kept_for_their_time_and_dead_jobs_for_ever(store: Store, sql: Sql) -> None:
    store.push([new(), new()])
    done, dead = claim(store)
    outcomes = [Outcome(done.id, 1, State.DONE, "[1]"), Outcome(dead.id, 1, State.DEAD, error='{"type": "E"}')]
    store.finish(outcomes, 3600.0)
    kept: dict[int, str] = dict(sql("select id, keep_until::text from queueapi.finished"))
    assert kept[dead.id] == "infinity"
    until = dt.datetime.fromisoformat(kept[done.id]) - dt.datetime.now(dt.UTC)
    assert dt.timedelta(minutes=59) < until <= dt.timedelta(hours=1)
    states = store.read([done.id, dead.id, 10**12])
    assert set(states) == {done.id, dead.id}
    assert (states[done.id].result, states[dead.id].error) == ([1], {"type": "E"})


def test_a_row_that_python_cannot_read_is_shown_as_text_and_stops_nobody(store: Store, sql: Sql) -> None:
    store.push([new(), new()])
    odd, fine = claim(store)
    sql('update queueapi.jobs set error = \'{"a": 1e999999, "b": "\\ud800"}\' where id = %s', odd.id)
    states = store.read([odd.id, fine.id])
    assert isinstance(states[odd.id].error, (str, dict))
    assert states[fine.id].state is State.RUNNING


def test_a_cancelled_job_is_kept_as_such_and_its_neighbours_stay(store: Store) -> None:
    ids = store.push([new(), new()])
    assert store.cancel(ids[0], TTL) is True
    assert store.cancel(ids[0], TTL) is False
    states = store.read(ids)
    assert [states[id_].state for id_ in ids] == [State.CANCELLED, State.AVAILABLE]
