"""Jobs that walk a cursor: they go on where they were, whatever ended them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any, ClassVar
from uuid import UUID

import pytest

from queueapi import Iteration, NotAJob, NotSerializable, Queue, SettingsError, Snooze, TestQueue, array_enumerator
from queueapi.claims import Claimed
from queueapi.executor import Executor
from queueapi.interrupts import Interrupted
from queueapi.kinds import kinds
from queueapi.postgres.store import Store
from queueapi.postgres.upkeep import Upkeep
from queueapi.records import Blame, Outcome, Progress
from queueapi.reporting import Reporter
from queueapi.states import State

WORKER = UUID(int=7)
EXECUTOR = Executor(kinds, 1000, rand=lambda: 0.0)
Sql = Callable[..., list[tuple[Any, ...]]]


class Letters(Iteration, kind="tests.letters"):
    """Walks over letters; what happens at each is the test's."""

    text: str = "abcde"
    met: ClassVar[list[str]] = []
    at: ClassVar[dict[str, Callable[[], Any]]] = {}

    def build_enumerator(self, cursor: int | None) -> Iterator[tuple[str, int]]:
        return array_enumerator(self.text, cursor)

    def each_iteration(self, item: str) -> None:
        self.met.append(item)
        self.at.get(item, lambda: None)()

    def total(self) -> float:
        return len(self.text)

    def on_start(self) -> None:
        self.met.append("start")

    def on_resume(self) -> None:
        self.met.append("resume")


class Odd(Iteration, kind="tests.odd"):
    """Gives whatever its test wants."""

    gives: ClassVar[Any] = None

    def build_enumerator(self, cursor: Any) -> Any:
        return self.gives

    def each_iteration(self, item: Any) -> None:
        pass

    def on_complete(self) -> str:
        return "complete"


@pytest.fixture(autouse=True)
def nothing_met() -> None:
    Letters.met.clear()
    Letters.at.clear()


def attempt(cursor: Any = None, kind: str = "tests.letters", number: int = 1) -> tuple[Outcome, Reporter]:
    special = None if cursor is None else json.dumps({"cursor": json.loads(cursor)})
    claimed = Claimed(7, 99, "default", kind, "{}", number, 3, special=special)
    reporter = Reporter(lambda _: None, lambda _: None)
    Letters.at["interrupted"] = lambda: raises(Interrupted(claimed))
    Letters.at["halted"] = lambda: setattr(reporter, "halt", Interrupted(claimed))
    return EXECUTOR.execute(claimed, reporter), reporter


def raises(error: BaseException) -> Any:
    raise error


def test_an_undisturbed_walk_meets_every_item_and_says_how_many_there_were() -> None:
    outcome, reporter = attempt()
    assert Letters.met == ["start", *"abcde"]
    assert (outcome.state, outcome.result) == (State.DONE, '{"items":5}')
    assert (reporter.done, reporter.total) == (5, 5)


def test_a_worker_that_stops_ends_it_between_two_items_and_another_goes_on_there() -> None:
    Letters.at["b"] = lambda: Letters.at["halted"]()
    outcome, _ = attempt()
    assert Letters.met == ["start", "a", "b"]
    assert (outcome.state, outcome.charged) == (State.AVAILABLE, False)
    outcome, reporter = attempt(outcome.cursor)
    assert Letters.met == ["start", "a", "b", "resume", "c", "d", "e"]
    assert outcome.result == '{"items":5}'
    assert reporter.done == 5


def test_what_is_interrupted_in_the_middle_of_an_item_begins_with_it_again() -> None:
    Letters.at["c"] = lambda: Letters.at["interrupted"]()
    outcome, _ = attempt()
    del Letters.at["c"]
    attempt(outcome.cursor)
    assert "".join(Letters.met[1:]) == "abc" + "resume" + "cde"


def test_what_is_interrupted_again_before_its_next_item_forgets_nothing() -> None:
    Letters.at["c"] = lambda: Letters.at["interrupted"]()
    first, _ = attempt()
    second, _ = attempt(first.cursor)
    assert second.cursor == first.cursor


def test_a_failed_attempt_is_charged_and_the_next_goes_on_at_the_item_that_failed() -> None:
    Letters.at["d"] = lambda: raises(OSError("no route"))
    outcome, _ = attempt()
    assert (outcome.state, outcome.charged) == (State.SCHEDULED, True)
    Letters.at.clear()
    Letters.met.clear()
    attempt(outcome.cursor, number=2)
    assert Letters.met == ["resume", "d", "e"]


def test_a_job_that_shows_something_else_than_the_count_keeps_its_own_bar() -> None:
    job = Letters("ab")
    Letters.at["a"] = lambda: job.progress(10, 100, "tens")
    Letters.at["b"] = lambda: job.progress(20, 100, "tens")
    _, reporter = attempt()
    assert (reporter.done, reporter.total, reporter.message) == (20, 100, "tens")


def test_what_completes_it_gives_the_result() -> None:
    Odd.gives = [("item", 1)]
    assert attempt(kind="tests.odd")[0].result == '"complete"'


@pytest.mark.parametrize("cursor", [None, 5, "x", [1, "a"], (1, 2), {"a": None}, "NUL \0 and \ud83d"])
def test_a_cursor_comes_back_as_json_brings_it(cursor: Any) -> None:
    Odd.gives = [("item", cursor)]
    _, reporter = attempt(kind="tests.odd")
    seen = []
    Odd.build_enumerator, kept = lambda self, it: seen.append(it) or [], Odd.build_enumerator  # type: ignore
    try:
        attempt(reporter.cursor, kind="tests.odd")
    finally:
        Odd.build_enumerator = kept  # type: ignore[method-assign]
    assert seen == [list(cursor) if isinstance(cursor, tuple) else cursor]


@pytest.mark.parametrize(
    ("cursor", "says"),
    [(object(), "cannot be stored"), (float("nan"), "cannot be stored"), ("x" * 20_000, "more than 10000")],
)
def test_a_cursor_that_cannot_be_stored_is_refused_at_the_first_item(cursor: Any, says: str) -> None:
    Odd.gives = [("item", cursor)]
    outcome, _ = attempt(kind="tests.odd", number=3)
    assert (outcome.state, says in str(outcome.error)) == (State.DEAD, True)
    assert json.loads(outcome.error or "")["type"] == NotSerializable.__name__


@pytest.mark.parametrize("gives", [["item"], [("a", 1, 2)]])
def test_an_enumerator_that_gives_no_pairs_is_told_so(gives: Any) -> None:
    Odd.gives = gives
    outcome, _ = attempt(kind="tests.odd", number=3)
    assert "(item, cursor)" in str(outcome.error)


def test_a_field_that_would_hide_a_method_is_refused() -> None:
    with pytest.raises(SettingsError, match="'total'"):

        class Hides(Iteration, kind="tests.hides"):
            total: int  # type: ignore[assignment]


def test_the_base_class_is_no_kind() -> None:
    with pytest.raises(NotAJob):
        TestQueue().push(Iteration())


def test_without_a_worker_it_just_runs() -> None:
    assert Letters("xy").run() == {"items": 2}
    queue = TestQueue()
    handle = queue.push(Letters("xyz"))
    queue.drain()
    assert handle.result() == {"items": 3}


def test_in_a_queue_of_this_process_a_retry_goes_on_too() -> None:
    queue = TestQueue()
    Letters.at["b"] = lambda: raises(Snooze(1))
    handle = queue.push(Letters("abc"))
    queue.drain()
    Letters.at.clear()
    queue.drain()
    assert Letters.met == ["start", "a", "b", "resume", "b", "c"]
    assert handle.result() == {"items": 3}


# -- the row


@pytest.fixture
def walking(queue: Queue, store: Store) -> Claimed:
    queue.push(Letters())
    (job,) = store.claim(["default"], 1, 1000, WORKER, 30.0)
    store.report([Progress(job.id, job.token, 3, 5, None, '"[2, 3]"')])
    return job


def claim_again(store: Store) -> Any:
    (job,) = store.claim(["default"], 1, 2000, WORKER, 30.0)
    return job.more().cursor


def test_what_was_stored_with_the_progress_is_where_another_goes_on_after_a_kill(
    walking: Claimed, store: Store, upkeep: Upkeep
) -> None:
    upkeep.release(WORKER, [Blame(walking.id, "lost", "{}")])
    assert claim_again(store) == "[2, 3]"


def test_and_after_the_machine_was_lost(walking: Claimed, store: Store, upkeep: Upkeep, sql: Sql) -> None:
    sql("update queueapi.jobs set lease_until = now() - interval '1 s'")
    upkeep.rescue("{}")
    assert claim_again(store) == "[2, 3]"


def test_and_when_somebody_retries_it_after_its_death(walking: Claimed, store: Store, queue: Queue) -> None:
    store.finish([Outcome(walking.id, walking.token, State.DEAD, error="{}")], 60.0)
    assert queue.dead().retry() == 1
    assert claim_again(store) == "[2, 3]"


def test_an_outcome_brings_a_newer_place_than_the_progress(walking: Claimed, store: Store) -> None:
    store.reschedule([Outcome(walking.id, walking.token, State.AVAILABLE, charged=False, cursor='"[4, 5]"')])
    assert claim_again(store) == "[4, 5]"


def test_an_attempt_that_lost_its_lease_moves_nothing(walking: Claimed, store: Store, upkeep: Upkeep) -> None:
    upkeep.release(WORKER, [])
    assert claim_again(store) == "[2, 3]"
    assert store.report([Progress(walking.id, walking.token, 4, 5, None, '"[9, 9]"')]) == []
    upkeep.release(WORKER, [])
    assert claim_again(store) == "[2, 3]"
