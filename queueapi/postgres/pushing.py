"""Inserts jobs: one, as most are pushed; some; many; and those that are more than plain. Each by its own statement."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from queueapi.postgres.atomic import Sessions, atomic
from queueapi.postgres.copying import copied, copy_plain
from queueapi.postgres.uniques import insert_special, push_unique, unique_of
from queueapi.records import NewJob

# From so many on, COPY is worth its two statements more.
_MANY = 200


def push(session: Sessions, jobs: Sequence[NewJob], meanwhile: Callable[[], None] | None = None) -> list[int]:
    """Insert the jobs, wake who sleeps, and give their ids in the same order: for one that is the same as another,
    the other's.

    Args:
        meanwhile: called, where the jobs go by COPY, while the server deals with them. It must not use the session.

    Raises:
        NotUnique: one that may not be the same as another is. Nothing is pushed.
    """
    if len(jobs) == 1 and jobs[0].special is None:
        return [int(session.run("insert_job", dict(zip(NewJob._fields, jobs[0], strict=True)))[0][0])]
    if any(job.special is not None for job in jobs):
        if any(unique_of(job) for job in jobs):
            return push_unique(session, jobs)
        return insert_special(session, jobs).ids()
    if len(jobs) >= _MANY and copied(jobs):
        with atomic(session) as inside:
            return copy_plain(inside, jobs, meanwhile)
    return _insert_plain(session, jobs)


def _insert_plain(session: Sessions, jobs: Sequence[NewJob]) -> list[int]:
    queues, kinds, args, priorities, max_attempts, delays, run_ats, _ = (
        list(column) for column in zip(*jobs, strict=True)
    )
    rows = session.run(
        "insert_jobs",
        {
            "queues": queues,
            "kinds": kinds,
            "args": args,
            "priorities": priorities,
            "max_attempts": max_attempts,
            "delays": delays,
            "run_ats": run_ats,
        },
    )
    return [row[0] for row in rows]
