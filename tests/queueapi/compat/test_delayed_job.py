"""DelayedJob's words do what DelayedJob's readme says, on PostgreSQL, run by the workers' executor."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, ClassVar

import pytest

from queueapi import (
    JobCancelled,
    JobFailed,
    NotAJob,
    NotSerializable,
    Queue,
    SettingsError,
    State,
    TestQueue,
    configure,
)
from queueapi.compat import locators
from queueapi.compat.delayed_job import (
    JobRow,
    Worker,
    delay,
    delayable,
    enqueue,
    handle_asynchronously,
    in_seconds,
    register_locator,
)

SEEN: list[Any] = []


class Tweet:
    """A record, as far as a locator is concerned."""

    stored: ClassVar[dict[int, Tweet]] = {}

    def __init__(self, id_: int, text: str) -> None:
        self.id, self.text = id_, text
        self.stored[id_] = self

    def publish(self, at: str = "once", *, loud: bool = False) -> str:
        SEEN.append((self.text, at, loud))
        return f"{self.text} {at}"

    def _secret(self) -> None: ...

    name = "tweet"


@delayable
class Device:
    serial: str

    @handle_asynchronously(priority=20, run_at=lambda: in_seconds(300))
    def deliver(self, what: str = "it") -> str:
        """Bring it."""
        SEEN.append((self.serial, what))
        return f"{self.serial} {what}"

    @handle_asynchronously(queue=lambda device: f"to-{device.serial}")
    def call(self) -> None:
        SEEN.append(f"called {self.serial}")

    @handle_asynchronously
    def ring(self) -> str:
        return "ring"

    @classmethod
    def count(cls, of: int) -> int:
        return of + 1


@delayable
class Newsletter:
    text: str
    emails: list[str]

    def perform(self) -> int:
        SEEN.append(("perform", self.text))
        if self.text == "fail":
            raise ValueError("no")
        return len(self.emails)

    def enqueue(self, job: JobRow) -> None:
        SEEN.append("enqueue")
        if self.text == "urgent":
            job.priority = -5

    def before(self, job: JobRow) -> None:
        SEEN.append(("before", job.attempts, job.id is not None))

    def success(self) -> None:
        SEEN.append("success")

    def error(self, job: JobRow, exception: BaseException) -> None:
        SEEN.append(("error", str(exception)))

    def after(self, job: JobRow) -> None:
        SEEN.append("after")

    def failure(self, job: JobRow) -> None:
        SEEN.append("failure")


@delayable
class Stubborn:
    number: int

    def perform(self) -> None:
        raise OSError("busy")

    def max_attempts(self) -> int:
        return 2

    def max_run_time(self) -> float:
        return 30

    def queue_name(self) -> str:
        return "stubborn"

    def reschedule_at(self, now: dt.datetime, attempts: int) -> dt.datetime:
        return now + dt.timedelta(hours=attempts)


@delayable
class Shy:
    text: str

    def perform(self) -> str:
        return self.text

    def before(self) -> None:
        raise RuntimeError("not ready")

    def error(self, job: JobRow, exception: BaseException) -> None:
        SEEN.append(("error", str(exception)))

    def after(self) -> None:
        SEEN.append("after")


@dataclass
class Unknown:
    number: int

    def go(self) -> None: ...

    def perform(self) -> None: ...


class Opaque:
    def go(self) -> None: ...


@pytest.fixture(autouse=True)
def clean() -> Iterator[None]:
    SEEN.clear()
    Tweet.stored.clear()
    register_locator(Tweet, key=lambda tweet: tweet.id, find=Tweet.stored.get, name="tweet")
    yield
    locators._locators.pop("tweet")
    for name in ("delay_jobs", "max_attempts", "max_run_time", "default_priority", "default_queue_name"):
        setattr(Worker, name, _DEFAULTS[name])
    Worker.queue_attributes = {}


_DEFAULTS = {name: getattr(Worker, name) for name in vars(Worker) if not name.startswith("_")}


class TestDelay:
    def test_a_worker_calls_the_method_on_the_object_that_the_locator_finds(self, work: Any) -> None:
        handle = delay(Tweet(7, "hi"), queue="tracking").publish("noon", loud=True)
        Tweet.stored[7].text = "hi again"  # it is the record of then, not the object of now
        work("tracking")
        assert (SEEN, handle.result()) == ([("hi again", "noon", True)], "hi again noon")

    def test_it_takes_the_options_of_a_push(self, sql: Any) -> None:
        at = dt.datetime(2030, 1, 1, tzinfo=dt.UTC)
        delay(Tweet(7, "hi"), queue="tracking", priority=20, run_at=at).publish()
        assert sql("select queue, priority, run_at from queueapi.jobs") == [("tracking", 20, at)]

    def test_a_function_among_the_options_is_asked_at_push(self, sql: Any) -> None:
        delay(Tweet(7, "hi"), priority=lambda: 3, queue=lambda tweet: f"q{tweet.id}").publish()
        assert sql("select queue, priority from queueapi.jobs") == [("q7", 3)]

    def test_a_record_deleted_meanwhile_discards_the_job_with_that_reason(self, work: Any) -> None:
        handle = delay(Tweet(7, "hi")).publish()
        del Tweet.stored[7]
        (outcome,) = work()
        assert outcome.state is State.CANCELLED
        with pytest.raises(JobCancelled, match="Tweet 7 is gone"):
            handle.result()

    def test_what_this_process_does_not_know_waits_for_one_that_does(
        self, work: Any, sql: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        delay(Tweet(7, "hi")).publish()
        known = locators._locators.pop("tweet")
        (outcome,) = work()
        assert (outcome.state, outcome.charged) == (State.SCHEDULED, False)
        assert "no locator knows 'tweet'" in caplog.text
        locators._locators["tweet"] = known
        sql("update queueapi.jobs set state = 'available', run_at = now()")
        assert work()[0].state is State.DONE

    def test_a_record_may_be_an_argument_too(self, work: Any) -> None:
        handle = delay(Device("x")).ring_without_delay()
        work()
        assert handle.result() == "ring"
        delay(Tweet(1, "to")).publish(at=[Tweet(2, "other")])
        del Tweet.stored[2]
        (outcome,) = work()
        assert outcome.state is State.CANCELLED

    def test_a_delayable_class_takes_calls_of_its_own(self, work: Any) -> None:
        handle = delay(Device).count(4)
        work()
        assert handle.result() == 5

    def test_arguments_come_back_as_they_were(self, work: Any) -> None:
        at = dt.datetime(2030, 1, 2, 3, tzinfo=dt.UTC)
        odd = {"$ref": ["tweet", 1]}
        delay(Tweet(7, "hi")).publish((1, at, Decimal("1.50"), odd, {3: Device("y")}, dt.timedelta(hours=1)))
        work()
        assert SEEN[0][1] == (1, at, Decimal("1.50"), odd, {3: Device("y")}, dt.timedelta(hours=1))

    def test_what_no_locator_knows_is_refused_at_push(self, queue: Queue) -> None:
        with pytest.raises(NotSerializable, match=r"test_delayed_job\.Opaque, which can be sent neither by reference"):
            delay(Opaque()).go()
        with pytest.raises(TypeError, match=r"argument 1 of publish\(\) is a .*Opaque"):
            delay(Tweet(7, "hi")).publish(Opaque())
        with pytest.raises(TypeError, match=r"argument 1 of publish\(\)\[0\]\['a'\]"):
            delay(Tweet(7, "hi")).publish([{"a": object()}])
        assert queue.empty()

    def test_a_dataclass_that_no_worker_knows_is_refused_with_the_remedy(self) -> None:
        with pytest.raises(TypeError, match="put @delayable above the class"):
            delay(Unknown(1)).go()

    def test_a_class_is_not_delayable_unless_it_says_so(self) -> None:
        with pytest.raises(TypeError, match=r"the class .*Opaque"):
            delay(Opaque).go()

    def test_what_is_no_method_is_refused_at_once(self) -> None:
        for name in ("missing", "name", "_secret"):
            with pytest.raises(AttributeError):
                getattr(delay(Tweet(7, "hi")), name)

    def test_a_naive_time_is_refused(self) -> None:
        with pytest.raises(SettingsError, match="timezone"):
            delay(Tweet(7, "hi"), run_at=dt.datetime(2030, 1, 1)).publish()

    def test_it_is_pushed_in_the_callers_transaction(self, dsn: str, queue: Queue) -> None:
        import psycopg

        with psycopg.connect(dsn) as conn:
            delay(Tweet(7, "hi"), conn=conn).publish()
            assert queue.empty()
        assert queue.size() == 1


class TestHandleAsynchronously:
    def test_a_call_is_pushed_with_the_options(self, sql: Any) -> None:
        before = dt.datetime.now(dt.UTC)
        Device("x").deliver("tea")
        ((priority, run_at),) = sql("select priority, run_at from queueapi.jobs")
        assert priority == 20
        assert run_at - before >= dt.timedelta(seconds=300)
        assert SEEN == []

    def test_without_delay_it_runs_at_once(self, queue: Queue) -> None:
        assert Device("x").deliver_without_delay("tea") == "x tea"  # type: ignore[attr-defined]
        assert queue.empty()

    def test_a_function_of_one_argument_is_asked_with_the_object(self, work: Any) -> None:
        Device("x").call()
        work("to-x")
        assert SEEN == ["called x"]

    def test_the_job_runs_the_method_itself_and_is_not_pushed_again(self, work: Any, queue: Queue) -> None:
        handles = [Device("x").ring(), delay(Device("x")).ring(), Device("x").ring_with_delay()]  # type: ignore[attr-defined]
        work()
        assert [handle.result() for handle in handles] == ["ring", "ring", "ring"]
        assert queue.empty()

    def test_name_and_docstring_stay(self) -> None:
        assert Device("x").deliver.__doc__ == "Bring it."
        assert Device.deliver.__name__ == "deliver"


class TestEnqueue:
    def test_perform_runs_with_its_hooks_in_order(self, work: Any) -> None:
        handle = enqueue(Newsletter("news", ["a", "b"]), queue="mail")
        assert SEEN == ["enqueue"]
        work("mail")
        assert SEEN == ["enqueue", ("before", 0, True), ("perform", "news"), "success", "after"]
        assert handle.result() == 2

    def test_each_class_is_a_kind_of_its_own(self, sql: Any) -> None:
        enqueue(Newsletter("news", []))
        assert sql("select kind from queueapi.jobs") == [(f"{__name__}.Newsletter",)]

    def test_a_failed_attempt_tells_error_and_after(self, work: Any) -> None:
        enqueue(Newsletter("fail", []))
        (outcome,) = work()
        assert SEEN[1:] == [("before", 0, True), ("perform", "fail"), ("error", "no"), "after"]
        assert (outcome.state, outcome.delay) == (State.SCHEDULED, 6.0)  # 5 + 1⁴

    def test_the_last_attempt_tells_failure(self, work: Any) -> None:
        handle = enqueue(Newsletter("fail", []), max_attempts=1)
        work()
        assert SEEN[-3:] == [("error", "no"), "after", "failure"]
        with pytest.raises(JobFailed, match="ValueError: no"):
            handle.result()

    def test_a_worker_that_is_lost_in_the_last_attempt_tells_failure_by_another(self, work: Any, lose: Any) -> None:
        handle = enqueue(Newsletter("fail", []), max_attempts=2)
        lose()
        SEEN.clear()
        work()
        assert SEEN == ["failure"]
        with pytest.raises(JobFailed, match="dead after 2 attempts: WorkerLost: gone"):
            handle.result()

    def test_what_before_raises_fails_the_attempt(self, work: Any) -> None:
        enqueue(Shy("x"))
        (outcome,) = work()
        assert outcome.state is State.SCHEDULED
        assert SEEN == [("error", "not ready"), "after"]

    def test_the_hook_enqueue_may_change_the_job(self, sql: Any) -> None:
        enqueue(Newsletter("urgent", []), priority=3)
        assert sql("select priority from queueapi.jobs") == [(-5,)]

    def test_the_job_says_how_often_how_long_where_and_when_again(self, work: Any, sql: Any) -> None:
        handle = enqueue(Stubborn(1))
        row = sql("select queue, max_attempts, options ->> 'timeout' from queueapi.jobs")
        assert [(queue, attempts, float(timeout)) for queue, attempts, timeout in row] == [("stubborn", 2, 30.0)]
        (outcome,) = work("stubborn")
        assert outcome.state is State.SCHEDULED
        assert 3590 < outcome.delay <= 3600
        sql("update queueapi.jobs set state = 'available', run_at = now() where id = %s", handle.id)
        (outcome,) = work("stubborn")
        assert outcome.state is State.DEAD

    def test_a_job_may_only_take_less_time_than_the_worker_gives(self, sql: Any) -> None:
        Worker.max_run_time = 10
        enqueue(Stubborn(1))
        assert [float(row[0]) for row in sql("select options ->> 'timeout' from queueapi.jobs")] == [10.0]

    def test_the_workers_settings_fill_what_is_not_said(self, sql: Any) -> None:
        Worker.max_attempts, Worker.default_priority, Worker.default_queue_name = 5, 7, "main"
        Worker.queue_attributes = {"mail": {"priority": -3}}
        enqueue(Newsletter("a", []))
        enqueue(Newsletter("b", []), queue="mail")
        enqueue(Newsletter("c", []), queue="mail", priority=0)
        rows = sql("select queue, priority, max_attempts from queueapi.jobs order by id")
        assert rows == [("main", 7, 5), ("mail", -3, 5), ("mail", 0, 5)]

    def test_what_has_no_perform_is_refused(self) -> None:
        with pytest.raises(NotAJob, match=r"Opaque has no perform\(\)"):
            enqueue(Opaque())
        with pytest.raises(NotAJob, match="put @delayable above it"):
            enqueue(Unknown(1))


class TestDelayJobs:
    def test_false_runs_at_once_in_the_caller_and_raises_there(self, queue: Queue) -> None:
        Worker.delay_jobs = False
        assert enqueue(Newsletter("news", ["a"]), run_at=in_seconds(60)).result() == 1
        with pytest.raises(ValueError, match="no"):
            enqueue(Newsletter("fail", []))
        assert queue.empty()

    def test_a_function_decides_for_each_job(self, queue: Queue) -> None:
        Worker.delay_jobs = lambda job: job.queue == "slow"
        enqueue(Newsletter("a", []))
        enqueue(Newsletter("b", []), queue="slow")
        assert ("perform", "a") in SEEN
        assert ("perform", "b") not in SEEN
        assert queue.size() == 1


def test_a_test_queue_takes_them_too() -> None:
    queue = TestQueue()
    configure(queue)
    handle = delay(Device("x")).ring()
    assert queue.drain() == 1
    assert handle.result() == "ring"


