"""Lines of jobs: on PostgreSQL, and in queues of this process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import psycopg
import pytest

import queueapi
from queueapi import Discard, Job, Queue, SynchronousQueue, TestQueue
from queueapi.events import Events
from queueapi.executor import Executor
from queueapi.kinds import kinds
from queueapi.postgres.bundles import PostgresBundles
from queueapi.postgres.connection import connect
from queueapi.postgres.sessions import Dedicated
from queueapi.postgres.store import Store
from queueapi.records import Outcome
from queueapi.runtime import Runtime
from queueapi.states import State
from queueapi.worker.linked import Linker, links
from queueapi.worker.recorder import Recorder

Sql = Callable[..., list[tuple[Any, ...]]]
WORKER = UUID(int=7)
said: list[Any] = []


class Say(Job, kind="chains.Say"):
    """Notes what it was told by the one before, and passes on a word."""

    word: str

    def run(self) -> dict[str, Any]:
        said.append((self.word, queueapi.previous()))
        return {"word": self.word}


class Fail(Job, kind="chains.Fail", max_attempts=1):
    def run(self) -> None:
        raise RuntimeError("no")


class Vanish(Job, kind="chains.Vanish"):
    def run(self) -> None:
        raise Discard("it is gone")


class Nothing(Job, kind="chains.Nothing"):
    """Finds nothing, and says so."""

    def run(self) -> dict[str, Any]:
        return {"found": None, "tried": [{"at": None}]}


@queueapi.job(kind="chains.tell")
def tell() -> Any:
    """A function sees it, too."""
    return {"heard": queueapi.previous()}


class Single(Job, kind="chains.Single", unique=True):
    n: int

    def run(self) -> int:
        return self.n


@pytest.fixture(autouse=True)
def _nothing_said() -> None:
    said.clear()


class Bench:
    """What a worker does, one step at a time, on a connection of its own: claim, run, record."""

    def __init__(self, dsn: str) -> None:
        self.session = Dedicated(lambda: connect(dsn, "tests", 5))
        self.store = Store(self.session)
        self.linker = Linker(self.session, 3600.0)
        self.recorder = Recorder(self.store, 3600.0, Events(), self.linker)
        self.executor = Executor(kinds, 1_000_000)
        self.token = 0

    def claim(self, room: int = 100, queue: str = "default") -> list[Any]:
        self.token += 1
        return self.store.claim([queue], room, self.token, WORKER, 30.0)

    def end(self, jobs: list[Any], outcomes: list[Outcome]) -> None:
        linked = links(zip(outcomes, jobs, strict=True))
        self.recorder.outcomes(outcomes, linked)
        self.linker.complete(linked)

    def step(self, room: int = 100) -> int:
        """Run what is available at this moment; how many that were."""
        jobs = self.claim(room)
        self.end(jobs, [self.executor.execute(job) for job in jobs])
        return len(jobs)

    def run(self) -> None:
        while self.step():
            pass


@pytest.fixture
def bench(dsn: str) -> Iterator[Bench]:
    bench = Bench(dsn)
    yield bench
    bench.session.close()


def test_each_begins_when_the_one_before_is_done_and_is_told_its_result(queue: Queue, bench: Bench) -> None:
    first, second, third = queue.chain(Say("a"), tell.job(), Say("c"))
    assert [handle.state() for handle in (first, second, third)] == ["available", "blocked", "blocked"]
    assert bench.step() == 1
    assert [handle.state() for handle in (first, second, third)] == ["done", "available", "blocked"]
    bench.run()
    assert second.result() == {"heard": {"word": "a"}}
    assert said == [("a", None), ("c", {"heard": {"word": "a"}})]
    assert third.state() == "done"


def test_a_result_comes_as_it_was_with_what_is_null_in_it_also_after_a_death(queue: Queue, bench: Bench) -> None:
    _, failing = queue.chain(Nothing(), Fail())
    bench.run()
    assert failing.retry()
    (job,) = bench.claim()
    assert job.more().previous == {"found": None, "tried": [{"at": None}]}


def test_push_takes_what_follows_as_then(queue: Queue, bench: Bench) -> None:
    queue.push(Say("a"), then=[Say("b"), Say("c")])
    bench.run()
    assert [word for word, _ in said] == ["a", "b", "c"]


def test_a_result_that_is_not_kept_is_passed_on_all_the_same(queue: Queue, bench: Bench, sql: Sql) -> None:
    queue.chain(Say("a"), Say("b"), keep_result=False)
    bench.run()
    assert said == [("a", None), ("b", {"word": "a"})]
    assert sql("select count(*) from queueapi.finished") == [(0,)]


def test_if_one_dies_the_rest_waits_and_goes_on_when_it_is_retried_and_done(queue: Queue, bench: Bench) -> None:
    failing, rest = queue.chain(Fail(), Say("b"))
    bench.run()
    assert (failing.state(), rest.state()) == ("dead", "blocked")
    assert failing.retry()
    (job,) = bench.claim()
    bench.end([job], [Outcome(job.id, job.token, State.DONE, result='"late"')])
    bench.run()
    assert said == [("b", "late")]
    assert rest.state() == "done"


def test_a_failed_attempt_that_is_tried_again_leaves_the_rest_where_it_is(queue: Queue, bench: Bench) -> None:
    first, rest = queue.chain(Say("a"), Say("b"))
    (job,) = bench.claim()
    bench.end([job], [Outcome(job.id, job.token, State.SCHEDULED, error="{}", delay=60.0)])
    assert (first.state(), rest.state()) == ("scheduled", "blocked")


@pytest.mark.parametrize("how", ["cancel", "clear", "discard", "itself"])
def test_if_one_is_cancelled_or_given_up_all_behind_it_are_and_say_why(queue: Queue, bench: Bench, how: str) -> None:
    first, second, third = queue.chain(Vanish() if how == "itself" else Fail(), Say("b"), Say("c"))
    if how == "cancel":
        assert first.cancel()
    elif how == "clear":
        assert queue["default"].clear() == 3
    else:
        bench.run()
        assert how == "itself" or first.discard()
    assert {handle.state() for handle in (first, second, third)} == {"cancelled"}
    if how == "itself":
        assert second.status()["error"] == {
            "type": "ChainCancelled",
            "message": f"job {first.id}, which it was to follow, was cancelled: it is gone",
        }
    if how in ("cancel", "discard"):
        assert f"job {second.id}, which it was to follow" in third.status()["error"]["message"]
    bench.run()
    assert said == []


def test_cancelling_one_in_the_middle_leaves_the_ones_before_it(queue: Queue, bench: Bench) -> None:
    first, second, third = queue.chain(Say("a"), Say("b"), Say("c"))
    assert second.cancel()
    bench.run()
    assert [handle.state() for handle in (first, second, third)] == ["done", "cancelled", "cancelled"]
    assert said == [("a", None)]


def test_a_stale_run_that_lost_its_lease_sets_nothing_free(queue: Queue, bench: Bench, sql: Sql) -> None:
    first, rest = queue.chain(Say("a"), Say("b"))
    (job,) = bench.claim()
    sql("update queueapi.jobs set token = 99 where id = %s", first.id)
    bench.end([job], [bench.executor.execute(job)])
    assert (first.state(), rest.state()) == ("running", "blocked")


def test_the_end_of_one_and_the_freedom_of_the_next_are_one_transaction(queue: Queue, bench: Bench, sql: Sql) -> None:
    first, rest = queue.chain(Say("a"), Say("b"))
    (job,) = bench.claim()
    outcome = bench.executor.execute(job)
    # Whatever breaks between the two statements: here, a follower that cannot be changed.
    sql("create function refuse() returns trigger language plpgsql as $$ begin raise 'no'; end $$")
    sql("create trigger refuse before update on queueapi.jobs for each row execute function refuse()")
    with pytest.raises(psycopg.errors.RaiseException):
        bench.end([job], [outcome])
    assert (first.state(), rest.state()) == ("running", "blocked")
    sql("drop function refuse() cascade")
    bench.end([job], [outcome])
    assert (first.state(), rest.state()) == ("done", "available")


def test_neighbours_that_nobody_follows_are_recorded_with_it(queue: Queue, bench: Bench) -> None:
    first, rest = queue.chain(Say("a"), Say("b"))
    plain = queue.push_all([Say("x"), Say("y")])
    assert bench.step() == 3
    assert [handle.state() for handle in (first, *plain, rest)] == ["done", "done", "done", "available"]


def test_options_hold_for_all_but_those_of_time_for_the_first(queue: Queue, sql: Sql) -> None:
    queue["mail"].chain(Say("a"), Say("b"), delay=60, priority=7)
    rows = sql("select queue, priority, state, run_at > now() from queueapi.jobs order by id")
    assert rows == [("mail", 7, "scheduled", True), ("mail", 7, "blocked", False)]


def test_a_chain_is_in_the_callers_transaction(queue: Queue, dsn: str, sql: Sql) -> None:
    with psycopg.connect(dsn) as connection:
        queue.chain(Say("a"), Say("b"), conn=connection)
        assert sql("select count(*) from queueapi.jobs") == [(0,)]
        connection.rollback()
        queue.chain(Say("a"), Say("b"), conn=connection)
    assert sql("select count(*) from queueapi.jobs") == [(2,)]


def test_whether_it_is_unique_is_asked_of_the_first_alone_and_then_of_the_whole_line(
    queue: Queue, bench: Bench, sql: Sql
) -> None:
    first, _ = queue.chain(Single(1), Single(1))
    assert sql("select count(*) from queueapi.jobs") == [(2,)]
    assert [handle.id for handle in queue.chain(Single(1), Single(1))] == [first.id]
    assert sql("select count(*) from queueapi.jobs") == [(2,)]
    bench.run()
    assert sql("select state, count(*) from queueapi.finished group by 1") == [("done", 2)]


def test_a_chain_of_one_is_a_plain_job(queue: Queue, sql: Sql) -> None:
    (handle,) = queue.chain(Say("a"))
    assert sql("select id, followed, blocked_by from queueapi.jobs") == [(handle.id, False, None)]


def test_outside_of_a_job_nothing_came_before() -> None:
    assert queueapi.previous() is None


# -- in queues of this process


def test_drain_runs_a_chain_to_its_end() -> None:
    queue = TestQueue()
    first, second = queue.chain(Say("a"), Say("b"))
    assert (first.state(), second.state()) == ("available", "blocked")
    assert (queue.size(), queue.jobs) == (2, [Say("a"), Say("b")])
    assert queue.drain() == 2
    assert said == [("a", None), ("b", {"word": "a"})]


def test_in_a_test_queue_too_the_rest_waits_for_a_dead_one_and_goes_with_a_cancelled_one() -> None:
    queue = TestQueue()
    failing, rest = queue.chain(Fail(), Say("b"))
    with pytest.raises(RuntimeError):
        queue.drain()
    assert (failing.state(), rest.state()) == ("dead", "blocked")
    failing.discard()
    assert rest.state() == "cancelled"
    first, second, third = queue.chain(Vanish(), Say("b"), Say("c"))
    queue.drain()
    assert [handle.state() for handle in (first, second, third)] == ["cancelled"] * 3
    assert "it is gone" in second.status()["error"]["message"]


def test_clearing_a_test_queue_clears_a_chain() -> None:
    queue = TestQueue()
    chain = queue.chain(Say("a"), Say("b"), Say("c"))
    assert queue.clear() == 3
    assert {handle.state() for handle in chain} == {"cancelled"}
    assert queue.drain() == 0


def test_if_the_first_raises_a_synchronous_queue_runs_nothing_that_follows() -> None:
    with pytest.raises(RuntimeError):
        SynchronousQueue().chain(Fail(), Say("b"))
    assert said == []


def test_a_synchronous_queue_runs_a_chain_at_once() -> None:
    first, second = SynchronousQueue().chain(Say("a"), tell.job())
    assert second.result() == {"heard": {"word": "a"}}
    assert first.state() == "done"


def test_a_queue_of_somebodys_own_knows_no_chains(runtime: Runtime) -> None:
    class Mine:
        def push(self, job: object) -> None: ...

    queue = Queue(lambda: runtime)
    queue["mine"] = Mine()
    with pytest.raises(queueapi.NotOffered):
        queue["mine"].chain(Say("a"), Say("b"))


def test_who_pushes_the_same_line_between_our_look_and_our_push_is_not_taken_for_us(
    queue: Queue, bench: Bench, sql: Sql, monkeypatch: pytest.MonkeyPatch
) -> None:
    others: list[Any] = []
    look = PostgresBundles.newest

    def look_and_be_overtaken(self: PostgresBundles, conn: object | None) -> int:
        newest = look(self, conn)
        if not others:
            others.append(queue.push(Single(1)))
        return newest

    monkeypatch.setattr(PostgresBundles, "newest", look_and_be_overtaken)
    met, new = queue.chain(Single(1), Say("a")), queue.chain(Single(2), Say("b"))
    assert [handle.id for handle in met] == [others[0].id]
    assert len(new) == 2
    bench.run()
    assert sql("select count(*) from queueapi.jobs") == [(0,)]
    assert said == [("b", new[0].result())]


def test_what_is_pushed_within_savepoints_is_taken_for_ours(queue: Queue, bench: Bench, sql: Sql, dsn: str) -> None:
    with psycopg.connect(dsn) as connection:
        connection.execute("select 1")
        with connection.transaction(), connection.transaction():
            assert len(queue.chain(Single(1), Say("a"), conn=connection)) == 2
        with connection.transaction():
            assert len(queue.chain(Single(1), Say("a"), conn=connection)) == 1
    bench.run()
    assert len(said) == 1
    assert sql("select count(*) from queueapi.jobs") == [(0,)]


def test_of_two_lines_of_a_batch_that_begin_the_same_one_is_there(queue: Queue, bench: Bench, sql: Sql) -> None:
    with queue.batch():
        queue.push(Single(1), then=[Say("a")])
        queue.push(Single(1), then=[Say("b")])
    bench.run()
    assert [word for word, _ in said] == ["a"]
    assert sql("select count(*) from queueapi.jobs") == [(0,)]
