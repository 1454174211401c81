"""A machine that does to the store whatever comes to its mind, and to a model in plain Python the same.

Every answer of the store must be the model's, and so must be the tables after every step: each job in exactly one
place, its state, its attempts, its lease. What no rule waits for is time: the clock is moved by moving all times that
stand in the tables.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar, TypeVar
from uuid import UUID

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from queueapi.claims import Claimed
from queueapi.errors import NotUnique
from queueapi.postgres.admitting import Asked, Rule
from queueapi.postgres.chaining import finish_linked
from queueapi.records import Blame, NewJob, Outcome, Progress, Special, Unique
from queueapi.states import State

sys.path.insert(0, str(Path(__file__).parent))  # for the model

from model import Attempt, Job, Model, flags
from model_limits import Limits
from model_tables import NEAR, TTL, UNIT, Database, Row, compare, ended_row, live_row

QUEUES = ("a", "b")
KINDS = ("Import", "Mail")
WORKERS = (UUID(int=1), UUID(int=2))
LEASE, EXPIRY = 2.5 * UNIT, 1.5 * UNIT
SLOTS = {"x": 2, "y": 1}
ERROR = json.dumps({"type": "ValueError", "message": "no", "traceback": None})
LOST = json.dumps({"type": "WorkerLost", "message": "gone", "traceback": None})

T = TypeVar("T")


def pick(things: Sequence[T], numbers: Sequence[int]) -> list[T]:
    """Some of them, the later ones rather than the earlier; none twice."""
    return list(dict.fromkeys(things[-1 - number % len(things)] for number in numbers)) if things else []


queues = st.lists(st.sampled_from(QUEUES), min_size=1, unique=True)
workers = st.sampled_from(WORKERS)
some = st.lists(st.integers(0, 11), min_size=1, max_size=4)


def _special(expires_in: float | None, result_ttl: float | None, keys: tuple[str, ...]) -> Special | None:
    room = min(SLOTS[key] for key in keys) if keys else None
    return Special(expires_in=expires_in, result_ttl=result_ttl, limit_keys=keys or None, limit_room=room)


def _job(queue: str, kind: str, priority: int, max_attempts: int, delay: float, special: Special | None) -> NewJob:
    return NewJob(queue, kind, "{}", priority, max_attempts, delay, None, special)


uniques = st.builds(
    Unique,
    key=st.sampled_from(["start:x", "end:y"]),
    window=st.sampled_from([None, None, 2.5 * UNIT]),
    on_conflict=st.sampled_from(["skip", "replace", "raise", "postpone"]),
)
hows = st.sampled_from(["killed", "killed", "lost", "late", None])
specials = st.none() | st.builds(
    _special,
    st.sampled_from([None, None, EXPIRY]),
    st.sampled_from([None, 0.0, UNIT / 2]),
    st.sampled_from([(), ("x",), ("y",), ("y", "x")]),
)
new_jobs = st.builds(
    _job,
    queue=st.sampled_from(QUEUES),
    kind=st.sampled_from(KINDS),
    priority=st.integers(-1, 1),
    max_attempts=st.sampled_from([1, 2, 3, 6]),
    delay=st.sampled_from([0.0, 0.0, UNIT, 3 * UNIT]),
    special=specials,
)


class Machine(RuleBasedStateMachine):
    """Pushers, workers, supervisors and people, all at random."""

    database: ClassVar[Database]

    def __init__(self) -> None:
        super().__init__()
        self.model = Model(TTL)
        self.limits = Limits(self.model, SLOTS)
        self.attempts: list[Attempt] = []  # all that there ever were
        self.ids: list[int] = []
        self.tokens = 0

    def chosen(self, numbers: Sequence[int]) -> list[Attempt]:
        """Attempts: those that still run, rather, and now and then some that have ended or lost their leases."""
        held = [(job.id, job.token) for job in self.model.held(self.attempts) if job.token is not None]
        return pick([*self.attempts[-3:], *held], numbers)

    @initialize(jobs=st.lists(new_jobs, min_size=3, max_size=9))
    def begin(self, jobs: list[NewJob]) -> None:
        self.database.empty()
        self.push(jobs)

    # -- pushers

    @rule(jobs=st.lists(new_jobs, min_size=1, max_size=5))
    def push(self, jobs: list[NewJob]) -> None:
        ids = self.database.store.push(jobs)
        assert ids == sorted(set(ids))
        assert not set(ids) & set(self.ids)
        self.ids += ids
        self.model.push(ids, jobs)

    @rule(jobs=st.lists(new_jobs, min_size=1, max_size=3), which=st.integers(0, 11))
    def push_behind(self, jobs: list[NewJob], which: int) -> None:
        for before in pick(list(self.model.live), [which]):
            for new in jobs:
                special = (new.special or Special())._replace(blocked_by=f"job:{before}")
                self.push([new._replace(special=special)])
                before = self.ids[-1]

    @rule(new=new_jobs, unique=uniques)
    def push_unique(self, new: NewJob, unique: Unique) -> None:
        new = new._replace(special=(new.special or Special())._replace(unique=unique))
        other, replaced = self.model.unique(new)
        if other is None:
            self.push([new])
            self.model.open_window(self.ids[-1], new)
        elif replaced and isinstance(other, Job):
            assert self.database.store.push([new]) == [other.id]
            self.model.replace(other, new, postponed=unique.on_conflict == "postpone")
        elif unique.on_conflict == "skip":
            assert self.database.store.push([new]) == [other.id if isinstance(other, Job) else other]
        else:
            with pytest.raises(NotUnique):
                self.database.store.push([new])

    @rule(which=some)
    def cancel(self, which: list[int]) -> None:
        running = [job.id for job in self.model.held(self.attempts)]
        for id_ in pick([*self.ids, *running], which):
            assert self.database.cancel(id_) == self.model.cancel(id_)

    @rule(queue=st.sampled_from(QUEUES))
    def clear(self, queue: str) -> None:
        assert self.database.waiting.clear(queue, ERROR, TTL) == self.model.clear(queue, ERROR)

    # -- workers

    @rule(queues=queues, room=st.integers(1, 4), worker=workers)
    def claim(self, queues: list[str], room: int, worker: UUID) -> None:
        self.tokens += 1
        claimed = self.database.store.claim(queues, room, self.tokens, worker, LEASE)
        expected = self.model.claim(queues, room, self.tokens, worker, LEASE)
        assert [(job.id, job.token, job.attempt) for job in claimed] == [
            (job.id, job.token, job.attempt) for job in expected
        ]
        for told, job in zip(claimed, expected, strict=True):
            assert (told.queue, told.kind, told.args, told.max_attempts, told.priority) == _said(job.new)
            more, meant = told.more(), flags(job, self.model)
            assert {name: getattr(more, name) for name in meant} == meant
        self.attempts += [(job.id, job.token) for job in claimed]
        self.admit(claimed)

    def admit(self, claimed: Sequence[Claimed]) -> None:
        """As a worker does before they begin."""
        asked = []
        for job in claimed:
            more = job.more()
            if not (more.expired or more.cancelled or more.dead) and (more.limit_keys or more.paused):
                reason = f"kind:{job.kind}" if more.paused else None
                asked.append(Asked(job.id, job.token, job.queue, more.limit_keys, reason))
        if asked:
            rules = {key: Rule(key, key, SLOTS[key], None, None, False) for one in asked for key in one.keys}
            answer = self.database.admitting.admit(asked, rules.values())
            self.database.prolong_promises()
            expected = self.limits.admit([self.model.live[one.id] for one in asked])
            assert (answer.begin, answer.parked) == expected

    @rule(which=some)
    def bring_back(self, which: list[int]) -> None:
        ended = pick(self.attempts, which)
        self.database.admitting.bring_back(SLOTS, [(key, *attempt) for attempt in ended for key in SLOTS])
        self.database.prolong_promises()
        self.limits.bring_back(sorted(SLOTS), ended)

    @rule(paused=st.none() | st.sampled_from(QUEUES))
    def look_for_what_is_blocked(self, paused: str | None) -> None:
        if paused:
            self.pause(paused)
        self.database.admitting.look()
        self.database.prolong_promises()
        self.limits.look()

    @rule(worker=workers)
    def claim_all(self, worker: UUID) -> None:
        self.resume()
        self.claim(list(QUEUES), 9, worker)

    @rule(which=some, state=st.sampled_from([State.DONE, State.DEAD, State.CANCELLED]))
    def finish(self, which: list[int], state: State) -> None:
        result = '{"n": 1, "none": null}' if state is State.DONE else None
        error = None if state is State.DONE else ERROR
        outcomes = [Outcome(*attempt, state, result, error) for attempt in self.chosen(which)]
        rows, _ = finish_linked(self.database.session, outcomes, {}, TTL)
        assert _attempts(rows) == self.model.finish(outcomes)

    @rule(paused=st.none() | st.sampled_from(QUEUES))
    def finish_all(self, paused: str | None) -> None:
        outcomes = [Outcome(*attempt, State.DONE, "1") for attempt in self.attempts[-40:]]
        rows, _ = finish_linked(self.database.session, outcomes, {}, TTL)
        assert _attempts(rows) == self.model.finish(outcomes)
        self.look_for_what_is_blocked(paused)

    @rule(which=some, delay=st.sampled_from([0.0, UNIT]), charged=st.booleans(), cursor=st.sampled_from([None, "7"]))
    def fail(self, which: list[int], delay: float, charged: bool, cursor: str | None) -> None:
        state = State.SCHEDULED if delay else State.AVAILABLE
        error = ERROR if charged else None
        outcomes = [
            Outcome(*attempt, state, error=error, delay=delay, charged=charged, cursor=cursor)
            for attempt in self.chosen(which)
        ]
        rows = self.database.store.reschedule(outcomes)
        assert _attempts(rows) == self.model.reschedule(outcomes)

    @rule(which=some)
    def renew(self, which: list[int]) -> None:
        attempts = self.chosen(which)
        assert self.database.upkeep.renew(attempts, LEASE) == self.model.renew(attempts, LEASE)

    @rule(which=some, cursor=st.sampled_from([None, "3"]))
    def report(self, which: list[int], cursor: str | None) -> None:
        attempts = self.chosen(which)
        rows = self.database.store.report([Progress(*attempt, 1.0, 2.0, None, cursor) for attempt in attempts])
        assert _attempts(rows) == self.model.report(attempts, cursor)

    @rule(which=some, worker=workers)
    def lose_the_answer_to_a_claim(self, which: list[int], worker: UUID) -> None:
        tokens = [token for _, token in self.chosen(which)]
        self.database.store.return_claims(worker, tokens)
        self.model.return_claims(worker, tokens)

    # -- supervisors

    @rule(units=st.integers(1, 4), promote=st.booleans())
    def let_time_pass(self, units: int, promote: bool) -> None:
        self.database.move(units * UNIT + 1)
        self.model.advance(units * UNIT + 1)
        if promote:
            self.promote()

    @rule()
    def promote(self) -> None:
        due, expected = self.database.upkeep.promote(), self.model.promote()
        assert (due is None) == (expected is None)
        assert due is None or expected is None or abs(due - expected) < NEAR

    @rule(renewed=some)
    def lose_a_machine(self, renewed: list[int]) -> None:
        self.renew(renewed)
        self.let_time_pass(3, promote=False)
        self.rescue()

    @rule()
    def rescue(self) -> None:
        rows = self.database.upkeep.rescue(LOST)
        assert {row[0]: row[3] for row in rows} == self.model.rescue(LOST)

    @rule(worker=workers, hows=st.lists(hows, min_size=4, max_size=4))
    def lose_a_worker(self, worker: UUID, hows: list[Any]) -> None:
        held = [job.id for job in self.model.held(self.attempts) if job.worker == worker]
        strangers = self.ids[-2:]
        blamed = [
            Blame(id_, how, LOST, ERROR)
            for id_, how in zip(dict.fromkeys([*held, *strangers]), hows, strict=False)
            if how
        ]
        self.database.upkeep.release(worker, blamed)
        for id_, (least, most) in self.model.release(worker, blamed, UNIT).items():
            ((delay,),) = self.database.sql(
                "with seen as (select id, run_at - now() as delay from queueapi.jobs where id = %s) "
                "update queueapi.jobs set run_at = now() + interval '600 seconds' from seen where jobs.id = seen.id "
                "returning extract(epoch from delay)::float8",
                id_,
            )
            assert least - NEAR < delay <= most

    @rule(worker=workers, which=some)
    def release_what_a_stuck_worker_has_not_begun(self, worker: UUID, which: list[int]) -> None:
        begun = [id_ for id_, _ in self.chosen(which)]
        rows = self.database.upkeep.release_unbegun(worker, begun, self.database.upkeep.clock())
        assert {row[0] for row in rows} == self.model.release_unbegun(worker, begun)

    @rule()
    def prune(self) -> None:
        self.database.upkeep.prune()
        self.model.prune()

    # -- people

    @rule(queue=st.sampled_from(QUEUES))
    def pause(self, queue: str) -> None:
        self.database.sql("insert into queueapi.pauses values ('queue', %s) on conflict do nothing", queue)
        self.model.paused.add(queue)

    @rule(kind=st.sampled_from(KINDS))
    def pause_a_kind(self, kind: str) -> None:
        self.database.sql("insert into queueapi.pauses values ('kind', %s) on conflict do nothing", kind)
        self.model.paused_kinds.add(kind)

    @rule()
    def resume(self) -> None:
        self.database.sql("delete from queueapi.pauses")
        self.model.paused.clear()
        self.model.paused_kinds.clear()

    @rule(queue=st.sampled_from([None, *QUEUES]))
    def look(self, queue: str | None) -> None:
        assert self.database.waiting.size(queue) == self.model.waiting(queue)
        dead = self.database.morgue.dead(queue, 2**62, 1000)
        assert [job.id for job in dead] == self.model.dead(queue)
        outcomes = [Outcome(*attempt, State.DONE) for attempt in self.attempts]
        assert self.database.store.finished(outcomes) == self.model.finished(self.attempts)

    @rule(which=some)
    def retry(self, which: list[int]) -> None:
        ids = pick(self.ids, which)
        assert set(self.database.morgue.retry(ids)) == self.model.retry(ids)

    @rule()
    def retry_all(self) -> None:
        ids = self.model.dead(None)
        assert set(self.database.morgue.retry(ids)) == self.model.retry(ids) == set(ids)

    @rule(which=some)
    def discard(self, which: list[int]) -> None:
        ids = pick(self.ids, which)
        assert set(self.database.discard(ids)) == self.model.discard(ids)

    # -- after every step

    @invariant()
    def the_tables_are_what_the_model_says(self) -> None:
        live, ended = self.database.live(), self.database.ended()
        assert not {row[0] for row in live} & {row[0] for row in ended}
        assert all(self.limits.running(key) <= slots for key, slots in SLOTS.items())
        compare(live, [live_row(job, self.model.now) for _, job in sorted(self.model.live.items())], times=3)
        compare(ended, [ended_row(job, self.model.now) for _, job in sorted(self.model.ended.items())], times=1)


def _said(new: NewJob) -> Row:
    return new.queue, new.kind, new.args, new.max_attempts, new.priority


def _attempts(rows: Sequence[Row]) -> set[Attempt]:
    return {(id_, token) for id_, token, *_ in rows}


@pytest.fixture
def machine(dsn: str) -> Iterator[type[Machine]]:
    """The machine on a database of its own."""
    database = Database(dsn)
    yield type("StoreMachine", (Machine,), {"database": database})
    database.close()


def _run(machine: type[Machine], examples: int, steps: int) -> None:
    checks = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples, stateful_step_count=steps, deadline=None, suppress_health_check=checks
        ),
    )


def test_the_store_does_what_the_model_does(machine: type[Machine]) -> None:
    _run(machine, examples=15, steps=40)


@pytest.mark.system
@pytest.mark.timeout(900)
def test_the_store_does_what_the_model_does_for_thousands_of_steps(machine: type[Machine]) -> None:
    _run(machine, examples=80, steps=100)
