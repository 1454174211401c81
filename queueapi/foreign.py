"""Anybody's queue behind ours: ``queue['mail'] = other``, where the other has ``push(job)`` and owes us no more."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import count
from typing import Any, NoReturn, Protocol

from queueapi import serializer
from queueapi.errors import NotOffered, SettingsError
from queueapi.kinds import kinds
from queueapi.records import NewJob
from queueapi.settings import Settings


class Pushes(Protocol):
    """All that is asked of a queue of somebody's own."""

    def push(self, job: Any, /) -> object:
        """Take a job; what it returns is not looked at."""


class Foreign:
    """A backend that hands every job on. The other gets a copy, read back from what a worker would have read, so that
    a job which cannot travel is refused here as everywhere.

    Raises:
        SettingsError: the object has no ``push``.
    """

    def __init__(self, other: Pushes) -> None:
        if not callable(getattr(other, "push", None)):
            raise SettingsError(f"{other!r} is no queue: it has no push(job)")
        self._other = other
        self._ids = count(1)
        self.settings = Settings()

    def push(self, jobs: Iterable[NewJob], conn: object | None) -> list[int]:
        """Hand the jobs on, one by one. The ids are ours, for want of any."""
        jobs = list(jobs)
        for job in jobs:
            if conn is not None or job.delay or job.run_at or job.special:
                self._refuse("neither a transaction nor a time nor anything else than push(job): push without options")
        for job in jobs:
            self._other.push(serializer.loads(kinds.named(job.kind), job.args))
        return [next(self._ids) for _ in jobs]

    def check(self) -> None:
        """Nothing is known of it that could be checked."""

    def read(self, job_id: int) -> NoReturn:
        """Refused, as is all below: it is asked of the other itself."""
        self._refuse("no record of its jobs, so a handle can tell nothing")

    def cancel(self, job_id: int) -> NoReturn:
        """See :meth:`read`."""
        self.read(job_id)

    def dead(self, queue: str | None, before: int, limit: int) -> NoReturn:
        """See :meth:`read`."""
        self.read(0)

    def retry(self, ids: Sequence[int]) -> NoReturn:
        """See :meth:`read`."""
        self.read(0)

    def discard(self, ids: Sequence[int]) -> NoReturn:
        """See :meth:`read`."""
        self.read(0)

    def wait(self, job_id: int, timeout: float | None) -> NoReturn:
        """See :meth:`read`."""
        self.read(job_id)

    def signer(self) -> NoReturn:
        """See :meth:`read`."""
        self.read(0)

    def size(self, queue: str | None) -> NoReturn:
        """See :meth:`read`."""
        self._refuse("only push(job): ask it itself for the rest")

    def waiting(self, queue: str | None) -> NoReturn:
        """See :meth:`read`."""
        self.size(queue)

    def find_waiting(self, kind: str, args: str | None) -> NoReturn:
        """See :meth:`read`."""
        self.size(None)

    def clear(self, queue: str | None, error: str) -> NoReturn:
        """See :meth:`read`."""
        self.size(queue)

    @property
    def bundles(self) -> NoReturn:
        """See :meth:`read`."""
        self.size(None)

    def runner(self, doing: str) -> NoReturn:
        """See :meth:`read`."""
        self.size(None)

    def _refuse(self, what: str) -> NoReturn:
        raise NotOffered(f"{self._other!r} offers {what}")
