"""Sidekiq's words do what Sidekiq's wiki says, on PostgreSQL, run by the workers' executor."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from queueapi import JobCancelled, NotAJob, NotSerializable, Queue, SettingsError, State, TestQueue, configure
from queueapi.compat.sidekiq import Job, Worker, client_middleware, server_middleware, sidekiq_options

SEEN: list[Any] = []


@pytest.fixture(autouse=True)
def clean() -> Iterator[None]:
    SEEN.clear()
    yield
    client_middleware.clear()
    server_middleware.clear()


class HardWorker(Worker):
    def perform(self, name: str, count: int = 1) -> str:
        SEEN.append((name, count, self.jid.isdigit()))
        return f"{name} {count}"


@sidekiq_options(queue="critical", retry=5, tags=["a"])
class Critical(HardWorker):
    pass


class Low(Critical, queue="low", retry=False, priority=9):
    pass


class Failing(Worker, retry=2):
    def perform(self, what: str) -> None:
        raise ValueError(what)

    def retry_in(self, count: int, exception: BaseException) -> Any:
        SEEN.append(("retry_in", count, str(exception)))
        return {"ten": 10 * (count + 1), "discard": "discard", "kill": "kill", "usual": None}[str(exception)]

    def retries_exhausted(self, job: dict[str, Any], exception: BaseException) -> None:
        SEEN.append(("exhausted", job["class"], job["args"], job["error_class"], job["error_message"], str(exception)))


class Undead(Worker, retry=0, dead=False):
    def perform(self) -> None:
        raise ValueError("gone")


class Rare(Worker, unique_for=3600):
    def perform(self, number: int) -> None: ...


class Hasty(Worker, expires_in=60):
    def perform(self) -> None: ...


class Inert(Worker):
    pass


class Tenant:
    """Carries the tenant from the client to the server, as CurrentAttributes does."""

    def __init__(self, name: str) -> None:
        self.name = name

    def call(self, worker: Any, job: dict[str, Any], queue: str, go_on: Callable[[], Any]) -> Any:
        job["tenant"] = self.name
        return go_on()


class Look:
    def call(self, worker: Any, job: dict[str, Any], queue: str, go_on: Callable[[], Any]) -> Any:
        SEEN.append((type(worker).__name__, dict(job), queue))
        return go_on()


def due(sql: Any) -> None:
    sql("update queueapi.jobs set state = 'available', run_at = now() where state = 'scheduled'")


class TestPush:
    def test_perform_async_has_a_worker_perform(self, work: Any) -> None:
        handle = HardWorker.perform_async("bob", 5)
        assert SEEN == []
        work()
        assert SEEN == [("bob", 5, True)]
        assert handle is not None
        assert handle.result() == "bob 5"

    def test_options_stand_on_the_class_and_are_inherited(self, sql: Any) -> None:
        for cls in (HardWorker, Critical, Low):
            cls.perform_async("bob")
        rows = sql("select queue, max_attempts, priority, kind from queueapi.jobs order by id")
        names = [f"{__name__}.{name}" for name in ("HardWorker", "Critical", "Low")]
        assert rows == [("default", 26, 0, names[0]), ("critical", 6, 0, names[1]), ("low", 1, 9, names[2])]

    def test_perform_in_and_at_wait_for_their_time(self, sql: Any) -> None:
        at = dt.datetime.now(dt.UTC) + dt.timedelta(hours=1)
        for when in (3600, dt.timedelta(hours=1), at, time.time() + 3600):
            HardWorker.perform_in(when, "bob")
        HardWorker.perform_at(at, "bob")
        rows = sql("select state, extract(epoch from run_at - now()) from queueapi.jobs")
        assert [state for state, _ in rows] == ["scheduled"] * 5
        assert all(3590 < seconds <= 3601 for _, seconds in rows)

    def test_what_is_past_runs_now(self, sql: Any) -> None:
        HardWorker.perform_at(time.time() - 60, "bob")
        HardWorker.perform_in(-5, "bob")
        HardWorker.perform_at(dt.datetime(2020, 1, 1, tzinfo=dt.UTC), "bob")
        assert sql("select state from queueapi.jobs") == [("available",)] * 3

    def test_set_says_more_for_one_push(self, sql: Any) -> None:
        HardWorker.set(queue="low", retry=3).set(priority=4).perform_async("bob")
        HardWorker.set(wait=60).perform_async("bob")
        HardWorker.set(wait_until=dt.datetime(2040, 1, 1, tzinfo=dt.UTC)).perform_async("bob")
        rows = sql("select queue, max_attempts, priority, state from queueapi.jobs order by id")
        assert rows == [("low", 4, 4, "available"), *[("default", 26, 0, "scheduled")] * 2]

    def test_perform_inline_runs_it_now_and_raises(self, queue: Queue) -> None:
        assert HardWorker.perform_inline("bob", 2) == "bob 2"
        assert HardWorker.set(sync=True).perform_async("bob", 3) is None
        assert SEEN == [("bob", 2, True), ("bob", 3, True)]
        with pytest.raises(ValueError, match="usual"):
            Failing.perform_sync("usual")
        assert queue.empty()

    def test_perform_bulk_stores_one_job_for_each_list(self, work: Any, queue: Queue) -> None:
        handles = Critical.perform_bulk([["ann", 1], ["bob", 2]])
        work("critical")
        assert [handle.result() for handle in handles] == ["ann 1", "bob 2"]
        assert Critical.perform_bulk([]) == []
        with pytest.raises(NotSerializable):
            Critical.perform_bulk([["ann"], [object()]])
        assert queue.empty()

    def test_perform_bulk_may_be_spread_over_time(self, sql: Any) -> None:
        HardWorker.perform_bulk([["a"], ["b"], ["c"]], spread_interval=300)
        HardWorker.perform_bulk([["d"], ["e"]], at=[60, None])
        rows = sql("select round(extract(epoch from run_at - min(run_at) over ())) from queueapi.jobs order by id")
        assert [int(row[0]) for row in rows] == [0, 100, 200, 60, 0]

    def test_what_json_would_change_is_refused(self, queue: Queue) -> None:
        for argument in ((1,), dt.date(2030, 1, 1), object(), {1: 2}):
            with pytest.raises(NotSerializable, match="HardWorker"):
                HardWorker.perform_async(argument)
        assert queue.empty()

    def test_wrong_options_are_refused_at_once(self) -> None:
        with pytest.raises(TypeError, match="there is no option 'retries'"):
            HardWorker.set(retries=3)
        with pytest.raises(SettingsError, match="retry='often'"):
            HardWorker.set(retry="often")
        with pytest.raises(NotAJob, match=r"Inert has no perform\(\)"):
            Inert.perform_async()

    def test_job_is_another_name_of_worker(self) -> None:
        assert Job is Worker

    def test_unique_for_keeps_a_second_one_out_until_the_first_has_ended(self, work: Any, queue: Queue) -> None:
        first, second, other = Rare.perform_async(1), Rare.perform_async(1), Rare.perform_async(2)
        assert first is not None
        assert second is not None
        assert other is not None
        assert (first.id == second.id, first.id == other.id, queue.size()) == (True, False, 2)
        work()
        third = Rare.perform_async(1)
        assert third is not None
        assert third.id != first.id

    def test_expires_in_is_an_option_of_the_push(self, sql: Any, work: Any) -> None:
        handle = Hasty.perform_async()
        sql("update queueapi.jobs set expires_at = now() - interval '1 second'")
        work()
        assert handle is not None
        with pytest.raises(JobCancelled):
            handle.result()


class TestRetries:
    def test_retry_in_gives_the_seconds(self, work: Any, sql: Any) -> None:
        Failing.perform_async("ten")
        first = work()[0].delay
        due(sql)
        assert (first, work()[0].delay) == (10.0, 20.0)
        due(sql)
        assert work()[0].state is State.DEAD
        assert SEEN[:2] == [("retry_in", 0, "ten"), ("retry_in", 1, "ten")]
        assert SEEN[2:] == [("exhausted", "Failing", ["ten"], "ValueError", "ten", "ten")]

    def test_a_worker_that_is_lost_in_the_last_retry_exhausts_them_by_another(self, work: Any, lose: Any) -> None:
        Failing.perform_async("ten")
        lose()
        assert work()[0].state is State.DEAD
        assert SEEN == [("exhausted", "Failing", ["ten"], "WorkerLost", "gone", "gone")]

    def test_none_means_the_usual_delay(self, work: Any) -> None:
        Failing.perform_async("usual")
        (outcome,) = work()
        assert outcome.state is State.SCHEDULED
        assert 15 <= outcome.delay < 25

    def test_discard_ends_the_job_and_kill_leaves_it_dead(self, work: Any) -> None:
        discarded, killed = Failing.perform_async("discard"), Failing.perform_async("kill")
        work()
        assert discarded is not None
        assert killed is not None
        with pytest.raises(JobCancelled, match="retry_in discarded it after ValueError"):
            discarded.result()
        assert killed.state() is State.DEAD

    def test_dead_false_keeps_no_dead_job(self, work: Any) -> None:
        handle = Undead.perform_async()
        work()
        assert handle is not None
        with pytest.raises(JobCancelled, match="dead=False: ValueError: gone"):
            handle.result()


class TestMiddleware:
    def test_what_the_client_puts_into_the_job_the_server_finds_there(self, work: Any) -> None:
        client_middleware.add(Tenant, "acme")
        server_middleware.add(Look)
        handle = HardWorker.perform_async("bob")
        work()
        assert handle is not None
        hash_ = {"class": "HardWorker", "args": ["bob"], "queue": "default", "tenant": "acme", "retry_count": 0}
        assert SEEN[0] == ("HardWorker", {**hash_, "jid": str(handle.id)}, "default")

    def test_the_client_may_stop_a_job(self, queue: Queue) -> None:
        @client_middleware.add
        def stop(worker: Any, job: dict[str, Any], queue: str, go_on: Callable[[], Any]) -> Any:
            return go_on() if job["args"] == ["ann"] else None

        assert HardWorker.perform_async("bob") is None
        assert len(HardWorker.perform_bulk([["bob"], ["ann"]])) == 1
        assert queue.size() == 1

    def test_the_client_may_change_queue_and_arguments(self, work: Any) -> None:
        @client_middleware.add
        def change(worker: Any, job: dict[str, Any], queue: str, go_on: Callable[[], Any]) -> Any:
            job["queue"], job["args"] = "other", ["ann", 7]
            return go_on()

        handle = HardWorker.perform_async("bob")
        work("other")
        assert handle is not None
        assert handle.result() == "ann 7"

    def test_the_server_sees_what_is_raised(self, work: Any) -> None:
        @server_middleware.add
        def watch(worker: Any, job: dict[str, Any], queue: str, go_on: Callable[[], Any]) -> Any:
            try:
                return go_on()
            except ValueError as error:
                SEEN.append(f"saw {error}")
                raise

        Failing.perform_async("usual")
        assert work()[0].state is State.SCHEDULED
        assert SEEN[0] == "saw usual"

    def test_the_order_is_the_chains(self) -> None:
        def named(name: str) -> Callable[..., Any]:
            def call(worker: Any, job: dict[str, Any], queue: str, go_on: Callable[[], Any]) -> Any:
                SEEN.append(name)
                return go_on()

            return call

        a, b, c, d = (named(name) for name in "abcd")
        server_middleware.add(b)
        server_middleware.prepend(a)
        server_middleware.insert_after(b, d)
        server_middleware.insert_before(d, c)
        server_middleware.add(b)  # again: it moves to the end
        HardWorker.perform_inline("bob")
        assert SEEN[:4] == ["a", "c", "d", "b"]
        server_middleware.remove(a)
        assert (server_middleware.exists(a), server_middleware.exists(b)) == (False, True)

    def test_what_cannot_be_called_is_refused(self) -> None:
        with pytest.raises(TypeError, match="is no middleware"):
            server_middleware.add(7)


def test_a_test_queue_takes_them_too() -> None:
    queue = TestQueue()
    configure(queue)
    HardWorker.perform_async("bob")
    assert queue.drain() == 1
    assert SEEN == [("bob", 1, True)]
