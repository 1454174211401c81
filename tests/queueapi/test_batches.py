"""Batches as people use them: on PostgreSQL, and in queues of this process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import psycopg
import pytest

import queueapi
from queueapi import Discard, Job, JobNotFound, Queue, SettingsError, SynchronousQueue, TestQueue
from queueapi.events import Events
from queueapi.executor import Executor
from queueapi.kinds import kinds
from queueapi.postgres.connection import connect
from queueapi.postgres.sessions import Dedicated
from queueapi.postgres.store import Store
from queueapi.runtime import Runtime
from queueapi.worker.linked import Linker, links
from queueapi.worker.recorder import Recorder

Sql = Callable[..., list[tuple[Any, ...]]]
ran: list[Any] = []


class Work(Job, kind="batches.Work"):
    n: int

    def run(self) -> int:
        ran.append(self.n)
        return self.n


class Fail(Job, kind="batches.Fail", max_attempts=1):
    def run(self) -> None:
        if not ran.count("mended"):
            raise RuntimeError("no")


class Vanish(Job, kind="batches.Vanish"):
    def run(self) -> None:
        raise Discard("it is gone")


class Called(Job, kind="batches.Called"):
    """A callback: notes its name and the figures."""

    name: str

    def run(self) -> None:
        ran.append((self.name, queueapi.previous()))


class Adding(Job, kind="batches.Adding"):
    """Adds to its own batch."""

    n: int

    def run(self) -> None:
        batch = queueapi.batch()
        assert batch is not None
        if self.n:
            batch.push(Adding(self.n - 1))
        ran.append(self.n)


class Opening(Job, kind="batches.Opening"):
    """Opens a batch within its own."""

    def run(self) -> None:
        batch = queueapi.batch()
        assert batch is not None
        with batch.batch(on_complete=Called("inner")) as inner:
            inner.push(Work(1))


class Elsewhere(Job, kind="batches.Elsewhere", queue="here"):
    def run(self) -> None: ...


class Single(Job, kind="batches.Single", unique=True):
    n: int

    def run(self) -> None:
        ran.append(self.n)


@pytest.fixture(autouse=True)
def _nothing_ran() -> Iterator[None]:
    ran.clear()
    queueapi.configure()
    yield
    queueapi.configure()


def called() -> list[str]:
    return [item[0] for item in ran if isinstance(item, tuple)]


class Bench:
    """What a worker does, one step at a time, on a connection of its own: claim, run, record."""

    def __init__(self, dsn: str) -> None:
        self.session = Dedicated(lambda: connect(dsn, "tests", 5))
        self.store = Store(self.session)
        self.linker = Linker(self.session, 3600.0)
        self.recorder = Recorder(self.store, 3600.0, Events(), self.linker)
        self.executor = Executor(kinds, 1_000_000)
        self.token = 0

    def step(self, room: int = 100) -> int:
        """Run what is available at this moment; how many that were."""
        self.token += 1
        jobs = self.store.claim(["default"], room, self.token, UUID(int=7), 30.0)
        outcomes = [self.executor.execute(job) for job in jobs]
        linked = links(zip(outcomes, jobs, strict=True))
        self.recorder.outcomes(outcomes, linked)
        self.linker.complete(linked)
        return len(jobs)

    def run(self) -> None:
        while self.step():
            pass


@pytest.fixture
def bench(dsn: str, queue: Queue) -> Iterator[Bench]:
    queueapi.configure(queue)  # jobs push to the same database
    bench = Bench(dsn)
    yield bench
    bench.session.close()


def numbers(status: dict[str, Any]) -> dict[str, int]:
    return {name: value for name, value in status["batch"].items() if name != "id"}


def test_the_callbacks_are_pushed_once_when_the_last_job_has_ended_and_see_the_figures(
    queue: Queue, bench: Bench
) -> None:
    with queue.batch(on_success=Called("success"), on_complete=Called("complete")) as batch:
        batch.push_all(Work(n) for n in range(3))
        batch.push(Work(3))
    assert numbers(batch.status()) == {"total": 4, "pending": 4, "done": 0, "dead": 0, "cancelled": 0}
    bench.step(3)
    assert numbers(batch.status()) == {"total": 4, "pending": 1, "done": 3, "dead": 0, "cancelled": 0}
    assert (batch.state(), batch.status()["progress"]) == ("running", {"done": 3, "total": 4, "message": None})
    bench.run()
    assert called() == ["complete", "success"]
    figures = {"id": str(batch.id), "total": 4, "pending": 0, "done": 4, "dead": 0, "cancelled": 0}
    assert ran[-1] == ("success", figures)
    assert (batch.state(), batch.status()["event"], batch.status()["result"]) == ("done", "done", figures)
    assert batch.wait(0)["state"] == "done"


def test_several_callbacks_may_be_given(queue: Queue, bench: Bench) -> None:
    with queue.batch(on_complete=[Called("one"), Called("two")]) as batch:
        batch.push(Work(1))
    bench.run()
    assert called() == ["one", "two"]


def test_an_empty_batch_completes_at_once(queue: Queue, bench: Bench) -> None:
    with queue.batch(on_success=Called("success"), on_complete=Called("complete")) as batch:
        pass
    assert batch.state() == "done"
    bench.run()
    assert called() == ["complete", "success"]


def test_a_dead_job_completes_the_batch_and_when_it_is_retried_and_done_the_batch_succeeds(
    queue: Queue, bench: Bench
) -> None:
    with queue.batch(on_success=Called("success"), on_complete=Called("complete")) as batch:
        failing = batch.push(Fail())
        batch.push(Work(1))
    bench.run()
    assert called() == ["complete"]
    assert (batch.state(), batch.status()["event"]) == ("dead", "failed")
    assert batch.status()["error"] == {"type": "BatchFailed", "message": "1 of 2 failed"}
    ran.append("mended")
    failing.retry()
    assert batch.state() == "running"
    bench.run()
    assert called() == ["complete", "success"]
    assert (batch.state(), numbers(batch.status())["done"]) == ("done", 2)


def test_a_job_that_dies_again_calls_nobody_again(queue: Queue, bench: Bench) -> None:
    with queue.batch(on_success=Called("success"), on_complete=Called("complete")) as batch:
        failing = batch.push(Fail())
    bench.run()
    failing.retry()
    bench.run()
    assert (called(), batch.state()) == (["complete"], "dead")


@pytest.mark.parametrize("how", ["cancel", "clear", "discard", "itself", "expired"])
def test_a_cancelled_job_counts_as_ended_and_the_batch_cannot_succeed_any_more(
    queue: Queue, bench: Bench, sql: Sql, how: str
) -> None:
    with queue.batch(on_success=Called("success"), on_complete=Called("complete")) as batch:
        one = batch.push(
            Vanish() if how == "itself" else Fail(), expires_in=1 if how == "expired" else None, keep_result=False
        )
    if how == "cancel":
        one.cancel()
    elif how == "clear":
        queue["default"].clear()
    elif how == "expired":
        sql("update queueapi.jobs set expires_at = now() - interval '1 s'")
    bench.run()
    if how == "discard":
        assert batch.state() == "dead"
        one.discard()
    assert called() == ["complete"]
    assert (batch.state(), batch.status()["event"]) == ("cancelled", "cancelled")
    assert numbers(batch.status()) == {"total": 1, "pending": 0, "done": 0, "dead": 0, "cancelled": 1}
    assert sql("select over, succeeded_at from queueapi.batches") == [(True, None)]


def test_nothing_is_pushed_before_the_end_of_the_block_and_nothing_at_all_if_it_raises(
    queue: Queue, bench: Bench, sql: Sql
) -> None:
    with pytest.raises(ZeroDivisionError), queue.batch(on_complete=Called("complete")) as batch:  # noqa: PT012
        handle = batch.push(Work(1))
        with queue.batch() as inner:
            inner.push(Work(2))
        assert sql("select count(*) from queueapi.jobs") == [(0,)]
        with pytest.raises(JobNotFound, match="before the end of"):
            handle.ticket()
        with pytest.raises(JobNotFound, match="before the end of"):
            batch.status()
        assert "open" in repr(batch) + repr(handle)
        1 / 0  # noqa: B018
    assert sql("select (select count(*) from queueapi.jobs), (select count(*) from queueapi.batches)") == [(0, 0)]


def test_handles_have_their_ids_after_the_block(queue: Queue, bench: Bench) -> None:
    with queue.batch() as batch:
        first, second = batch.push(Work(1)), batch.push(Work(2), then=[Work(3)])
    bench.run()
    assert (first.result(), second.result(), ran) == (1, 2, [1, 2, 3])
    assert numbers(batch.status())["total"] == 3


def test_what_the_queue_is_given_in_the_block_belongs_to_it_but_not_what_has_a_connection_of_its_own(
    queue: Queue, dsn: str, sql: Sql
) -> None:
    with psycopg.connect(dsn) as connection, queue.batch() as batch:
        queue.push(Work(1))
        queue["mail"].push_all([Work(2), Work(3)])
        queue.push(Work(4), conn=connection)
    queue.push(Work(5))
    inside = sql("select args ->> 'n' from queueapi.jobs where batch_id = %s order by id", batch.id)
    assert inside == [("1",), ("2",), ("3",)]
    assert sql("select count(*) from queueapi.jobs") == [(5,)]


def test_a_batch_is_in_the_callers_transaction(queue: Queue, dsn: str, sql: Sql) -> None:
    with psycopg.connect(dsn) as connection:
        for keep in (False, True):
            with queue.batch(on_complete=Called("complete"), conn=connection) as batch:
                batch.push(Work(1))
                queue.push(Work(2), conn=connection)
            assert sql("select count(*) from queueapi.batches") == [(0,)]
            if not keep:
                connection.rollback()
    assert sql("select count(*) from queueapi.jobs where batch_id = %s", batch.id) == [(2,)]


def test_if_the_end_of_the_block_fails_the_callers_transaction_can_go_on(
    queue: Queue, dsn: str, sql: Sql
) -> None:
    with psycopg.connect(dsn) as connection:
        connection.execute("create table mine (n int)")
        sql("create function refuse() returns trigger language plpgsql as $$ begin raise 'no'; end $$")
        sql("create trigger refuse before insert on queueapi.jobs for each row execute function refuse()")
        with pytest.raises(psycopg.errors.RaiseException), queue.batch(conn=connection) as batch:
            batch.push(Work(1))
        connection.execute("insert into mine values (1)")
    assert sql("select (select count(*) from mine), (select count(*) from queueapi.batches)") == [(1, 0)]
    sql("drop function refuse() cascade; drop table mine")


def test_a_job_adds_to_its_own_batch(queue: Queue, bench: Bench) -> None:
    with queue.batch(on_success=Called("success")) as batch:
        batch.push(Adding(3))
    bench.run()
    assert ran[:4] == [3, 2, 1, 0]
    assert called() == ["success"]
    assert numbers(batch.status()) == {"total": 4, "pending": 0, "done": 4, "dead": 0, "cancelled": 0}


def test_nobody_adds_to_a_batch_that_has_ended(queue: Queue, bench: Bench, sql: Sql) -> None:
    with queue.batch() as batch:
        batch.push(Work(1))
    bench.run()
    with pytest.raises(SettingsError, match="has ended"):
        batch.push(Work(2))
    with pytest.raises(SettingsError, match="has ended"), batch.batch(on_complete=Called("late")) as inner:
        inner.push(Work(3))
    assert sql("select count(*) from queueapi.jobs") == [(0,)]
    assert sql("select count(*) from queueapi.batches") == [(1,)]


def test_what_ends_in_the_callers_transaction_takes_no_more_there(queue: Queue, dsn: str) -> None:
    with psycopg.connect(dsn) as mine:
        with queue.batch(conn=mine) as batch:
            pass
        with pytest.raises(SettingsError, match="has ended"):
            batch.push(Work(1), conn=mine)


def test_a_batch_that_nobody_knows_takes_nothing(queue: Queue, bench: Bench) -> None:
    unknown = queueapi.batch(12345)
    assert unknown is not None
    with pytest.raises(JobNotFound, match="there is no batch 12345"):
        unknown.push(Work(1))


def test_what_a_unique_job_kept_out_is_not_counted(queue: Queue, bench: Bench) -> None:
    queue.push(Single(1))
    with queue.batch(on_success=Called("success")) as batch:
        batch.push(Single(1))
        batch.push_all([Single(2), Single(2)])
    assert numbers(batch.status())["total"] == 1
    bench.run()
    assert called() == ["success"]
    assert numbers(batch.status()) == {"total": 1, "pending": 0, "done": 1, "dead": 0, "cancelled": 0}


def test_a_batch_completes_after_those_in_it_and_after_their_callbacks(queue: Queue, bench: Bench) -> None:
    with queue.batch(on_success=Called("outer")) as outer:
        queue.push(Work(0))
        with queue.batch(on_success=Called("inner")) as inner:
            queue.push_all([Work(1), Work(2)])
    assert numbers(outer.status())["total"] == 3
    bench.step(1)
    assert (outer.state(), called()) == ("running", [])
    bench.step(2)
    assert (inner.state(), outer.state()) == ("done", "running")
    bench.run()
    assert called() == ["inner", "outer"]
    assert numbers(outer.status()) == {"total": 4, "pending": 0, "done": 4, "dead": 0, "cancelled": 0}


def test_a_job_opens_a_batch_within_its_own(queue: Queue, bench: Bench) -> None:
    with queue.batch(on_complete=Called("outer")) as outer:
        outer.push(Opening())
    bench.run()
    assert called() == ["inner", "outer"]
    assert outer.state() == "done"


def test_empty_batches_within_an_empty_one_all_complete_at_once(queue: Queue, bench: Bench) -> None:
    with queue.batch(on_complete=Called("outer")) as outer, queue.batch() as middle, queue.batch() as inner:
        pass
    assert {batch.state() for batch in (outer, middle, inner)} == {"done"}
    bench.run()
    assert called() == ["outer"]


def test_the_outer_one_succeeds_only_when_the_inner_one_has(queue: Queue, bench: Bench) -> None:
    with queue.batch(on_success=Called("success"), on_complete=Called("complete")) as outer:
        queue.push(Work(0))
        with queue.batch() as inner:
            failing = inner.push(Fail())
    bench.run()
    assert (called(), outer.state(), inner.state()) == (["complete"], "dead", "dead")
    ran.append("mended")
    failing.retry()
    bench.run()
    assert (called(), outer.state(), inner.state()) == (["complete", "success"], "done", "done")


def test_a_chain_in_a_batch_ends_with_its_last_or_when_it_is_broken(queue: Queue, bench: Bench) -> None:
    with queue.batch(on_success=Called("good")) as good:
        good.push(Work(1), then=[Work(2)])
    with queue.batch(on_complete=Called("broken")) as broken:
        broken.push(Vanish(), then=[Work(3)])
    bench.run()
    assert sorted(called()) == ["broken", "good"]
    assert numbers(broken.status()) == {"total": 2, "pending": 0, "done": 0, "dead": 0, "cancelled": 2}


def test_what_a_crash_left_is_swept_up(queue: Queue, bench: Bench, sql: Sql) -> None:
    with queue.batch(on_success=Called("success")) as batch:
        batch.push(Work(1))
    bench.linker.complete = lambda links: None  # type: ignore[method-assign]  # the process ends here
    bench.run()
    assert (called(), batch.state()) == ([], "running")
    bench.linker._batching.sweep()
    bench.linker._batching.sweep()
    assert batch.state() == "done"
    bench.run()
    assert called() == ["success"]


def test_only_the_running_job_has_a_batch_and_an_id_names_any(queue: Queue, bench: Bench) -> None:
    assert queueapi.batch() is None
    with queue.batch() as batch:
        pass
    again = queueapi.batch(batch.id)
    assert again is not None
    assert again.state() == "done"
    with pytest.raises(JobNotFound, match="no batch 12345"):
        queueapi.batch(12345).status()  # type: ignore[union-attr]


def test_waiting_ends_with_the_last_job_or_with_the_time(queue: Queue, bench: Bench) -> None:
    with queue.batch() as batch:
        batch.push(Work(1))
    with pytest.raises(TimeoutError, match="1 jobs have no outcome"):
        batch.wait(0)
    bench.run()
    assert batch.wait(5)["batch"]["done"] == 1


def test_a_block_is_opened_once_and_takes_jobs_only_when_open(queue: Queue) -> None:
    batch = queue.batch()
    with pytest.raises(SettingsError, match="with block"):
        batch.push(Work(1))
    with batch:
        pass
    with pytest.raises(SettingsError, match="opened once"), batch:
        pass


def test_a_job_for_another_backend_cannot_be_in_the_batch(queue: Queue, runtime: Runtime) -> None:
    other = Queue(lambda: runtime)
    other["here"] = TestQueue()
    with pytest.raises(SettingsError, match="another backend"), other.batch() as batch:
        batch.push(Work(1), queue="here")
    with pytest.raises(SettingsError, match="another backend"):
        other.batch(on_complete=Elsewhere())


# -- in queues of this process


def test_drain_runs_a_batch_and_its_callbacks() -> None:
    queue = TestQueue()
    with queue.batch(on_success=Called("success"), on_complete=Called("complete")) as batch:
        queue.push(Work(1))
        batch.push(Adding(2))
        assert queue.size() == 0
        with queue.batch(on_complete=Called("inner")):
            queue.push(Work(2))
    assert queue.jobs == [Work(1), Adding(2), Work(2)]
    queue.drain()
    assert called() == ["inner", "complete", "success"]
    assert numbers(batch.status()) == {"total": 6, "pending": 0, "done": 6, "dead": 0, "cancelled": 0}


def test_in_a_test_queue_too_a_dead_job_completes_and_a_retry_lets_it_succeed() -> None:
    queue = TestQueue()
    with queue.batch(on_success=Called("success"), on_complete=Called("complete")) as batch:
        failing = queue.push(Fail())
    with pytest.raises(RuntimeError):
        queue.drain()
    queue.drain()
    assert (called(), batch.state()) == (["complete"], "dead")
    ran.append("mended")
    failing.retry()
    assert batch.state() == "running"
    queue.drain()
    assert (called(), batch.state()) == (["complete", "success"], "done")


def test_in_a_test_queue_too_an_empty_batch_completes_and_a_cancelled_job_spoils() -> None:
    queue = TestQueue()
    with queue.batch(on_success=Called("empty")) as empty:
        pass
    with queue.batch(on_success=Called("success"), on_complete=Called("complete")) as batch:
        one = queue.push(Work(1))
    one.cancel()
    queue.drain()
    assert (called(), empty.state(), batch.wait(1)["state"]) == (["empty", "complete"], "done", "cancelled")
    with pytest.raises(SettingsError, match="has ended"):
        batch.push(Work(2))


def test_a_synchronous_queue_runs_a_batch_at_the_end_of_its_block() -> None:
    queue = SynchronousQueue()
    with queue.batch(on_success=Called("success")) as batch:
        queue.push(Work(1))
        batch.push(Adding(1))
        assert ran == []
    assert ran[:3] == [1, 0, 1]  # what a job pushes runs before its push returns
    assert (called(), batch.state()) == (["success"], "done")


def test_in_a_synchronous_queue_what_was_not_begun_is_cancelled_and_the_batch_complete() -> None:
    queue = SynchronousQueue()
    with pytest.raises(RuntimeError), queue.batch(on_complete=Called("complete")) as batch:
        queue.push_all([Work(1), Fail(), Work(2)])
    assert ran[0] == 1
    assert numbers(batch.status()) == {"total": 3, "pending": 0, "done": 1, "dead": 1, "cancelled": 1}


def test_a_thread_that_consumes_a_memory_queue_runs_chains_and_batches_and_waiting_ends() -> None:
    queue = queueapi.MemoryQueue()
    queue.start()
    try:
        with queue.batch(on_success=Called("success")) as batch:
            queue.push(Work(1), then=[Work(2)])
            batch.push(Adding(1))
        assert batch.wait(10)["batch"]["done"] == 4
    finally:
        assert queue.shutdown(10)
    assert called() == ["success"]
