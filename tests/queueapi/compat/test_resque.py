"""Resque's words, and its four plugins', do what their readmes say, on PostgreSQL, run by the workers' executor."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
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
from queueapi.compat import resque
from queueapi.kinds import kinds
from queueapi.limits import Concurrency
from queueapi.timetables import timetable

SEEN: list[Any] = []


@pytest.fixture(autouse=True)
def clean() -> Iterator[None]:
    SEEN.clear()
    yield
    timetable.clear()


class Archive(resque.Job):
    queue = "file_serve"

    @staticmethod
    def perform(repo_id: int, branch: str = "master") -> str:
        return f"{repo_id} {branch}"


class Own(resque.Job):
    queue = "own"
    factor = 3

    def perform(self, number: int) -> int:
        return number * self.factor


class OfClass(resque.Job):
    @classmethod
    def queue(cls) -> str:
        return "of-class"

    @classmethod
    def perform(cls) -> str:
        return cls.__name__


class Plain(resque.Job):
    queue = "plain"

    def perform(repo_id: int) -> int:  # type: ignore[misc]
        return repo_id + 1


class Hooked(resque.Job):
    queue = "hooked"

    def before_enqueue_b(self, word: str) -> None:
        SEEN.append(f"before_enqueue_b {word}")

    def before_enqueue_a(self, word: str) -> bool:
        SEEN.append(f"before_enqueue_a {word}")
        return word != "veto"

    def after_enqueue_x(self, word: str) -> None:
        SEEN.append("after_enqueue")

    def before_dequeue_x(self, *words: str) -> bool:
        SEEN.append(("before_dequeue", words))
        return words != ("keep",)

    def after_dequeue_x(self, *words: str) -> None:
        SEEN.append("after_dequeue")

    def before_perform_x(self, word: str) -> None:
        if word == "never":
            raise resque.DontPerform("not today")
        SEEN.append("before_perform")

    def around_perform_a(self, word: str) -> Iterator[None]:
        SEEN.append("a in")
        yield
        SEEN.append("a out")

    def around_perform_b(self, word: str) -> Iterator[None]:
        SEEN.append("b in")
        try:
            yield
        finally:
            SEEN.append("b out")

    def perform(self, word: str) -> str:
        if word == "fail":
            raise ValueError("no")
        SEEN.append("perform")
        return word

    def after_perform_x(self, word: str) -> None:
        SEEN.append("after_perform")

    def on_failure_x(self, error: BaseException, word: str) -> None:
        SEEN.append(("on_failure", str(error), word))


class Flaky(resque.Job):
    queue = "flaky"
    retry_limit = 3
    retry_exceptions: ClassVar = {OSError: [5, 50], KeyError: 7, ValueError: None}
    fatal_exceptions: ClassVar = [PermissionError]
    ignore_exceptions: ClassVar = [TimeoutError]

    @staticmethod
    def retry_delay(error: BaseException, name: str) -> float:
        return 100.0 + len(name)

    @staticmethod
    def perform(name: str) -> None:
        errors = (OSError, KeyError, ValueError, PermissionError, TimeoutError, TypeError)
        raise next(error for error in errors if error.__name__ == name)("no")


class Once(resque.Retry):
    queue = "once"

    @staticmethod
    def perform() -> None:
        raise ValueError


class Backoff(resque.ExponentialBackoff):
    queue = "backoff"

    @staticmethod
    def perform() -> None:
        raise ValueError


class Report(resque.ThrottledJob):
    queue = "report"
    can_run_every = dt.timedelta(hours=24)

    @staticmethod
    def perform(customer: int) -> int:
        return customer


class ReportEach(Report):
    @staticmethod
    def identifier(customer: int) -> int:
        return customer


class Locked(resque.WorkersLock):
    queue = "locked"

    @classmethod
    def lock_workers(cls, tenant: int, _: str) -> Any:
        return f"tenant-{tenant}"

    @staticmethod
    def perform(tenant: int, what: str) -> str:
        return what


class LockedToo(Locked):
    @classmethod
    def lock_enqueue(cls, *args: Any) -> Any:
        return False


def due(sql: Any) -> None:
    sql("update queueapi.jobs set state = 'available', run_at = now() where state = 'scheduled'")


class TestEnqueue:
    def test_perform_runs_with_the_arguments(self, work: Any) -> None:
        handle = resque.enqueue(Archive, 7, "main")
        assert work("file_serve")[0].state is State.DONE
        assert handle is not None
        assert handle.result() == "7 main"

    def test_perform_may_be_static_of_the_class_of_an_object_or_without_self(self, work: Any) -> None:
        handles = [resque.enqueue(Own, 4), resque.enqueue(OfClass), resque.enqueue(Plain, 1)]
        for queue in ("own", "of-class", "plain"):
            work(queue)
        assert [handle and handle.result() for handle in handles] == [12, "OfClass", 2]

    def test_enqueue_to_takes_another_queue(self, work: Any) -> None:
        handle = resque.enqueue_to("other", Archive, 7)
        work("other")
        assert handle is not None
        assert handle.result() == "7 master"

    def test_a_class_of_its_own_is_a_kind_of_its_own(self, sql: Any) -> None:
        resque.enqueue(Archive, 7)
        assert sql("select kind, args::text, max_attempts from queueapi.jobs") == [
            (f"{__name__}.Archive", '{"args":[7]}', 1)
        ]

    def test_what_json_would_change_is_refused(self, queue: Queue) -> None:
        for argument in ((1, 2), dt.date(2030, 1, 1), object(), {1: 2}, float("nan")):
            with pytest.raises(NotSerializable):
                resque.enqueue(Archive, argument)
        assert queue.empty()

    def test_an_unknown_class_is_refused(self) -> None:
        class Stranger:
            queue = "x"

            @staticmethod
            def perform() -> None: ...

        with pytest.raises(NotAJob, match=r"derive it from resque\.Job"):
            resque.enqueue(Stranger)

    def test_a_class_without_a_queue_is_refused(self) -> None:
        class Homeless(resque.Job):
            @staticmethod
            def perform() -> None: ...

        with pytest.raises(resque.NoQueueError, match="Homeless says no queue"):
            resque.enqueue(Homeless)

    def test_a_job_that_fails_is_dead_at_once_without_the_retry_plugin(self, work: Any) -> None:
        handle = resque.enqueue(Hooked, "fail")
        work("hooked")
        assert handle is not None
        with pytest.raises(JobFailed, match="ValueError"):
            handle.result()


class TestDelayed:
    def test_enqueue_in_and_at_wait_for_their_time(self, sql: Any) -> None:
        at = dt.datetime(2040, 1, 1, tzinfo=dt.UTC)
        resque.enqueue_in(3600, Archive, 1)
        resque.enqueue_at(at, Archive, 2)
        resque.enqueue_in_with_queue("other", 60, Archive, 3)
        resque.enqueue_at_with_queue("other", at, Archive, 4)
        rows = sql("select queue, state, round(extract(epoch from run_at - now())) from queueapi.jobs order by id")
        assert [row[:2] for row in rows] == [("file_serve", "scheduled")] * 2 + [("other", "scheduled")] * 2
        assert (3590 < rows[0][2] <= 3600, 50 < rows[2][2] <= 60) == (True, True)
        assert sql("select count(*) from queueapi.jobs where run_at = %s", at) == [(2,)]

    def test_remove_delayed_takes_back_those_with_the_same_arguments(self, queue: Queue) -> None:
        for number in (1, 1, 2):
            resque.enqueue_in(3600, Archive, number)
        resque.enqueue(Archive, 1)
        assert resque.remove_delayed(Archive, 1) == 2
        assert queue.size() == 2


class TestDequeue:
    def test_it_takes_back_what_waits_with_these_arguments(self, queue: Queue) -> None:
        handles = [resque.enqueue(Archive, number) for number in (1, 2, 1)]
        resque.enqueue_in(60, Archive, 1)
        assert resque.dequeue(Archive, 1) == 2
        assert [handle and handle.state() for handle in handles] == ["cancelled", "available", "cancelled"]
        assert queue.size() == 2

    def test_without_arguments_it_takes_back_all_of_the_class(self, queue: Queue) -> None:
        for number in (1, 2):
            resque.enqueue(Archive, number)
        resque.enqueue(Own, 1)
        assert resque.dequeue(Archive) == 2
        assert queue.size() == 1

    def test_a_hook_may_refuse(self, queue: Queue) -> None:
        resque.enqueue(Hooked, "keep")
        SEEN.clear()
        assert resque.dequeue(Hooked, "keep") == 0
        assert resque.dequeue(Hooked) == 1
        assert SEEN == [("before_dequeue", ("keep",)), ("before_dequeue", ()), "after_dequeue"]

    def test_a_test_queue_knows_it_too(self) -> None:
        queue = TestQueue()
        configure(queue)
        resque.enqueue(Archive, 1)
        resque.enqueue(Archive, 2)
        assert resque.dequeue(Archive, 2) == 1
        assert queue.size() == 1


class TestHooks:
    def test_they_are_called_in_order(self, work: Any) -> None:
        resque.enqueue(Hooked, "go")
        work("hooked")
        assert SEEN == [
            "before_enqueue_a go", "before_enqueue_b go", "after_enqueue",
            "before_perform", "a in", "b in", "perform", "b out", "a out", "after_perform",
        ]  # fmt: skip

    def test_false_before_enqueue_means_no(self, queue: Queue) -> None:
        assert resque.enqueue(Hooked, "veto") is None
        assert queue.empty()
        assert SEEN == ["before_enqueue_a veto"]

    def test_dont_perform_discards_the_job(self, work: Any) -> None:
        handle = resque.enqueue(Hooked, "never")
        SEEN.clear()
        work("hooked")
        assert handle is not None
        with pytest.raises(JobCancelled, match="not today"):
            handle.result()
        assert SEEN == []

    def test_on_failure_is_told_and_after_perform_is_not(self, work: Any) -> None:
        resque.enqueue(Hooked, "fail")
        SEEN.clear()
        work("hooked")
        assert SEEN == ["before_perform", "a in", "b in", "b out", ("on_failure", "no", "fail")]

    def test_on_failure_is_told_of_a_worker_that_was_lost_in_the_last_attempt(self, work: Any, lose: Any) -> None:
        resque.enqueue(Hooked, "fail")
        SEEN.clear()
        lose("hooked")
        work("hooked")
        assert SEEN == [("on_failure", "gone", "fail")]


class TestRetry:
    @pytest.mark.parametrize(("error", "delays"), [("OSError", [5, 50, 50]), ("KeyError", [7, 7, 7])])
    def test_each_exception_has_its_delays(self, work: Any, sql: Any, error: str, delays: list[float]) -> None:
        handle = resque.enqueue(Flaky, error)
        found = []
        for _ in delays:
            (outcome,) = work("flaky")
            found.append((outcome.state, outcome.delay))
            due(sql)
        assert found == [(State.SCHEDULED, delay) for delay in delays]
        assert work("flaky")[0].state is State.DEAD
        assert handle is not None
        assert handle.state() is State.DEAD

    def test_retry_delay_may_be_a_method_of_the_exception_and_the_arguments(self, work: Any) -> None:
        resque.enqueue(Flaky, "ValueError")
        assert work("flaky")[0].delay == 110.0

    @pytest.mark.parametrize("error", ["PermissionError", "TypeError"])
    def test_what_is_fatal_or_not_listed_is_not_tried_again(self, work: Any, error: str) -> None:
        resque.enqueue(Flaky, error)
        assert work("flaky")[0].state is State.DEAD

    def test_what_is_ignored_is_tried_again_without_being_counted(self, work: Any, sql: Any) -> None:
        resque.enqueue(Flaky, "TimeoutError")
        for _ in range(5):
            (outcome,) = work("flaky")
            assert (outcome.state, outcome.charged) == (State.SCHEDULED, False)
            due(sql)
        assert sql("select attempt from queueapi.jobs") == [(0,)]

    def test_the_plugin_tries_once_more_at_once_if_nothing_is_said(self, work: Any) -> None:
        resque.enqueue(Once)
        assert [(outcome.state, outcome.delay) for outcome in work("once")] == [(State.SCHEDULED, 0.0)]
        assert work("once")[0].state is State.DEAD

    def test_exponential_backoff_has_the_plugins_delays(self, work: Any, sql: Any) -> None:
        resque.enqueue(Backoff)
        found = []
        for _ in range(6):
            found.append(work("backoff")[0].delay)
            due(sql)
        assert found == [0, 60, 600, 3600, 10_800, 21_600]
        assert work("backoff")[0].state is State.DEAD


class TestThrottle:
    def test_a_second_one_within_can_run_every_is_refused(self, work: Any, queue: Queue) -> None:
        resque.enqueue(Report, 1)
        with pytest.raises(resque.ThrottledError, match="Report was enqueued less than can_run_every ago"):
            resque.enqueue(Report, 2)
        work("report")  # and also when the first has ended
        with pytest.raises(resque.ThrottledError):
            resque.enqueue(Report, 2)
        assert queue.empty()

    def test_an_identifier_throttles_each_by_itself(self, queue: Queue) -> None:
        resque.enqueue(ReportEach, 1)
        resque.enqueue(ReportEach, 2)
        with pytest.raises(resque.ThrottledError):
            resque.enqueue(ReportEach, 1)
        assert queue.size() == 2

    def test_it_can_be_switched_off(self, queue: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(Report, "throttle_disabled", True)
        resque.enqueue(Report, 1)
        resque.enqueue(Report, 1)
        assert queue.size() == 2


class TestWorkersLock:
    def test_the_lock_is_one_at_a_time_for_each_key_whatever_the_class(self) -> None:
        keys = set()
        for cls in (Locked, LockedToo):
            (limit,) = kinds.of(resque._job_of(cls)([7, "x"])).limits
            assert isinstance(limit, Concurrency)
            assert (limit.slots, limit.name) == (1, "resque-lock")
            assert callable(limit.by)
            keys.add(limit.by(resque._job_of(cls)([7, "x"])))
        assert len(keys) == 1

    def test_what_waits_already_is_not_enqueued_again(self, queue: Queue) -> None:
        first, second = resque.enqueue(Locked, 1, "a"), resque.enqueue(Locked, 1, "a")
        resque.enqueue(Locked, 1, "b")
        assert queue.size() == 2
        assert first is not None
        assert second is not None
        assert first.id == second.id

    def test_false_is_no_such_lock(self, sql: Any) -> None:
        resque.enqueue(LockedToo, 1, "a")
        resque.enqueue(LockedToo, 1, "a")
        assert sql("select count(*) from queueapi.jobs") == [(2,)]


class TestSchedule:
    def test_a_schedule_pushes_the_job_by_the_clock(self, queue: Queue) -> None:
        resque.schedule({
            "nightly": {"cron": "0 3 * * * Europe/Moscow", "class": Archive, "args": [7, "main"]},
            "often": {"every": "5m", "class": "Archive", "args": 8, "queue": "other"},
        })  # fmt: skip
        nightly, often = timetable.crons(1000)
        assert (nightly.name, nightly.expression, nightly.timezone, nightly.catch_up) == (
            "nightly", "0 3 * * *", "Europe/Moscow", False,
        )  # fmt: skip
        assert (often.expression, often.timezone) == ("*/5 * * * *", "UTC")

    @pytest.mark.parametrize("every", ["20h", "7m", "", None, "2d", "0s", "5 minutes"])
    def test_what_the_clock_cannot_say_is_refused(self, every: Any) -> None:
        with pytest.raises(SettingsError, match="no even part of the clock"):
            resque.schedule({"odd": {"every": every, "class": Archive, "args": [1]}})

    @pytest.mark.parametrize(
        ("every", "expression"),
        [("30s", "*/30 * * * * *"), ("60s", "* * * * *"), ("1m", "* * * * *"), ("60m", "0 * * * *"),
         ("2h", "0 */2 * * *"), ("24h", "0 0 * * *"), ("1d", "0 0 * * *"), (["5m", {"first_in": "1m"}], "*/5 * * * *")],
    )  # fmt: skip
    def test_every_is_said_as_a_cron_expression(self, every: Any, expression: str) -> None:
        resque.schedule({"even": {"every": every, "class": Archive, "args": [1]}})
        assert [cron.expression for cron in timetable.crons(1000)] == [expression]

    def test_an_unknown_class_is_refused(self) -> None:
        with pytest.raises(SettingsError, match="Nobody"):
            resque.schedule({"x": {"every": "5m", "class": "Nobody"}})
