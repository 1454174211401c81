"""Wait for one job's outcome: register, then read, then wait – and read again, since a hint can be lost."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol, TypeVar
from uuid import uuid4

from queueapi.errors import StoreUnavailable
from queueapi.postgres.connection import translated
from queueapi.postgres.sessions import Dedicated, Open
from queueapi.postgres.store import Store
from queueapi.postgres.watching import CHANNEL, Watching
from queueapi.records import JobStatus
from queueapi.states import State


class _State(Protocol):
    @property
    def state(self) -> State: ...


S = TypeVar("S", bound=_State)

# The safety poll. A watcher counts as alive a little longer than it sleeps.
_POLL = 1.0


def await_job(open_: Open, job_id: int, timeout: float | None) -> JobStatus | None:
    """The job's state once it is final, or as it is when the time is up; None if it does not exist."""
    return await_state(open_, job_id, timeout, lambda session: Store(session).read([job_id]).get(job_id))


def await_state(open_: Open, id_: int, timeout: float | None, read: Callable[[Dedicated], S | None]) -> S | None:
    """The same of anything that has a state.

    Uses a connection of its own, which listens.

    Args:
        id_: which is watched.
        read: its present state.
    """
    deadline = None if timeout is None else time.monotonic() + timeout
    session = Dedicated(open_)
    watching = Watching(session, uuid4())
    try:
        with translated("listen"):
            if not session.connection().pooled:
                session.connection().execute(f"listen {CHANNEL}")
        watching.stay(_POLL * 10)
        watching.watch([id_])
        while True:
            watching.stay(_POLL * 10)
            status = read(session)
            left = _POLL if deadline is None else min(_POLL, deadline - time.monotonic())
            if status is None or status.state.final or left <= 0:
                return status
            with translated("listen"):
                for _ in session.connection().notifies(timeout=left, stop_after=1):
                    pass
    finally:
        if session.generation:
            try:
                watching.leave()
            except StoreUnavailable:
                pass  # it is forgotten when its time is up
        session.close()
