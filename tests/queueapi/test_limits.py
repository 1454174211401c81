"""Limits as a class says them, and as somebody changes them while everything runs."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any
from uuid import UUID

import psycopg
import pytest

from queueapi import Concurrency, Job, NotOffered, Queue, Rate, SettingsError, TestQueue, limits, steering
from queueapi.application import current
from queueapi.claims import Claimed
from queueapi.kinds import kinds
from queueapi.postgres.admitting import Admitting
from queueapi.postgres.sessions import Dedicated
from queueapi.postgres.store import Store
from queueapi.records import Outcome
from queueapi.states import State
from queueapi.worker.admission import Admission

WORKER = UUID(int=7)
Sql = Callable[..., list[tuple[Any, ...]]]


class Import(Job, kind="limits.import", limit=("tenant", 2)):
    n: int
    tenant: str = "a"

    def run(self) -> None: ...


class Call(Job, kind="limits.call", limit=Rate(3, per=60)):
    n: int

    def run(self) -> None: ...


class Alone(Job, kind="limits.alone", limit=Concurrency(1, by=lambda job: job.n % 2)):
    n: int

    def run(self) -> None: ...


class Shared(Job, kind="limits.shared", limit=Concurrency(1, name="provider")):
    n: int

    def run(self) -> None: ...


class Sharing(Job, kind="limits.sharing", limit=Concurrency(1, name="provider")):
    n: int

    def run(self) -> None: ...


class Unlimited(Job, kind="limits.unlimited"):
    def run(self) -> None: ...


class Twice(Job, kind="limits.twice", limit=[Concurrency(1, by="n", name="one"), Concurrency(9)]):
    n: int

    def run(self) -> None: ...


class Worker:
    """Claims, asks, and finishes, as a worker does."""

    def __init__(self, store: Store, session: Dedicated) -> None:
        self.store = store
        self.admission = Admission(Admitting(session), kinds)
        self.tokens = count(1)

    def begin(self) -> list[Claimed]:
        claimed = self.store.claim(["default"], 100, next(self.tokens), WORKER, 30.0)
        return self.admission.admit(claimed).begin

    def end(self, jobs: list[Claimed]) -> None:
        self.store.finish([Outcome(job.id, job.token, State.DONE) for job in jobs], 60.0)
        self.admission.ended(jobs)


@pytest.fixture
def worker(store: Store, session: Dedicated) -> Worker:
    return Worker(store, session)


@pytest.fixture
def own(queue: Queue) -> Iterator[Queue]:
    """The process's own queue."""
    current.configure(queue, None)
    yield queue
    current.reset()


# -- what a class says


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        (None, ()),
        (5, (Concurrency(5),)),
        (("tenant", 5), (Concurrency(5, by="tenant"),)),
        (Rate(3, per=dt.timedelta(minutes=1)), (Rate(3, per=dt.timedelta(minutes=1)),)),
        ([Concurrency(50), Rate(3, per=1)], (Rate(3, per=1), Concurrency(50))),
    ],
)
def test_a_class_says_its_limits_in_several_ways_and_the_tightest_comes_first(said: Any, meant: Any) -> None:
    assert limits.parsed(said) == meant


@pytest.mark.parametrize("said", [0, -1, True, "5", 1.5, ("tenant", "5"), ("tenant", 0), [5], {"tenant": 5}])
def test_what_is_no_limit_is_refused_where_the_class_is_made(said: Any) -> None:
    with pytest.raises(SettingsError):
        type("Wrong", (Job,), {"run": lambda self: None, "__annotations__": {}}, limit=said)


@pytest.mark.parametrize(("starts", "per"), [(0, 1), (1, 0), (1, -1), (1, True), (1, "minute"), (1.5, 1)])
def test_a_rate_that_is_none_is_refused(starts: Any, per: Any) -> None:
    with pytest.raises(SettingsError):
        Rate(starts, per)


def test_a_key_is_the_name_and_the_value_and_never_too_long_for_an_index() -> None:
    assert limits.key_of("kind", Concurrency(1), None) == "at-once:kind"
    assert limits.key_of("kind", Concurrency(1, by="tenant"), Import(1, "b")) == "at-once:kind:b"
    assert limits.key_of("kind", Rate(1, per=1, name="api"), None) == "rate:api"
    long, other = (limits.key_of("kind", Concurrency(1, by="tenant"), Import(1, name * 10_000)) for name in "xy")
    assert len(long) < 100
    assert long != other


def test_two_limits_of_one_key_are_one(own: Queue) -> None:
    assert limits.keys("kind", [Concurrency(1), Concurrency(2)], None) == ("at-once:kind",)


# -- what it means


def test_each_value_has_places_of_its_own(own: Queue, worker: Worker) -> None:
    own.push_all([*(Import(n, "a") for n in range(4)), *(Import(n, "b") for n in range(4))])
    assert sorted(job.args for job in worker.begin()) == sorted(
        f'{{"n":{n},"tenant":"{tenant}"}}' for n in (0, 1) for tenant in "ab"
    )


def test_an_execution_lock_is_a_limit_of_one_for_each_value(own: Queue, worker: Worker) -> None:
    own.push_all(Alone(n) for n in range(4))
    first = worker.begin()
    assert [job.args for job in first] == ['{"n":0}', '{"n":1}']
    assert worker.begin() == []
    worker.end(first[:1])
    assert [job.args for job in worker.begin()] == ['{"n":2}']


def test_classes_that_name_the_same_limit_share_it(own: Queue, worker: Worker) -> None:
    own.push_all([Shared(1), Sharing(2)])
    first = worker.begin()
    assert [job.kind for job in first] == ["limits.shared"]
    worker.end(first)
    assert [job.kind for job in worker.begin()] == ["limits.sharing"]


def test_a_failed_attempt_gives_its_place_back(own: Queue, worker: Worker, sql: Sql) -> None:
    own.push_all([Shared(1), Shared(2)])
    (first,) = worker.begin()
    worker.store.reschedule([Outcome(first.id, first.token, State.SCHEDULED, delay=60.0, error="{}")])
    worker.admission.ended([first])
    assert [job.args for job in worker.begin()] == ['{"n":2}']


def test_a_waiting_job_that_is_cancelled_leaves_no_hole(own: Queue, worker: Worker) -> None:
    handles = own.push_all(Shared(n) for n in range(3))
    (first,) = worker.begin()
    assert handles[1].cancel()
    worker.end([first])
    assert [job.args for job in worker.begin()] == ['{"n":2}']


def test_what_is_held_back_waits_like_any_other(own: Queue, worker: Worker) -> None:
    own.push_all(Shared(n) for n in range(3))
    worker.begin()
    assert own.size() == 2
    assert own.jobs == [Shared(1), Shared(2)]
    assert own["default"].clear() == 2
    assert own.size() == 0


# -- changed at run time


def test_a_limit_is_raised_and_what_waits_begins_at_once(own: Queue, worker: Worker) -> None:
    own.push_all(Shared(n) for n in range(5))
    assert len(worker.begin()) == 1
    steering.set_limit(Shared, slots=3)
    assert len(worker.begin()) == 2
    assert worker.begin() == []


def test_a_limit_is_lowered_and_nothing_begins_until_enough_have_ended(own: Queue, worker: Worker) -> None:
    steering.set_limit("provider", slots=3)
    own.push_all(Shared(n) for n in range(6))
    first = worker.begin() + worker.begin()
    assert len(first) == 3
    steering.set_limit("provider", slots=1)
    worker.end(first[:2])
    assert worker.begin() == []
    worker.end(first[2:])
    assert len(worker.begin()) == 1


def test_a_rate_is_changed(own: Queue, worker: Worker) -> None:
    own.push_all(Call(n) for n in range(10))
    assert len(worker.begin()) == 3
    steering.set_limit(Call, starts=5, per=60)
    assert len(worker.begin()) == 2
    assert worker.begin() == []


def test_a_value_has_its_own_and_the_others_have_what_was_said_of_all(own: Queue, worker: Worker) -> None:
    steering.set_limit(Import, slots=1)
    steering.set_limit("limits.import:large", slots=3)
    own.push_all(Import(n, tenant) for n in range(4) for tenant in ("large", "small"))
    begun = worker.begin() + worker.begin()
    assert sorted(job.args.rpartition(":")[2] for job in begun) == ['"large"}'] * 3 + ['"small"}']


def test_what_is_forgotten_is_as_the_class_says_again(own: Queue, worker: Worker) -> None:
    steering.set_limit(Shared, slots=5)
    assert steering.forget_limit("provider") is True
    assert steering.forget_limit(Shared) is False
    own.push_all(Shared(n) for n in range(3))
    assert len(worker.begin()) == 1


def test_who_changes_limits_and_who_asks_for_places_never_wait_for_each_other(
    own: Queue, worker: Worker, session: Dedicated
) -> None:
    own.push_all(Import(n, f"t{n % 40}") for n in range(400))
    failed: list[BaseException] = []

    def change() -> None:
        try:
            for slots in range(1, 30):
                steering.set_limit(Import, slots=slots % 3 + 1)
                steering.forget_limit(Import)
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=change)
    thread.start()
    ended = 0
    while thread.is_alive() or ended < 400:
        begun = worker.begin()
        worker.end(begun)
        ended += len(begun)
    thread.join()
    assert failed == []
    assert own.size() == 0


def test_limits_are_listed_with_how_far_they_are_used_up(own: Queue, worker: Worker) -> None:
    own.push_all([*(Shared(n) for n in range(4)), *(Call(n) for n in range(5))])
    worker.begin()
    steering.set_limit("provider", slots=2)
    call, shared = sorted(steering.list_limits(), key=lambda one: one.key, reverse=True)
    assert (call.key, call.starts, call.per, call.used, call.by_hand, call.waiting) == (
        "rate:limits.call", 3, 60.0, 3.0, False, 2,
    )  # fmt: skip
    assert (shared.key, shared.slots, shared.by_hand, shared.running, shared.waiting) == (
        "at-once:provider", 2, True, 1, 2,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "said", "why"),
    [
        ("provider", {}, "say what the limit is"),
        ("provider", {"starts": 5}, "say what the limit is"),
        ("provider", {"slots": 5, "per": 5}, "say what the limit is"),
        ("provider", {"slots": 0}, "slots is 0"),
        ("provider", {"starts": 1, "per": 0}, "more than 0 seconds"),
        (Unlimited, {"slots": 5}, "no Concurrency that could be changed"),
        ("limits.unlimited", {"slots": 5}, "no Concurrency that could be changed"),
        (Twice, {"slots": 5}, "more than one Concurrency: give each a name="),
        (Shared, {"starts": 5, "per": 1}, "no Rate that could be changed"),
        ("", {"slots": 5}, "neither a job's class nor a limit's name"),
        (Shared(1), {"slots": 5}, "neither a job's class nor a limit's name"),
    ],
)
def test_what_is_no_limit_is_refused_and_changes_nothing(own: Queue, name: Any, said: Any, why: str) -> None:
    with pytest.raises(SettingsError, match=why):
        steering.set_limit(name, **said)
    assert steering.list_limits() == []


@pytest.mark.parametrize(
    "nonsense",
    [
        "slots = 0",
        "slots = -1",
        "starts = 0, period = 1",
        "starts = 1, period = 0",
        "starts = 1, period = 'NaN'",
        "starts = 1",
        "used = 'NaN'",
        "used = -1",
        "since = 'infinity'",
    ],
)
def test_what_no_worker_could_reckon_with_is_refused_by_the_table_itself(sql: Sql, nonsense: str) -> None:
    sql("insert into queueapi.limits (key, slots) values ('k', 2)")
    with pytest.raises(psycopg.errors.CheckViolation):
        sql(f"update queueapi.limits set {nonsense}")


def test_queues_of_one_process_have_no_limits_to_change() -> None:
    current.configure(TestQueue(), None)
    try:
        with pytest.raises(NotOffered, match=r"set_limit\(\) is for jobs on PostgreSQL"):
            steering.set_limit(Shared, slots=1)
    finally:
        current.reset()
