"""The table of legal moves, drawn against what the SQL really does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from queueapi.postgres.admitting import Admitting, Asked
from queueapi.postgres.morgue import Morgue
from queueapi.postgres.sessions import Dedicated
from queueapi.postgres.store import Store
from queueapi.postgres.upkeep import Upkeep
from queueapi.records import Blame, NewJob, Outcome, Special
from queueapi.states import FINAL, MOVES, State

WORKER = uuid4()
TTL = 3600.0


def test_the_table_knows_every_state_and_of_the_final_ones_only_death_can_be_undone() -> None:
    assert set(MOVES) == {None, *State}
    assert {state for state in State if not MOVES[state]} == FINAL - {State.DEAD}
    assert {state for state in State if state.final} == FINAL


class Lives:
    """Jobs in every state, each moved there by the verbs themselves."""

    def __init__(
        self, session: Dedicated, store: Store, upkeep: Upkeep, sql: Callable[..., list[tuple[Any, ...]]]
    ) -> None:
        self.store, self.upkeep, self.sql = store, upkeep, sql
        self.admitting = Admitting(session)
        self.queues = 0
        self.verbs: dict[str, Callable[[int, int], object]] = {
            "promote": lambda id_, token: (
                sql("update queueapi.jobs set run_at = now() where id = %s", id_),
                upkeep.promote(),
            ),
            "claim": lambda id_, token: self.claim(),
            "done": lambda id_, token: store.finish([Outcome(id_, token, State.DONE)], TTL),
            "dead": lambda id_, token: store.finish([Outcome(id_, token, State.DEAD, error="{}")], TTL),
            "give up": lambda id_, token: store.finish([Outcome(id_, token, State.CANCELLED, error="{}")], TTL),
            "retry the dead": lambda id_, token: Morgue(session).retry([id_]),
            "discard the dead": lambda id_, token: Morgue(session).discard([id_], TTL),
            "retry": lambda id_, token: store.reschedule([Outcome(id_, token, State.SCHEDULED, delay=60.0)]),
            "hand back": lambda id_, token: store.reschedule([Outcome(id_, token, State.AVAILABLE, charged=False)]),
            "rescue": lambda id_, token: (self.expire(id_), upkeep.rescue("{}")),
            "rescue, last attempt": lambda id_, token: (self.expire(id_), self.last(id_), upkeep.rescue("{}")),
            "release": lambda id_, token: upkeep.release(WORKER, []),
            "release, last attempt": lambda id_, token: (
                self.last(id_),
                upkeep.release(WORKER, [Blame(id_, "lost", "{}")]),
            ),
            "cancel": lambda id_, token: store.cancel(id_, TTL),
            "prune": lambda id_, token: upkeep.prune(),
            "park": lambda id_, token: self.park(id_, token),
            "park with others": lambda id_, token: self.while_paused(
                lambda: session.run("block_waiting", {"queues": [f"q{self.queues}"], "reasons": ["kind:kind"]})
            ),
            "unblock": lambda id_, token: self.admitting.unblock_kind("kind"),
            "unblock what was put off": lambda id_, token: (
                sql("update queueapi.jobs set run_at = now() + interval '1 h' where state = 'blocked'"),
                self.admitting.unblock_kind("kind"),
            ),
        }

    def push(self, delay: float = 0.0, special: Special | None = None) -> int:
        self.queues += 1
        return self.store.push([NewJob(f"q{self.queues}", "kind", "{}", 0, 25, delay, None, special)])[0]

    def park(self, id_: int, token: int) -> None:
        """As admission does when the kind of a claimed job is paused."""
        asked = [Asked(id_, token, f"q{self.queues}", (), "kind:kind")]
        self.while_paused(lambda: self.admitting.admit(asked, []))

    def while_paused(self, do: Callable[[], object]) -> None:
        self.sql("insert into queueapi.pauses (what, name) values ('kind', 'kind')")
        do()
        self.sql("delete from queueapi.pauses")

    def claim(self) -> int:
        for job in self.store.claim([f"q{self.queues}"], 1, self.queues, WORKER, 30.0):
            assert job.token == self.queues
        return self.queues

    def expire(self, id_: int) -> object:
        return self.sql(
            "update queueapi.jobs set lease_until = now() - interval '1 s' where id = %s and token is not null", id_
        )

    def last(self, id_: int) -> object:
        return self.sql("update queueapi.jobs set attempt = max_attempts where id = %s and state = 'running'", id_)

    def state(self, id_: int) -> State:
        return self.store.read([id_])[id_].state

    def born_in(self, state: State) -> tuple[int, int]:
        """(id, token) of a new job in that state."""
        id_, token = self.push(delay=60.0 if state is State.SCHEDULED else 0.0), 0
        if state in (State.RUNNING, State.DONE, State.DEAD, State.BLOCKED):
            token = self.claim()
        if state in (State.DONE, State.DEAD):
            self.store.finish([Outcome(id_, token, state)], TTL)
        if state is State.CANCELLED:
            self.store.cancel(id_, TTL)
        if state is State.BLOCKED:
            self.park(id_, token)
        assert self.state(id_) is state
        return id_, token


@pytest.fixture
def lives(
    session: Dedicated, store: Store, upkeep: Upkeep, sql: Callable[..., list[tuple[Any, ...]]]
) -> Lives:
    return Lives(session, store, upkeep, sql)


def test_the_verbs_together_make_exactly_the_moves_of_the_table(lives: Lives) -> None:
    seen: dict[State | None, set[State]] = {state: set() for state in MOVES}
    limited = Special(limit_keys=("key",), limit_room=0)
    seen[None] = {lives.state(id_) for id_ in (lives.push(), lives.push(delay=60.0), lives.push(special=limited))}
    for state in State:
        for verb in lives.verbs.values():
            id_, token = lives.born_in(state)
            verb(id_, token)
            if lives.state(id_) is not state:
                seen[state].add(lives.state(id_))
    assert seen == MOVES


def test_a_job_is_never_in_both_tables(lives: Lives) -> None:
    for state in State:
        for verb in lives.verbs.values():
            verb(*lives.born_in(state))
    both = lives.sql("select id from queueapi.jobs intersect select id from queueapi.finished")
    twice = lives.sql("select id from queueapi.finished group by id having count(*) > 1")
    assert (both, twice) == ([], [])
    assert len(lives.sql("select id from queueapi.jobs union select id from queueapi.finished")) == lives.queues


@pytest.mark.parametrize("verb", ["retry", "hand back", "rescue", "release", "park"])
def test_what_leaves_the_running_ones_leaves_its_lease_there(lives: Lives, verb: str) -> None:
    id_, token = lives.born_in(State.RUNNING)
    lease = "select state, token, worker, lease_until, claimed_at from queueapi.jobs where id = %s"
    assert None not in lives.sql(lease, id_)[0]
    lives.verbs[verb](id_, token)
    ((state, *held),) = lives.sql(lease, id_)
    assert state != "running"
    assert held == [None] * 4
