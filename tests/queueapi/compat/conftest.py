"""What the dialects' tests share: the process's own queue on PostgreSQL, and the very executor that workers use."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import pytest

import queueapi
from queueapi import Queue, State
from queueapi.executor import Executor
from queueapi.kinds import kinds
from queueapi.middleware import chain
from queueapi.postgres.sessions import Dedicated
from queueapi.postgres.store import Store
from queueapi.postgres.upkeep import Upkeep
from queueapi.records import Blame, Outcome
from queueapi.runtime import Runtime

Work = Callable[..., list[Outcome]]
Lose = Callable[..., None]


@pytest.fixture(autouse=True)
def own_queue(queue: Queue, monkeypatch: pytest.MonkeyPatch) -> Iterator[Queue]:
    """The queue that the dialects push to, on a database of the test's; and chains of its own."""
    monkeypatch.setattr(chain._performing, "links", ())
    monkeypatch.setattr(chain._pushing, "links", ())
    queueapi.configure(queue)
    yield queue
    queueapi.configure()


@pytest.fixture
def work(store: Store, runtime: Runtime) -> Work:
    """Claim what is due in a queue and run it as a worker does; how each attempt ended."""

    def run(queue: str = "default") -> list[Outcome]:
        executor = Executor(kinds, 1000, rand=lambda: 0.0)
        claimed = store.claim([queue], 100, 7, UUID(int=1), 30.0)
        outcomes = [executor.execute(job) for job in claimed]
        done = [outcome for outcome in outcomes if outcome.state.final]
        if done:
            store.finish(done, runtime.settings.result_ttl)
        later = [outcome for outcome in outcomes if outcome.state in (State.SCHEDULED, State.AVAILABLE)]
        if later:
            store.reschedule(later)
        return outcomes

    return run


@pytest.fixture
def lose(store: Store, upkeep: Upkeep, sql: Callable[..., list[tuple[Any, ...]]]) -> Lose:
    """Lose the worker of the one job of a queue, in the job's last attempt."""

    def run(queue: str = "default") -> None:
        sql("update queueapi.jobs set attempt = max_attempts - 1")
        (job,) = store.claim([queue], 1, 8, UUID(int=2), 30.0)
        upkeep.release(UUID(int=2), [Blame(job.id, "lost", '{"type": "WorkerLost", "message": "gone"}')])

    return run


@pytest.fixture
def upkeep(session: Dedicated) -> Upkeep:
    return Upkeep(session)
