"""How far a batch is, as a person, a page or a caller sees it."""

from __future__ import annotations

from typing import Any, NamedTuple

from queueapi.records import EventName
from queueapi.states import State


class Figures(NamedTuple):
    """A batch with all that it contains, in the order of read_batches.sql's columns. Beside the words that a job's
    status has, so that whoever shows one can show the other.

    Attributes:
        total: jobs pushed. pending: of them, without an outcome. dead, cancelled: with that outcome.
        complete: its ``on_complete`` was pushed. succeeded: its ``on_success`` was.
    """

    id: int
    total: int
    pending: int
    dead: int
    cancelled: int
    complete: bool
    succeeded: bool

    @property
    def kind(self) -> str:
        """What stands for a job's kind."""
        return "batch"

    @property
    def done(self) -> int:
        """Jobs that are done."""
        return self.total - self.pending - self.dead - self.cancelled

    @property
    def state(self) -> State:
        """``running`` until every job has an outcome, and again while a dead one is retried."""
        if self.succeeded:
            return State.DONE
        if not self.complete or self.pending or not (self.dead or self.cancelled):
            return State.RUNNING
        return State.DEAD if self.dead else State.CANCELLED

    @property
    def event(self) -> EventName:
        """The word for what happened last; what a browser binds to."""
        return _EVENTS[self.state]

    def summary(self) -> dict[str, Any]:
        """The numbers, as JSON-able data; what a callback finds in ``queueapi.previous()``."""
        return {
            "id": str(self.id),
            "total": self.total,
            "pending": self.pending,
            "done": self.done,
            "dead": self.dead,
            "cancelled": self.cancelled,
        }

    def data(self) -> dict[str, Any]:
        """The JSON object that pages get: a job's, and the numbers as ``batch``."""
        failed = self.dead + self.cancelled
        words = f"{failed} of {self.total} failed" if failed else None
        state = self.state
        data: dict[str, Any] = {
            "id": str(self.id),
            "kind": self.kind,
            "state": str(state),
            "attempt": 1,
            "max_attempts": 1,
            "progress": {"done": self.total - self.pending, "total": self.total, "message": words},
            "error": {"type": "BatchFailed", "message": words} if state in (State.DEAD, State.CANCELLED) else None,
            "run_at": None,
            "batch": self.summary(),
        }
        if state is State.DONE:
            data["result"] = self.summary()
        return data


_EVENTS: dict[State, EventName] = {
    State.RUNNING: "progress",
    State.DONE: "done",
    State.DEAD: "failed",
    State.CANCELLED: "cancelled",
}
