"""What else is done when jobs end that belong together, by the finisher as a worker has it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec
import pytest

from queueapi import Job, Queue
from queueapi.claims import Claim, Claimed
from queueapi.errors import StoreUnavailable
from queueapi.events import Events
from queueapi.postgres.batching import Batching
from queueapi.postgres.chaining import finish_linked
from queueapi.postgres.connection import connect
from queueapi.postgres.sessions import Dedicated
from queueapi.postgres.store import Store
from queueapi.records import Outcome
from queueapi.runtime import Runtime
from queueapi.states import State
from queueapi.worker.board import Board
from queueapi.worker.finisher import Finisher
from queueapi.worker.linked import UNLINKED, Links, links

from .conftest import WORKER, Heard, Sql, until


class Link(Job, kind="linked.Link"):
    n: int

    def run(self) -> None: ...


class Called(Job, kind="linked.Called"):
    def run(self) -> None: ...


@pytest.fixture
def queue(dsn: str, runtime: Runtime) -> Queue:
    return Queue(lambda: runtime)


@pytest.fixture
def own(dsn: str) -> Iterator[Dedicated]:
    """The finisher's connection."""
    session = Dedicated(lambda: connect(dsn, "tests", 5))
    yield session
    session.close()


@pytest.fixture
def finisher(own: Dedicated, boards: tuple[Board, Board], events: Events) -> Iterator[Finisher]:
    finisher = Finisher(own, 3600.0, boards[0], events)
    finisher.start()
    yield finisher
    finisher.flush(5.0)


@pytest.fixture
def take(store: Store) -> Callable[[], list[Claimed]]:
    """Claim all that is available."""
    return lambda: store.claim(["default"], 100, 1000, WORKER, 30.0)


def done(job: Claimed, result: str = "7") -> Outcome:
    return Outcome(job.id, job.token, State.DONE, result=result)


CALLED = "select count(*) from queueapi.jobs where kind = 'linked.Called'"


def claimed(id_: int, **more: object) -> Claimed:
    special = msgspec.json.encode(Claim(**more)).decode() if more else None  # type: ignore[arg-type]
    return Claimed(id_, 1, "default", "k", "{}", 1, 25, special=special)


def test_most_jobs_are_not_linked_and_cost_nothing() -> None:
    assert links([(done(claimed(1)), claimed(1))]) is UNLINKED


def test_only_what_others_follow_and_what_a_batch_must_remember_is_written_apart() -> None:
    followed, inside, retried = claimed(1, followed=True), claimed(2, batch_id=9), claimed(3, batch_id=9)
    gone = claimed(4, batch_id=8)
    found = links(
        [
            (done(followed), followed),
            (done(inside), inside),
            (Outcome(3, 1, State.SCHEDULED, delay=5.0), retried),
            (Outcome(4, 1, State.CANCELLED, error="{}"), gone),
        ]
    )
    assert found == Links(frozenset({(1, 1), (4, 1)}), {2: 9, 4: 8})


def test_the_finisher_sets_free_what_follows_and_ends_the_batch(
    queue: Queue, finisher: Finisher, take: Callable[[], list[Claimed]], sql: Sql
) -> None:
    with queue.batch(on_success=Called()) as batch:
        first, second = batch.push(Link(1)), batch.push(Link(2), then=[Link(3)])
    for job in take():
        finisher.add(done(job), job)
    until(lambda: sql("select state, previous::text from queueapi.jobs") == [("available", "7")], "the third may begin")
    (third,) = take()
    assert third.more().previous == 7
    assert sql(CALLED) == [(0,)]
    finisher.add(done(third), third)
    until(lambda: sql(CALLED) == [(1,)], "the batch has ended")
    assert (first.state(), second.state(), batch.state()) == ("done", "done", "done")


def test_watchers_of_what_comes_of_it_are_told(
    queue: Queue, finisher: Finisher, take: Callable[[], list[Claimed]], own: Dedicated, dsn: str, sql: Sql
) -> None:
    first, second, third = queue.chain(Link(1), Link(2), Link(3))
    for handle in (second, third):
        sql("insert into queueapi.watches values (%s, %s)", handle.id, WORKER)
    with connect(dsn, "tests", 5) as listening:
        listening.execute("listen queueapi_jobs")
        (job,) = take()
        finisher.add(Outcome(job.id, job.token, State.CANCELLED, error='{"message": "gone"}'), job)
        (told,) = listening.notifies(timeout=10, stop_after=1)
    assert {int(id_) for id_ in told.payload.split(",")} == {second.id, third.id}
    assert first.state() == "cancelled"


def test_a_database_that_goes_away_before_the_batch_is_ended_loses_no_outcome_and_the_sweep_ends_it(
    queue: Queue,
    finisher: Finisher,
    take: Callable[[], list[Claimed]],
    session: Dedicated,
    heard: Heard,
    sql: Sql,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with queue.batch(on_complete=Called()):
        queue.push(Link(1))
    plain = queue.push(Link(2))

    def away(self: Batching, ids: object) -> None:
        monkeypatch.undo()
        raise StoreUnavailable("it went away just now")

    monkeypatch.setattr(Batching, "complete", away)
    for job in take():
        finisher.add(done(job), job)
    until(lambda: heard.of("store_back"), "it is back")
    assert (plain.state(), len(heard.of("finished"))) == ("done", 2)
    assert sql(CALLED) == [(0,)]
    Batching(session).sweep()
    assert sql(CALLED) == [(1,)]


def test_what_was_written_although_the_answer_never_came_is_written_once(
    queue: Queue,
    finisher: Finisher,
    take: Callable[[], list[Claimed]],
    heard: Heard,
    sql: Sql,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with queue.batch(on_complete=Called()):
        first, second = queue.chain(Link(1), Link(2))

    def cut(*words: object) -> object:
        monkeypatch.undo()
        finish_linked(*words)  # type: ignore[arg-type]
        raise StoreUnavailable("cut after")

    monkeypatch.setattr("queueapi.worker.linked.finish_linked", cut)
    (job,) = take()
    finisher.add(done(job), job)
    until(lambda: heard.of("finished"), "it is known to be written")
    assert (first.state(), second.state(), heard.of("lease_lost")) == ("done", "available", [])
    (job,) = take()
    finisher.add(done(job), job)
    until(lambda: sql(CALLED) == [(1,)], "the batch has ended")
