"""Pushes any number of jobs, all or none, a few thousand at a time: how many they are does not matter to the memory."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence

from queueapi.postgres.atomic import Sessions, atomic
from queueapi.postgres.pushing import push
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
    parts = _parts(jobs)
    first, second = next(parts, []), next(parts, None)
    if second is None:
        return push(session, first) if first else []
    ids = array("q")
    alone = False
    with atomic(session) as inside:
        part: list[NewJob] | None = first
        while part is not None:
            if not alone and any(unique_of(job) for job in part):
                inside.run("lock_pushes", {"alone": True})
                alone = True
            ids.extend(push(inside, part))
            part, second = second, next(parts, None) if second is not None else None
    return ids


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
