"""Chains and batches for queues of this process: what batching.py and chaining.py are on PostgreSQL."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from typing import Any, Final, Protocol

import msgspec

from queueapi.figures import Figures
from queueapi.records import NewJob, Outcome, Special
from queueapi.rows import Row
from queueapi.serializer import error_dumps
from queueapi.states import State

# So many batches are kept; then the oldest that has succeeded goes.
KEPT: Final = 10_000


class Rows(Protocol):
    """What holds the jobs."""

    def held(self) -> Any:
        """A block in which nobody else moves a job, and nothing begins."""

    def next_id(self) -> int:
        """The next that is given out."""

    def push(self, jobs: Sequence[NewJob], conn: object | None) -> Sequence[int]:
        """Take jobs."""

    def blocked_by(self, reason: str) -> list[Row]:
        """The jobs that wait for that."""

    def settle(self, row: Row, outcome: Outcome) -> None:
        """Move a job on."""

    def wait_for(self, condition: Any, timeout: float | None) -> None:
        """Until that is so."""


@dataclasses.dataclass(slots=True)
class _Batch:
    parent: int | None
    success: Sequence[NewJob]
    complete: Sequence[NewJob]
    total: int = 0
    left: set[int] = dataclasses.field(default_factory=set)
    dead: set[int] = dataclasses.field(default_factory=set)
    cancelled: int = 0
    completed: bool = False
    succeeded: bool = False
    hopeless: bool = False


class MemoryBundles:
    """See :class:`queueapi.backends.Bundles`. All under the lock of what holds the jobs.

    Args:
        rows: that.
    """

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._batches: dict[int, _Batch] = {}
        self._ids = count(1)

    # -- from the pusher's side

    @contextmanager
    def together(self, conn: object | None) -> Iterator[object | None]:
        """Nothing begins before all of it is there."""
        with self._rows.held():
            yield conn

    def newest(self, conn: object | None) -> int:
        """An id below all that will be given out from now on."""
        return self._rows.next_id()

    def pushed(self, ids: Sequence[int], newest: int, conn: object | None) -> set[int]:
        """Those that are new: nobody else pushes meanwhile."""
        return {id_ for id_ in ids if id_ > newest}

    def open(
        self, parent: int | None, success: Sequence[NewJob], complete: Sequence[NewJob], conn: object | None
    ) -> int:
        """A new batch with these callbacks; its id."""
        with self._rows.held():
            id_ = next(self._ids)
            over = [one for one, batch in self._batches.items() if batch.succeeded] if id_ > KEPT else []
            if over:
                del self._batches[over[0]]
            self._batches[id_] = _Batch(parent, success, complete)
            return id_

    def is_open(self, batch_id: int, conn: object, hold: bool) -> bool | None:
        """Whether jobs may be added to the batch; None: there is none."""
        batch = self._batches.get(batch_id)
        return None if batch is None else not batch.completed

    def note(self, batch_id: int, ids: Sequence[int], newest: int, conn: object | None) -> None:
        """Each was noted when it came."""

    def settle(self, ids: Sequence[int], conn: object | None) -> None:
        """Complete those of the batches that have nothing left to wait for."""
        with self._rows.held():
            for id_ in ids:
                self._complete(id_)

    def read(self, batch_id: int) -> Figures | None:
        """How far the batch is."""
        with self._rows.held():
            batch = self._batches.get(batch_id)
            if batch is None:
                return None
            tree = self._tree(batch_id)
            return Figures(
                batch_id,
                sum(one.total for one in tree),
                sum(len(one.left) for one in tree),
                sum(len(one.dead) for one in tree),
                sum(one.cancelled for one in tree),
                batch.completed,
                batch.succeeded,
            )

    def wait(self, batch_id: int, timeout: float | None) -> Figures | None:
        """The same once it has ended, or after so many seconds."""

        def ended() -> bool:
            found = self.read(batch_id)
            return found is None or found.state.final

        self._rows.wait_for(ended, timeout)
        return self.read(batch_id)

    # -- told by what holds the jobs

    def came(self, row: Row) -> None:
        """A job is there."""
        if (batch := self._of(row)) is not None:
            batch.total += 1
            batch.left.add(row.id)

    def revived(self, row: Row) -> None:
        """A dead job begins anew."""
        if (batch := self._of(row)) is not None:
            batch.dead.discard(row.id)
            batch.left.add(row.id)

    def ended(self, row: Row) -> None:
        """A job has an outcome."""
        if row.job.special is None:
            return
        with self._rows.held():
            if row.state is State.DONE:
                self._follow(row)
            elif row.state is State.CANCELLED:
                self._cancel_followers(row)
            self._count(row)

    # -- chains

    def _follow(self, row: Row) -> None:
        for follower in self._rows.blocked_by(f"job:{row.id}"):
            follower.previous = row.result
            self._rows.settle(follower, Outcome(follower.id, 0, State.AVAILABLE))

    def _cancel_followers(self, row: Row) -> None:
        said = msgspec.json.decode(row.error)["message"] if row.error else None
        text = f"job {row.id}, which it was to follow, was cancelled" + (f": {said}" if said else "")
        for follower in self._rows.blocked_by(f"job:{row.id}"):
            error = error_dumps("ChainCancelled", text)
            self._rows.settle(follower, Outcome(follower.id, 0, State.CANCELLED, error=error))

    # -- batches

    def _count(self, row: Row) -> None:
        batch = self._of(row)
        if batch is None or row.job.special is None or row.job.special.batch_id is None:
            return
        batch.left.discard(row.id)
        batch.dead.discard(row.id)
        if row.state is State.DEAD:
            batch.dead.add(row.id)
        batch.cancelled += row.state is State.CANCELLED
        self._complete(row.job.special.batch_id)

    def _complete(self, id_: int) -> None:
        batch = self._batches.get(id_)
        children = [one for one in self._batches.values() if one.parent == id_]
        if batch is None or batch.left or batch.succeeded or not all(one.completed for one in children):
            return
        first, batch.completed = not batch.completed, True
        batch.hopeless = bool(batch.cancelled) or any(one.hopeless for one in children)
        batch.succeeded = not batch.hopeless and not batch.dead and all(one.succeeded for one in children)
        self._push(id_, batch, [*(batch.complete if first else ()), *(batch.success if batch.succeeded else ())])
        if batch.parent is not None:
            self._complete(batch.parent)

    def _push(self, id_: int, batch: _Batch, due: Sequence[NewJob]) -> None:
        figures = self.read(id_)
        if due and figures is not None:
            previous = msgspec.json.encode(figures.summary()).decode()
            specials = [
                (job.special or Special())._replace(batch_id=batch.parent, previous=previous) for job in due
            ]
            self._rows.push([job._replace(special=one) for job, one in zip(due, specials, strict=True)], None)

    def _of(self, row: Row) -> _Batch | None:
        special = row.job.special
        return None if special is None or special.batch_id is None else self._batches.get(special.batch_id)

    def _tree(self, id_: int) -> list[_Batch]:
        inner = [child for child, batch in self._batches.items() if batch.parent == id_]
        return [self._batches[id_], *(batch for child in inner for batch in self._tree(child))]
