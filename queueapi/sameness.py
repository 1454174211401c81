"""Which of the jobs of one process are the same: what the index of unique keys is on PostgreSQL."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import NamedTuple

from queueapi.errors import NotUnique
from queueapi.records import NewJob, Unique
from queueapi.rows import Row
from queueapi.states import State


class Window(NamedTuple):
    """The job that is unique until then, a time.time(), whatever becomes of it."""

    until: float
    job_id: int


class Sameness:
    """1. refuses a push before any of it is done; 2. finds what is there already, and replaces it; 3. notes what was
    pushed, and what has begun or ended. Whoever calls it holds the lock of the rows.
    """

    def __init__(self) -> None:
        self._holders: dict[str, Row] = {}
        self._windows: dict[str, Window] = {}

    def check(self, jobs: Iterable[NewJob]) -> None:
        """Refuse what must not be the same as another, of those that are there or of these.

        Raises:
            NotUnique: there is one.
        """
        first: set[str] = set()
        for job in jobs:
            unique = unique_of(job)
            if unique is None:
                continue
            other = self._other(unique)
            if other is None and unique.key not in first:
                first.add(unique.key)
            elif unique.on_conflict == "raise":
                raise NotUnique(f"{_named(job, other)}: it is not pushed again", other)
            elif other is not None and unique.on_conflict != "skip" and not self._waits(unique):
                raise NotUnique(
                    f"{_named(job, other)}: it has begun, so nothing can be replaced; unique_until='start' lets a "
                    "later one wait behind it",
                    other,
                )

    def instead(self, job: NewJob) -> int | None:
        """The job that is there already, replaced if that was said."""
        unique = unique_of(job)
        other = None if unique is None else self._other(unique)
        if unique is not None and other is not None and unique.on_conflict != "skip":
            self._holders[unique.key].replace(job, postponed=unique.on_conflict == "postpone")
        return other

    def _other(self, unique: Unique) -> int | None:
        holder = self._holders.get(unique.key)
        if holder is not None:
            return holder.id
        window = self._windows.get(unique.key)
        return window.job_id if unique.window and window is not None and window.until > time.time() else None

    def _waits(self, unique: Unique) -> bool:
        holder = self._holders.get(unique.key)
        return holder is not None and holder.state is not State.RUNNING

    def hold(self, row: Row) -> None:
        """It was pushed."""
        unique = unique_of(row.job)
        if unique is not None:
            self._holders[unique.key] = row
            if unique.window:
                self._windows[unique.key] = Window(time.time() + unique.window, row.id)

    def free(self, row: Row) -> None:
        """Let another take its place, if it is the one to do so: it has begun, or ended."""
        unique = unique_of(row.job)
        if unique is None or self._holders.get(unique.key) is not row:
            return
        if row.state.final or unique.key.startswith("start:"):
            del self._holders[unique.key]

    def hold_again(self, row: Row) -> bool:
        """Whether it can come back from its death: a job that is the same must not wait or run by now."""
        unique = unique_of(row.job)
        if unique is None or unique.key.startswith("start:"):
            return True
        return self._holders.setdefault(unique.key, row) is row


def unique_of(job: NewJob) -> Unique | None:
    """What makes it the same as another."""
    return job.special.unique if job.special else None


def _named(job: NewJob, other: int | None) -> str:
    return f"{'another of these jobs' if other is None else f'job {other}'}, of the kind {job.kind}, is the same"
