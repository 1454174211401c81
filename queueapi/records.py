"""The values that the parts of the house hand each other: frozen, without behaviour."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple
from uuid import UUID

from queueapi.states import State


class Options(NamedTuple):
    """What a job's class, or one push, says of how it is to be run. None = not said here."""

    queue: str | None = None
    priority: int | None = None
    max_attempts: int | None = None


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


class Claimed(NamedTuple):
    """A job that this process holds the lease of, in the order of claim_jobs.sql's columns.

    ``watched``: somebody waits to hear that it runs.
    """

    id: int
    token: int
    queue: str
    kind: str
    args: str
    attempt: int
    max_attempts: int
    priority: int = 0
    watched: bool = False


class Outcome(NamedTuple):
    """How an attempt ended. ``state`` is where the job goes; (id, token) is the fence.

    Attributes:
        result: JSON, with DONE.
        error: JSON ``{"type", "message", "traceback"}``, with DEAD and after a failed attempt.
        delay: seconds until the next attempt, with SCHEDULED.
        charged: False gives the attempt back: it was interrupted, it did not fail.
    """

    id: int
    token: int
    state: State
    result: str | None = None
    error: str | None = None
    delay: float = 0.0
    charged: bool = True


class Progress(NamedTuple):
    """How far an attempt has come, as last reported by ``progress()``."""

    id: int
    token: int
    done: float
    total: float | None
    message: str | None


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
        if self.state is State.SCHEDULED or self.state is State.AVAILABLE:
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
