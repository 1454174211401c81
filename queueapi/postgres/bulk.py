"""Pushes any number of jobs, all or none, a few thousand at a time: how many they are does not matter to the memory."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence

from queueapi.postgres.atomic import Sessions, atomic
from queueapi.postgres.pushing import push
from queueapi.postgres.sessions import Pool
from queueapi.postgres.uniques import unique_of
from queueapi.records import NewJob

# Jobs of one statement: of twice as many each costs the same.
_ROWS = 5_000
# And characters of arguments: a job may have a megabyte.
_CHARACTERS = 4_000_000


def push_stream(session: Sessions, jobs: Iterable[NewJob]) -> Sequence[int]:
    """Insert the jobs as they come; their ids in the same order.

    Each part is complete before a statement is sent, so the jobs may be made of rows that the same connection reads.
    """
    if type(jobs) is list and len(jobs) == 1:  # nearly all pushes
        return push(session, jobs)
    parts = _Parts(jobs)
    part = parts.take()
    if parts.last:
        return push(session, part) if part else []
    ids = array("q")
    alone = False
    # The next part is made while the server deals with this one; not on a caller's connection, from which the jobs may
    # be read.
    meanwhile = parts.prepare if isinstance(session, Pool) else None
    with atomic(session) as inside:
        while part:
            if not alone and any(unique_of(job) for job in part):
                inside.run("lock_pushes", {"alone": True})
                alone = True
            ids.extend(push(inside, part, meanwhile))
            part = parts.take()
    return ids


class _Parts:
    """The jobs, a few thousand at a time; nothing when there are no more."""

    def __init__(self, jobs: Iterable[NewJob]) -> None:
        self._parts = _parts(jobs)
        self._next: list[NewJob] | None = None

    def prepare(self) -> None:
        """Have the next at hand."""
        if self._next is None:
            self._next = next(self._parts, [])

    def take(self) -> list[NewJob]:
        """The next; none if there are no more."""
        self.prepare()
        part, self._next = self._next, None
        return part or []

    @property
    def last(self) -> bool:
        """Whether there are no more than those that were taken."""
        self.prepare()
        return not self._next


def _parts(jobs: Iterable[NewJob]) -> Iterator[list[NewJob]]:
    part: list[NewJob] = []
    size = 0
    for job in jobs:
        part.append(job)
        size += len(job.args)
        if len(part) == _ROWS or size >= _CHARACTERS:
            yield part
            part, size = [], 0
    if part:
        yield part
