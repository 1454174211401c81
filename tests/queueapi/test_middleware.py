"""What stands around pushes and attempts is called in order, by every queue, and harms no one but its attempt."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from queueapi import (
    Discard,
    Job,
    PushRefused,
    Queue,
    Retry,
    SettingsError,
    Snooze,
    State,
    SynchronousQueue,
    TestQueue,
    around_perform,
    around_push,
)
from queueapi.claims import Claimed
from queueapi.executor import Executor
from queueapi.interrupts import Interrupted
from queueapi.kinds import kinds
from queueapi.middleware import chain
from queueapi.middleware.errors import report_errors
from queueapi.middleware.logging import log_jobs
from queueapi.middleware.metrics import Measured, measure
from queueapi.postgres.store import Store


class Greet(Job):
    name: str = "you"

    def run(self) -> str:
        return f"hello {self.name}"


class Fail(Job, max_attempts=2):
    what: str = "error"

    def run(self) -> None:
        raise {"error": ValueError("no"), "retry": Retry(1), "snooze": Snooze(1), "discard": Discard("no")}[self.what]


@pytest.fixture(autouse=True)
def own_chains(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test adds is gone after it."""
    monkeypatch.setattr(chain._performing, "links", ())
    monkeypatch.setattr(chain._pushing, "links", ())


@pytest.fixture
def executed() -> Callable[..., Any]:
    """Run one attempt at a job, as a worker does."""

    def execute(kind: type, args: str = "{}", attempt: int = 1, max_attempts: int = 2) -> Any:
        claimed = Claimed(7, 1, "default", kinds._by_class[kind].name, args, attempt, max_attempts)
        return Executor(kinds, 1000).execute(claimed)

    return execute


class TestAroundPerform:
    def test_the_first_that_was_added_is_the_outermost(self) -> None:
        seen: list[str] = []
        for name in ("outer", "inner"):

            def link(job: Any, attempt: Claimed, call: Callable[[], Any], name: str = name) -> Any:
                seen.append(f"{name} in")
                result = call()
                seen.append(f"{name} out")
                return result

            around_perform(link)
        assert SynchronousQueue().push(Greet("Ann")).result() == "hello Ann"
        assert seen == ["outer in", "inner in", "inner out", "outer out"]

    def test_it_gets_the_job_and_the_attempt(self, executed: Callable[..., Any]) -> None:
        seen: list[tuple[Any, ...]] = []

        @around_perform
        def look(job: Any, attempt: Claimed, call: Callable[[], Any]) -> Any:
            seen.append((job, attempt.id, attempt.queue, attempt.attempt, attempt.max_attempts))
            return call()

        executed(Greet, '{"name":"Bob"}', attempt=3, max_attempts=5)
        assert seen == [(Greet("Bob"), 7, "default", 3, 5)]

    def test_what_it_returns_is_the_result(self) -> None:
        @around_perform
        def louder(job: Any, attempt: Claimed, call: Callable[[], Any]) -> Any:
            return call().upper()

        assert SynchronousQueue().push(Greet("Ann")).result() == "HELLO ANN"

    def test_one_that_raises_fails_that_attempt_and_no_other(self, executed: Callable[..., Any]) -> None:
        @around_perform
        def broken(job: Any, attempt: Claimed, call: Callable[[], Any]) -> Any:
            if attempt.attempt == 1:
                raise RuntimeError("the middleware is broken")
            return call()

        first = executed(Greet)
        assert (first.state, first.charged) == (State.SCHEDULED, True)
        assert "the middleware is broken" in first.error
        assert executed(Greet, attempt=2).state is State.DONE

    def test_it_may_discard_the_job_before_it_runs(self, executed: Callable[..., Any]) -> None:
        @around_perform
        def closed(job: Any, attempt: Claimed, call: Callable[[], Any]) -> Any:
            raise Discard("closed for good")

        outcome = executed(Greet)
        assert outcome.state is State.CANCELLED
        assert "closed for good" in outcome.error

    def test_an_interruption_by_the_worker_passes_through(self) -> None:
        class Interrupt(Job, kind="middleware-interrupt"):
            def run(self) -> None:
                raise Interrupted(chain.attempt())

        caught: list[Exception] = []

        @around_perform
        def guard(job: Any, attempt: Claimed, call: Callable[[], Any]) -> Any:
            try:
                return call()
            except Exception as error:
                caught.append(error)

        claimed = Claimed(7, 1, "default", "middleware-interrupt", "{}", 1, 2)
        outcome = Executor(kinds, 1000).execute(claimed)
        assert (outcome.state, outcome.charged, caught) == (State.AVAILABLE, False, [])

    def test_what_is_added_twice_is_called_once(self) -> None:
        calls: list[int] = []

        def count(job: Any, attempt: Claimed, call: Callable[[], Any]) -> Any:
            calls.append(attempt.id)
            return call()

        assert around_perform(around_perform(count)) is count
        SynchronousQueue().push(Greet())
        assert len(calls) == 1

    def test_what_is_removed_is_not_called(self) -> None:
        @around_perform
        def never(job: Any, attempt: Claimed, call: Callable[[], Any]) -> Any:
            raise AssertionError

        chain.remove(never)
        assert SynchronousQueue().push(Greet()).state() is State.DONE

    def test_code_of_the_job_can_ask_which_attempt_it_runs_in(self) -> None:
        class Ask(Job, kind="middleware-ask"):
            def run(self) -> list[Any]:
                attempt = chain.attempt()
                assert attempt is not None
                return [attempt.id, attempt.attempt]

        handle = SynchronousQueue().push(Ask())
        assert handle.result() == [handle.id, 1]
        assert chain.attempt() is None

    def test_a_test_queue_runs_them_when_it_is_drained(self) -> None:
        calls: list[int] = []

        @around_perform
        def count(job: Any, attempt: Claimed, call: Callable[[], Any]) -> Any:
            calls.append(attempt.id)
            return call()

        queue = TestQueue()
        handle = queue.push(Greet())
        assert calls == []
        queue.drain()
        assert calls == [handle.id]


class TestAroundHooks:
    def test_what_says_so_stands_around_the_jobs_hooks_too(self, executed: Callable[..., Any]) -> None:
        seen: list[Any] = []

        class Hooked(Job, kind="middleware-hooked", max_attempts=2):
            def run(self) -> None:
                seen.append("run")
                raise ValueError

            def on_retry(self, error: BaseException, delay: float) -> None:
                seen.append(("on_retry", chain.attempt() and chain.attempt().id))  # type: ignore[union-attr]

            def on_dead(self, error: BaseException) -> None:
                seen.append("on_dead")

        @around_perform
        @chain.around_hooks
        def context(job: Any, attempt: Claimed, call: Callable[[], Any]) -> Any:
            seen.append("in")
            try:
                return call()
            finally:
                seen.append("out")

        @around_perform
        def other(job: Any, attempt: Claimed, call: Callable[[], Any]) -> Any:
            seen.append("other")
            return call()

        executed(Hooked, attempt=1)
        assert seen == ["in", "other", "run", "out", "in", ("on_retry", 7), "out"]
        seen.clear()
        executed(Hooked, attempt=2)
        assert seen == ["in", "other", "run", "out", "in", "on_dead", "out"]

    def test_one_that_raises_there_changes_nothing(
        self, executed: Callable[..., Any], caplog: pytest.LogCaptureFixture
    ) -> None:
        class Told(Job, kind="middleware-told", max_attempts=2):
            def run(self) -> None:
                raise ValueError("first")

            def on_dead(self, error: BaseException) -> None: ...

        @around_perform
        @chain.around_hooks
        def broken(job: Any, attempt: Claimed, call: Callable[[], Any]) -> Any:
            try:
                return call()
            finally:
                calls.append(1)
                if len(calls) == 2:  # the hook
                    raise RuntimeError("torn")

        calls: list[int] = []
        outcome = executed(Told, attempt=2)
        assert outcome.state is State.DEAD
        assert "first" in outcome.error
        assert "on_dead of" in caplog.text


class TestAroundPush:
    def test_it_may_say_more_than_the_push(self, queue: Queue, store: Store) -> None:
        @around_push
        def later(job: Any, options: dict[str, Any], push: Callable[..., Any]) -> Any:
            return push(priority=options["priority"] + 1, queue="mail")

        handle = queue.push(Greet(), priority=4)
        (claimed,) = store.claim(["mail"], 1, 7, UUID(int=1), 30.0)
        assert (claimed.id, claimed.priority) == (handle.id, 5)

    def test_it_sees_the_name_that_the_queue_is_bound_to(self) -> None:
        seen: list[dict[str, Any]] = []

        @around_push
        def look(job: Any, options: dict[str, Any], push: Callable[..., Any]) -> Any:
            seen.append(options)
            return push()

        queue = TestQueue()
        queue["mail"].push(Greet(), delay=5)
        queue["mail"].push(Greet(), queue="other")
        queue.push(Greet())
        assert seen == [{"queue": "mail", "delay": 5}, {"queue": "other"}, {}]
        assert (queue["mail"].size(), queue["other"].size()) == (1, 1)

    def test_it_has_the_handle_when_the_job_is_stored(self, queue: Queue) -> None:
        states: list[State] = []

        @around_push
        def look(job: Any, options: dict[str, Any], push: Callable[..., Any]) -> Any:
            handle = push()
            states.append(handle.state())
            return handle

        queue.push(Greet())
        assert states == [State.AVAILABLE]

    def test_what_it_raises_refuses_the_push(self) -> None:
        @around_push
        def closed(job: Any, options: dict[str, Any], push: Callable[..., Any]) -> Any:
            raise PermissionError("not you")

        queue = TestQueue()
        with pytest.raises(PermissionError, match="not you"):
            queue.push(Greet())
        assert queue.empty()

    def test_not_to_go_on_refuses_the_push_and_says_who_did(self) -> None:
        @around_push
        def forgetful(job: Any, options: dict[str, Any], push: Callable[..., Any]) -> None:
            pass

        queue = TestQueue()
        with pytest.raises(PushRefused, match=r"forgetful let no Greet be pushed"):
            queue.push(Greet())
        assert queue.empty()

    def test_an_option_that_it_makes_up_is_refused_as_on_a_push(self) -> None:
        @around_push
        def wrong(job: Any, options: dict[str, Any], push: Callable[..., Any]) -> Any:
            return push(priority="high")

        with pytest.raises(SettingsError, match="priority"):
            TestQueue().push(Greet())

    def test_in_push_all_each_job_goes_through_it(self, queue: Queue, store: Store) -> None:
        @around_push
        def sort(job: Any, options: dict[str, Any], push: Callable[..., Any]) -> Any:
            return push(priority=len(job.name))

        handles = queue.push_all([Greet("Alexandra"), Greet("Bob")])
        claimed = store.claim(["default"], 2, 7, UUID(int=1), 30.0)
        assert [job.id for job in claimed] == [handles[1].id, handles[0].id]

    def test_one_refusal_in_push_all_refuses_all(self, queue: Queue) -> None:
        @around_push
        def no_bob(job: Any, options: dict[str, Any], push: Callable[..., Any]) -> Any:
            if job.name == "Bob":
                raise PermissionError
            return push()

        with pytest.raises(PermissionError):
            queue.push_all([Greet("Ann"), Greet("Bob")])
        assert queue.empty()


class TestOurs:
    def test_each_attempt_and_each_push_is_logged(self, caplog: pytest.LogCaptureFixture) -> None:
        log_jobs(level=logging.INFO)
        with caplog.at_level(logging.INFO, "queueapi.jobs"):
            handle = SynchronousQueue().push(Greet())
            with pytest.raises(ValueError):
                SynchronousQueue().push(Fail())
        lines = [record.getMessage() for record in caplog.records]
        assert lines[0].startswith(f"job {handle.id}: {__name__}.Greet begins")
        assert f"{__name__}.Greet ended after" in lines[1]
        assert lines[2] == f"pushed Greet as job {handle.id}"
        assert "raised ValueError" in lines[4]
        assert caplog.records[1].__dict__["job_seconds"] >= 0

    def test_errors_are_reported_and_what_a_job_says_on_purpose_is_not(self, executed: Callable[..., Any]) -> None:
        reported: list[BaseException] = []
        around_perform(report_errors(reported.append))
        for what in ("error", "retry", "snooze", "discard"):
            executed(Fail, f'{{"what":"{what}"}}')
        assert [type(error) for error in reported] == [ValueError]

    def test_only_the_last_error_may_be_asked_for(self, executed: Callable[..., Any]) -> None:
        reported: list[BaseException] = []
        around_perform(report_errors(reported.append, last_only=True))
        executed(Fail, attempt=1)
        assert reported == []
        executed(Fail, attempt=2)
        assert [type(error) for error in reported] == [ValueError]

    def test_each_attempt_is_measured_by_how_it_ended(self, executed: Callable[..., Any]) -> None:
        seen: list[Measured] = []
        around_perform(measure(seen.append))
        executed(Greet)
        for what in ("error", "retry", "snooze", "discard"):
            executed(Fail, f'{{"what":"{what}"}}')
        assert [it.ended for it in seen] == ["done", "failed", "retry", "snoozed", "discarded"]
        assert (seen[0].kind, seen[0].queue, seen[0].attempt) == (f"{__name__}.Greet", "default", 1)
        assert all(0 <= it.seconds < 5 for it in seen)
