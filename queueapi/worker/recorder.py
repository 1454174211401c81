"""Writes many rows in one statement, and finds the one among them that PostgreSQL refuses."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from queueapi.errors import DataRefused
from queueapi.events import Events
from queueapi.postgres.statements import Rows
from queueapi.postgres.store import Store
from queueapi.records import Outcome, Progress
from queueapi.serializer import error_dumps
from queueapi.states import State
from queueapi.worker.linked import UNLINKED, Linker, Links

T = TypeVar("T")


class Recorder:
    """1. writes outcomes, and progress; 2. when a statement is refused for what is in it, halves it until the culprit
    stands alone: its neighbours are written; 3. records in its place that it could not be.

    Everything that a job can say is made fit to be stored before it comes here. This is for what nobody thought of:
    without it one job would hold up the others' outcomes for ever.

    Args:
        result_ttl: seconds that finished jobs are kept.
        linker: writes what belongs together with others.
    """

    def __init__(self, store: Store, result_ttl: float, events: Events, linker: Linker | None = None) -> None:
        self._store = store
        self._result_ttl = result_ttl
        self._events = events
        self._linker = linker

    def outcomes(self, outcomes: Sequence[Outcome], links: Links = UNLINKED) -> Rows:
        """Write how attempts ended. Rows as :meth:`Store.finish`."""
        if links.apart and self._linker is not None:
            finish = self._linker.finish
            apart = [outcome for outcome in outcomes if (outcome.id, outcome.token) in links.apart]
            rows = _piecewise(lambda some: finish(some, links), apart, self._set_aside)
            others = [outcome for outcome in outcomes if (outcome.id, outcome.token) not in links.apart]
            return rows + self.outcomes(others)
        others = [outcome for outcome in outcomes if outcome.state is not State.DONE and not outcome.state.final]
        final = outcomes if not others else [outcome for outcome in outcomes if outcome.state.final]
        rows = _piecewise(self._finish, final, self._set_aside)
        return rows + _piecewise(self._store.reschedule, others, self._set_aside)

    def progress(self, news: Sequence[Progress]) -> Rows:
        """Write how far jobs are. Rows as :meth:`Store.report`."""
        return _piecewise(self._store.report, news, lambda _, __: [])

    def _finish(self, outcomes: Sequence[Outcome]) -> Rows:
        return self._store.finish(outcomes, self._result_ttl)

    def _set_aside(self, outcome: Outcome, refusal: DataRefused) -> Rows:
        self._events.emit("outcome_refused", id=outcome.id, state=outcome.state, error=refusal)
        text = f"the attempt ended as {outcome.state}, and how it ended could not be stored: {refusal}"
        dead = Outcome(outcome.id, outcome.token, State.DEAD, error=error_dumps("OutcomeRefused", text))
        try:
            return self._finish([dead])
        except DataRefused:
            return []  # it is the row itself: whoever rescues it when its lease is over charges the attempt


def _piecewise(
    write: Callable[[Sequence[T]], Rows], items: Sequence[T], refused: Callable[[T, DataRefused], Rows]
) -> Rows:
    if not items:
        return []
    try:
        return write(items)
    except DataRefused as refusal:
        if len(items) == 1:
            return refused(items[0], refusal)
    half = len(items) // 2
    return _piecewise(write, items[:half], refused) + _piecewise(write, items[half:], refused)
