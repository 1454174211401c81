"""A job's row, for queues that live in this process: what a line of ``queueapi.jobs`` is on PostgreSQL."""

from __future__ import annotations

import dataclasses
import datetime as dt
import time
from typing import Any, cast

import msgspec

from queueapi.claims import Claim, Claimed, RunOptions
from queueapi.records import JobStatus, NewJob, Outcome
from queueapi.reporting import Reporter
from queueapi.states import State


@dataclasses.dataclass(slots=True)
class Row:
    """One job. ``due`` is a time.time(); whoever moves it holds the lock of its table."""

    id: int
    job: NewJob
    due: float
    state: State
    expires: float | None = None
    attempt: int = 0
    progress: dict[str, Any] | None = None
    result: str | None = None
    error: str | None = None
    previous: str | None = None
    cursor: str | None = None
    cancelled: bool = False  # while it ran

    @classmethod
    def pushed(cls, id_: int, job: NewJob) -> Row:
        """A row of a job that was just pushed."""
        row = cls(id_, job, 0.0, State.AVAILABLE)
        row._plan(job, _due(job))
        if row.blocked_by is not None:
            row.state = State.BLOCKED
        row.previous = job.special.previous if job.special else None
        return row

    @property
    def blocked_by(self) -> str | None:
        """What it waits for, if it was pushed to follow another."""
        return self.job.special.blocked_by if self.job.special else None

    def replace(self, job: NewJob, postponed: bool) -> None:
        """Become the later job, which is the same, in all but id, age and time; the time is its own if it has one."""
        earlier = time.time() if self.attempt else self.due
        later = _due(job)
        due = max(earlier, later) if postponed else later if job.delay or job.run_at else earlier
        self.attempt, self.error = 0, None
        self._plan(job, due)

    def retry(self) -> None:
        """Begin anew after its death."""
        self.attempt, self.expires, self.cancelled = 0, None, False

    def _plan(self, job: NewJob, due: float) -> None:
        self.job, self.due = job, due
        self.state = State.SCHEDULED if due > time.time() else State.AVAILABLE
        expires_in = job.special.expires_in if job.special else None
        self.expires = None if expires_in is None else due + expires_in

    def order(self) -> tuple[Any, ...]:
        """As a claim orders them: first those that are due, by priority and age; then the others, by their time."""
        if self.state is not State.SCHEDULED:
            return (0, self.job.priority, self.id)
        return (1, self.due, self.id)

    def promote(self, now: float) -> None:
        """Make it available, if its time has come."""
        if self.state is State.SCHEDULED and self.due <= now:
            self.state = State.AVAILABLE

    def claim(self) -> Claimed:
        """Begin an attempt."""
        self.state = State.RUNNING
        self.attempt += 1
        job, token = self.job, self.attempt
        return Claimed(
            self.id, token, job.queue, job.kind, job.args, self.attempt, job.max_attempts, job.priority,
            special=self._special(),
        )  # fmt: skip

    def _special(self) -> str | None:
        special = self.job.special
        if special is None and self.cursor is None:
            return None
        claim = Claim(
            expired=self.expires is not None and self.expires < time.time(),
            batch_id=special.batch_id if special else None,
            options=cast(RunOptions, (_read(special.options) if special else None) or {}),
            cursor=_read(self.cursor),
            previous=_read(self.previous),
        )
        return msgspec.json.encode(claim).decode()

    @property
    def kept(self) -> bool:
        """Whether anything is kept of it once it is done."""
        return self.job.special is None or self.job.special.result_ttl != 0

    def settle(self, outcome: Outcome) -> None:
        """The attempt has ended so."""
        self.state, self.progress = outcome.state, None
        self.result, self.error = outcome.result, outcome.error or self.error
        self.cursor = outcome.cursor or self.cursor
        self.attempt -= not outcome.charged
        if not outcome.state.final:
            self.due = time.time() + outcome.delay
            self.state = State.SCHEDULED if outcome.delay > 0 else State.AVAILABLE

    def report(self, reporter: Reporter) -> None:
        """The job has come so far."""
        self.progress = {"done": reporter.done, "total": reporter.total, "message": reporter.message}

    def status(self) -> JobStatus:
        """What a handle sees."""
        scheduled = self.state is State.SCHEDULED
        return JobStatus(
            self.id,
            self.job.kind,
            self.job.queue,
            self.state,
            self.attempt,
            self.job.max_attempts,
            self.progress,
            _read(self.result),
            _read(self.error),
            dt.datetime.fromtimestamp(self.due, dt.UTC).isoformat() if scheduled else None,
        )


def _due(job: NewJob) -> float:
    return dt.datetime.fromisoformat(job.run_at).timestamp() if job.run_at else time.time() + job.delay


def _read(text: str | None) -> Any:
    return None if text is None else msgspec.json.decode(text)
