"""Queues and kinds that are paused: at once for every worker, and nothing is lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import psycopg
import pytest

from queueapi import Job, MemoryQueue, NotOffered, Queue, SettingsError, TestQueue, job, steering
from queueapi.application import current
from queueapi.claims import Claimed
from queueapi.kinds import kinds
from queueapi.postgres.admitting import Admitting
from queueapi.postgres.sessions import Dedicated
from queueapi.postgres.store import Store
from queueapi.postgres.upkeep import Upkeep
from queueapi.worker.admission import Admission

WORKER = UUID(int=7)
Sql = Callable[..., list[tuple[Any, ...]]]


class Mail(Job, kind="pauses.mail"):
    n: int

    def run(self) -> None: ...


class Other(Job, kind="pauses.other"):
    n: int

    def run(self) -> None: ...


@job(kind="pauses.function")
def function(n: int) -> None: ...


@pytest.fixture
def claim(store: Store, session: Dedicated) -> Callable[..., list[Claimed]]:
    """As a worker does: claim, then ask."""
    tokens: Iterator[int] = iter(range(1, 1000))
    admission = Admission(Admitting(session), kinds)

    def run(*queues: str) -> list[Claimed]:
        claimed = store.claim(queues or ["default"], 100, next(tokens), WORKER, 30.0)
        return admission.admit(claimed).begin

    return run


@pytest.fixture
def own(queue: Queue) -> Iterator[Queue]:
    """The process's own queue."""
    current.configure(queue, None)
    yield queue
    current.reset()


@pytest.fixture
def asleep(store: Store, dsn: str) -> Iterator[Callable[[], set[str]]]:
    """Two workers that sleep; who of them has been woken since."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        for name in ("wake_one", "wake_two"):
            connection.execute(f"listen {name}".encode())
            store.sleep(name, ["default", "mail"], 30.0)
        yield lambda: {notify.channel for notify in connection.notifies(timeout=0.2)}


def kinds_of(jobs: list[Claimed]) -> list[str]:
    return [one.kind for one in jobs]


def test_nothing_of_a_paused_queue_is_claimed_and_all_of_it_once_it_goes_on(queue: Queue, claim: Any) -> None:
    queue["mail"].push(Mail(1))
    queue.push(Other(2))
    assert queue["mail"].pause() is True
    assert queue["mail"].pause() is False
    queue["mail"].push(Mail(3))
    assert kinds_of(claim("mail", "default")) == ["pauses.other"]
    assert queue["mail"].size() == 2
    assert queue["mail"].resume() is True
    assert queue["mail"].resume() is False
    assert kinds_of(claim("mail", "default")) == ["pauses.mail", "pauses.mail"]


def test_resuming_a_queue_wakes_all_who_serve_it(queue: Queue, asleep: Callable[[], set[str]]) -> None:
    queue["mail"].pause()
    queue["mail"].push(Mail(1))
    asleep()
    queue["mail"].resume()
    assert asleep() == {"wake_one", "wake_two"}


def test_a_queue_without_a_name_is_not_paused(queue: Queue) -> None:
    with pytest.raises(SettingsError, match=r"queue\['mail'\]\.pause\(\)"):
        queue.pause()
    with pytest.raises(SettingsError, match=r"queue\['mail'\]\.resume\(\)"):
        queue.resume()


@pytest.mark.parametrize("make", [MemoryQueue, TestQueue])
def test_queues_of_one_process_say_that_they_are_not_paused(make: Callable[[], Queue]) -> None:
    with pytest.raises(NotOffered, match=r"pause\(\) is for jobs on PostgreSQL"):
        make()["mail"].pause()
    with pytest.raises(NotOffered, match=r"resume\(\) is for jobs on PostgreSQL"):
        make()["mail"].resume()


@pytest.mark.parametrize("name", [Mail, "pauses.mail"])
def test_a_paused_kind_does_not_begin_and_others_do(own: Queue, claim: Any, name: Any) -> None:
    own.push_all([Mail(1), Other(2), Mail(3)])
    assert steering.pause_kind(name) is True
    assert steering.pause_kind(name) is False
    assert kinds_of(claim()) == ["pauses.other"]
    own.push(Mail(4))
    assert claim() == []
    assert steering.resume_kind(name) is True
    assert [one.args for one in claim()] == ['{"n":1}', '{"n":3}', '{"n":4}']
    assert steering.resume_kind(name) is False


def test_a_paused_function_does_not_begin(own: Queue, claim: Any) -> None:
    steering.pause_kind(function)
    own.push(function.job(1))
    assert claim() == []


def test_an_interrupted_job_of_a_paused_kind_is_not_charged(own: Queue, claim: Any, sql: Sql) -> None:
    own.push(Mail(1))
    steering.pause_kind(Mail)
    claim()
    assert sql("select state, attempt, blocked_by from queueapi.jobs") == [("blocked", 0, "kind:pauses.mail")]
    steering.resume_kind(Mail)
    assert claim()[0].attempt == 1


def test_resuming_a_kind_wakes_all_who_serve_its_queues(
    own: Queue, claim: Any, asleep: Callable[[], set[str]]
) -> None:
    own.push(Mail(1))
    steering.pause_kind(Mail)
    claim()
    asleep()
    steering.resume_kind(Mail)
    assert asleep() == {"wake_one", "wake_two"}


def test_what_is_paused_is_listed(own: Queue) -> None:
    assert steering.paused() == []
    steering.pause_kind(Mail)
    own["mail"].pause()
    assert [(one.what, one.name) for one in steering.paused()] == [("queue", "mail"), ("kind", "pauses.mail")]
    steering.resume_kind("pauses.mail")
    own["mail"].resume()
    assert steering.paused() == []


def test_a_job_that_was_parked_while_the_pause_ended_comes_back_by_itself(
    own: Queue, claim: Any, upkeep: Upkeep, sql: Sql
) -> None:
    own.push(Mail(1))
    steering.pause_kind(Mail)
    claim()
    sql("delete from queueapi.pauses")
    upkeep.admitting.look()
    assert kinds_of(claim()) == ["pauses.mail"]


def test_a_kind_is_named_by_its_class_or_its_name_and_by_nothing_else(own: Queue) -> None:
    with pytest.raises(SettingsError, match="name of a kind"):
        steering.pause_kind(Mail(1))
    with pytest.raises(SettingsError, match="name of a kind"):
        steering.pause_kind("")


def test_a_paused_kind_that_waits_by_the_thousand_is_parked_in_a_few_claims(own: Queue, claim: Any, sql: Sql) -> None:
    own.push_all(Mail(n) for n in range(1500))
    own.push(Other(1))
    steering.pause_kind(Mail)
    assert claim() == []
    assert kinds_of(claim()) == ["pauses.other"]
    steering.resume_kind(Mail)
    assert sql("select state, count(*)::int from queueapi.jobs group by 1 order by 1") == [
        ("available", 1500),
        ("running", 1),
    ]
