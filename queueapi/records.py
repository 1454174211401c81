"""The values that the parts of the house hand each other: frozen, without behaviour."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple
from uuid import UUID

from queueapi.states import State


class NewJob(NamedTuple):
    """A row about to be inserted.

    ``run_at`` is ISO 8601 with an offset; ``delay`` is in seconds of the database's clock.
    """

    queue: str
    kind: str
    args: str
    priority: int
    max_attempts: int
    delay: float
    run_at: str | None
    special: Special | None = None


class Special(NamedTuple):
    """What only few jobs have; the names are those of insert_special_jobs.sql's columns, but for ``unique``.

    Attributes:
        expires_in: seconds after which it is not begun any more.
        unique: what becomes of it if another says that it is the same.
        limit_keys: it begins when all of these let it.
        limit_room: of those that are pushed together with the same keys, so many are not blocked from the start.
        blocked_by: what it waits for: ``job:ID``.
        batch_id: the batch that it is in.
        followed: another is blocked by it.
        result_ttl: seconds that its outcome is kept; 0: not at all.
        options: JSON, for the worker: what this push says of how it is run.
        previous: JSON, the result of the job that it follows.
    """

    expires_in: float | None = None
    unique: Unique | None = None
    limit_keys: tuple[str, ...] | None = None
    limit_room: int | None = None
    blocked_by: str | None = None
    batch_id: int | None = None
    followed: bool = False
    result_ttl: float | None = None
    options: str | None = None
    previous: str | None = None


class Unique(NamedTuple):
    """Which jobs are the same, and what becomes of the later one.

    Attributes:
        key: equal for those that are the same. Begins with ``start:`` if it holds until the job starts, with ``end:``
            if it holds until the job has ended, for whatever reason.
        window: seconds since the push for which it holds, whatever becomes of the job; None: no longer than the key.
        on_conflict: ``skip`` the later one, ``replace`` the earlier one's arguments, ``raise``, or ``postpone`` the
            earlier one.
    """

    key: str
    window: float | None
    on_conflict: Literal["skip", "replace", "raise", "postpone"]


class Outcome(NamedTuple):
    """How an attempt ended. ``state`` is where the job goes; (id, token) is the fence.

    Attributes:
        result: JSON, with DONE.
        error: JSON ``{"type", "message", "traceback"}``, with DEAD and after a failed attempt.
        delay: seconds until the next attempt, with SCHEDULED.
        cursor: JSON: where an interrupted Iteration goes on.
        charged: False gives the attempt back: it was interrupted, it did not fail.
    """

    id: int
    token: int
    state: State
    result: str | None = None
    error: str | None = None
    delay: float = 0.0
    charged: bool = True
    cursor: str | None = None


class Progress(NamedTuple):
    """How far an attempt has come, as last reported by ``progress()``. ``cursor`` is JSON, of an Iteration."""

    id: int
    token: int
    done: float
    total: float | None
    message: str | None
    cursor: str | None = None


class Blame(NamedTuple):
    """What a job that ran in a process which died is charged with.

    Attributes:
        how: ``lost``: it may have been the cause; ``killed``: it was; ``late``: it was ended for its hard timeout.
        error: JSON, of the attempt.
        last: JSON, if this was one kill too many.
    """

    id: int
    how: Literal["lost", "killed", "late"]
    error: str
    last: str | None = None


class WorkerRow(NamedTuple):
    """A worker process, as ``queueapi status`` lists it."""

    id: UUID
    name: str
    queues: list[str]
    slots: int


class JobStatus(NamedTuple):
    """A job as a person, a page or a caller sees it, in the order of read_jobs.sql's columns.

    Attributes:
        result, error: parsed JSON.
        run_at: ISO 8601, while scheduled.
    """

    id: int
    kind: str
    queue: str
    state: State
    attempt: int
    max_attempts: int
    progress: dict[str, Any] | None
    result: Any
    error: dict[str, Any] | None
    run_at: str | None

    @property
    def event(self) -> EventName:
        """The word for what happened last; what a browser binds to."""
        if self.state is State.RUNNING:
            return "progress" if self.progress else "running"
        if self.state in (State.SCHEDULED, State.AVAILABLE, State.BLOCKED):
            return "retrying" if self.error and self.attempt else "queued"
        return _FINAL_EVENTS[self.state]

    def data(self) -> dict[str, Any]:
        """The JSON object that pages and pollers get. The id is text: JavaScript's numbers end at 2⁵³.

        The traceback stays behind: it is for the people who run the job, not for those who wait for it.
        """
        error: Any = self.error
        if isinstance(error, dict):
            error = {"type": error.get("type"), "message": error.get("message")}
        elif error is not None:  # written by hand
            error = {"type": None, "message": str(error)}
        data: dict[str, Any] = {
            "id": str(self.id),
            "kind": self.kind,
            "state": str(self.state),
            "attempt": self.attempt,
            "max_attempts": self.max_attempts,
            "progress": self.progress,
            "error": error,
            "run_at": self.run_at,
        }
        if self.state is State.DONE:
            data["result"] = self.result
        return data


EventName = Literal["queued", "running", "progress", "retrying", "done", "failed", "cancelled"]

_FINAL_EVENTS: dict[State, EventName] = {
    State.DONE: "done",
    State.DEAD: "failed",
    State.CANCELLED: "cancelled",
}
