"""Where jobs are pushed: ``queue.push(job)``, ``queue['mail'].push(job)``; and what comes back, a handle."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

from queueapi import retry, serializer
from queueapi.errors import JobCancelled, JobFailed, JobNotFinished, JobNotFound, SettingsError
from queueapi.kinds import checked, kinds
from queueapi.names import checked_name
from queueapi.records import JobStatus, NewJob, Options
from queueapi.settings import Settings
from queueapi.signing import Signer
from queueapi.states import State

# A page that is left open over lunch still gets its answer.
TICKET_EXPIRES = 3600.0


class Backend(Protocol):
    """What a queue needs of the rest of the house: made by the composition root, when first needed."""

    settings: Settings

    def push(self, jobs: Sequence[NewJob], conn: object | None) -> list[int]:
        """Store the jobs, all or none: on ``conn``, or on a connection of our own, committed."""

    def read(self, job_id: int) -> JobStatus | None:
        """The job's present state."""

    def cancel(self, job_id: int) -> bool:
        """Take back a job that nobody has claimed."""

    def wait(self, job_id: int, timeout: float | None) -> JobStatus | None:
        """The job's state once it is final, or as it is after so many seconds."""

    def signer(self) -> Signer:
        """Signs tickets."""


class Queue:
    """A named list of jobs. Cheap to make, safe to share between threads, greenlets and forked processes.

    ``queue['mail']`` is the same queue under another name: a bound copy, not an entry of a container.

    Args:
        backend: called at the first use; nothing is connected before.
        name: the queue that jobs go to which name none themselves; None means ``default``.
    """

    def __init__(self, backend: Callable[[], Backend], name: str | None = None) -> None:
        self._backend = backend
        self.name = name

    def __repr__(self) -> str:
        return f"<Queue {self.name or 'default'}>"

    def __getitem__(self, name: str) -> Queue:
        return Queue(self._backend, checked_name("queue", name))

    def push(
        self,
        job: object,
        *,
        conn: object | None = None,
        queue: str | None = None,
        priority: int | None = None,
        max_attempts: int | None = None,
        run_at: dt.datetime | None = None,
        delay: float | dt.timedelta | None = None,
    ) -> Handle:
        """Store a job, to be run by a worker.

        What is said here wins over ``queue['name']``, and that over the job's class.

        Args:
            job: an object of a registered kind.
            conn: a psycopg connection: the job exists if and only if its transaction commits.
            queue, priority, max_attempts: see :class:`queueapi.Job`.
            run_at: not before this time; with a timezone.
            delay: not before so many seconds from now.

        Raises:
            NotAJob: its class is not registered. A TypeError.
            NotSerializable: it holds what JSON cannot carry. A TypeError; names the field.
            SettingsError: an option is out of range. A ValueError.
            StoreUnavailable: PostgreSQL is away. A ConnectionError.
        """
        options = Options(queue, priority, max_attempts)
        return self._push([job], conn, options, run_at, delay)[0]

    __lshift__ = push

    def push_all(
        self,
        jobs: Iterable[object],
        *,
        conn: object | None = None,
        queue: str | None = None,
        priority: int | None = None,
        max_attempts: int | None = None,
        run_at: dt.datetime | None = None,
        delay: float | dt.timedelta | None = None,
    ) -> list[Handle]:
        """Store many jobs, all or none, in the order given. Options and errors as :meth:`push`."""
        return self._push(jobs, conn, Options(queue, priority, max_attempts), run_at, delay)

    def _push(
        self,
        jobs: Iterable[object],
        conn: object | None,
        options: Options,
        run_at: dt.datetime | None,
        delay: float | dt.timedelta | None,
    ) -> list[Handle]:
        checked(options)
        at, seconds = _when(run_at, delay)
        backend = self._backend()
        rows = [self._row(job, options, at, seconds, backend.settings.max_args) for job in jobs]
        ids = backend.push(rows, conn) if rows else []
        return [Handle(backend, id_) for id_ in ids]

    def _row(self, job: object, push: Options, run_at: str | None, delay: float, limit: int) -> NewJob:
        kind = kinds.of(job)
        queue = push.queue or self.name or kind.options.queue or "default"
        priority = kind.options.priority if push.priority is None else push.priority
        max_attempts = push.max_attempts or kind.options.max_attempts or retry.MAX_ATTEMPTS
        return NewJob(queue, kind.name, serializer.dumps(kind, job, limit), priority or 0, max_attempts, delay, run_at)


class Handle:
    """A pushed job, from outside. Holds an id and no connection; as good in another process."""

    __slots__ = ("_backend", "id")

    def __init__(self, backend: Backend, id_: int) -> None:
        self._backend = backend
        self.id = id_

    def __repr__(self) -> str:
        return f"<Handle {self.id}>"

    def status(self) -> dict[str, Any]:
        """What a browser sees: kind, state, event, attempt, progress, result or error, as JSON-able data.

        Raises:
            JobNotFound: its transaction has not committed, or it finished and was pruned.
        """
        status = self._status()
        return {**status.data(), "event": status.event}

    def state(self) -> State:
        """Where the job is. Raises :class:`JobNotFound`."""
        return self._status().state

    def result(self) -> Any:
        """What ``run()`` returned, as JSON brings it back.

        Raises:
            JobNotFinished, JobFailed, JobCancelled, JobNotFound.
        """
        return _outcome(self._status())

    def wait(self, timeout: float | None = None) -> Any:
        """Wait until the job has an outcome, and return its result. In a web request, rather give out a ticket.

        Args:
            timeout: seconds; None waits for ever.

        Raises:
            TimeoutError: it has none yet.
            JobFailed, JobCancelled, JobNotFound.
        """
        status = self._backend.wait(self.id, timeout)
        if status is None:
            raise _not_found(self.id)
        if not status.state.final:
            raise TimeoutError(f"job {self.id} is still {status.state} after {timeout} s")
        return _outcome(status)

    def cancel(self) -> bool:
        """Take the job back. True if nobody had claimed it; a job that runs or has run is left alone."""
        return self._backend.cancel(self.id)

    def ticket(self, expires: float | dt.timedelta = TICKET_EXPIRES) -> str:
        """What a browser needs to see this job, and nothing else, for so many seconds."""
        seconds = expires.total_seconds() if isinstance(expires, dt.timedelta) else expires
        return self._backend.signer().sign("job", str(self.id), seconds)

    def _status(self) -> JobStatus:
        status = self._backend.read(self.id)
        if status is None:
            raise _not_found(self.id)
        return status


def _not_found(job_id: int) -> JobNotFound:
    return JobNotFound(f"there is no job {job_id}: its transaction has not committed, or it finished and was pruned")


def _outcome(status: JobStatus) -> Any:
    if status.state is State.DONE:
        return status.result
    if status.state is State.CANCELLED:
        raise JobCancelled(f"job {status.id} was cancelled")
    if status.state is State.DEAD:
        error = status.error or {}
        raise JobFailed(
            f"job {status.id} is dead after {status.attempt} attempts: {error.get('type')}: {error.get('message')}",
            error,
        )
    raise JobNotFinished(f"job {status.id} is {status.state}: wait for it, or look again later")


def _when(run_at: dt.datetime | None, delay: float | dt.timedelta | None) -> tuple[str | None, float]:
    """(ISO time, seconds): a time is the caller's, a delay is counted on the database's clock."""
    if run_at is not None and delay is not None:
        raise SettingsError(f"run_at={run_at} and delay={delay} exclude each other: give one")
    if run_at is not None:
        if not isinstance(run_at, dt.datetime) or run_at.utcoffset() is None:
            raise SettingsError(f"run_at={run_at!r} says no timezone: use datetime.now(timezone.utc) or a zoneinfo")
        return run_at.isoformat(), 0.0
    seconds = delay.total_seconds() if isinstance(delay, dt.timedelta) else delay or 0.0
    if not isinstance(seconds, (int, float)) or not 0 <= seconds <= 3_155_760_000:
        raise SettingsError(f"delay={delay!r} must be between 0 seconds and 100 years")
    return None, float(seconds)
