"""Wait for one job's outcome: register, then read, then wait – and read again, since a hint can be lost."""

from __future__ import annotations

import time
from uuid import uuid4

from queueapi.errors import StoreUnavailable
from queueapi.postgres.connection import translated
from queueapi.postgres.sessions import Dedicated, Open
from queueapi.postgres.store import Store
from queueapi.postgres.watching import CHANNEL, Watching
from queueapi.records import JobStatus

# The safety poll. A watcher counts as alive a little longer than it sleeps.
_POLL = 1.0


def await_job(open_: Open, job_id: int, timeout: float | None) -> JobStatus | None:
    """The job's state once it is final, or as it is when the time is up; None if it does not exist.

    Uses a connection of its own, which listens.
    """
    deadline = None if timeout is None else time.monotonic() + timeout
    session = Dedicated(open_)
    watching = Watching(session, uuid4())
    store = Store(session)
    try:
        with translated("listen"):
            session.connection().execute(f"listen {CHANNEL}")
        watching.stay(_POLL * 10)
        watching.watch([job_id])
        while True:
            watching.stay(_POLL * 10)
            status = store.read([job_id]).get(job_id)
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
