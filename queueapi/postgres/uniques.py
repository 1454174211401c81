"""Inserts jobs of which some are the same as others, and finds what becomes of these.

The index decides: of two who push the same at the same time, the second's INSERT waits until the first has committed
or rolled back. What it kept out is then looked for, by a statement that sees what the first has committed, and either
its id is given out or it is replaced. If it has gone meanwhile, all begins again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec
from psycopg.errors import SerializationFailure

from queueapi.errors import NotUnique, StoreUnavailable, TransactionConflict
from queueapi.postgres.atomic import Sessions, atomic
from queueapi.records import NewJob, Special, Unique

_COLUMNS, _MORE_COLUMNS = NewJob._fields, Special._fields
# Each time a job must have come and gone between two statements.
_TRIES = 20


class Same(NamedTuple):
    """The job that kept another out. ``state`` is ``ended`` if only its time of being unique is not over."""

    id: int
    state: str


class Inserted(NamedTuple):
    """(id, the id that it would have had, woken): the first is None where a job was kept out."""

    rows: list[tuple[Any, ...]]

    def ids(self) -> list[int]:
        """Those of the jobs, in their order."""
        return [row[0] for row in self.rows]


def unique_of(job: NewJob) -> Unique | None:
    """What makes it the same as another."""
    return job.special.unique if job.special else None


def insert_special(session: Sessions, jobs: Sequence[NewJob]) -> Inserted:
    """Insert jobs of which some are special."""
    params = {"jobs": msgspec.json.encode([_columns(job) for job in jobs]).decode()}
    return Inserted(session.run("insert_special_jobs", params))


def push_unique(session: Sessions, jobs: Sequence[NewJob]) -> list[int]:
    """Insert jobs of which some are unique; the ids of the jobs, or of those that are there instead.

    Raises:
        NotUnique: one is the same as another, and was pushed to be refused then, or to replace what cannot be
            replaced any more.
        TransactionConflict: the caller's transaction cannot see what it conflicts with.
    """
    several = [job for job in jobs if unique_of(job)][1:]
    try:
        first = unique_of(jobs[0])
        if len(jobs) == 1 and first is not None and first.window is None:
            return _settled(session, jobs)  # each statement changes all or nothing by itself
        with atomic(session) as inside:
            if several:
                inside.run("lock_pushes", {"alone": False})
            return _settled(inside, jobs)
    except StoreUnavailable as error:
        if isinstance(error.__cause__, SerializationFailure):
            raise TransactionConflict(
                "the transaction sees the tables as they were when it began, and a job that is the same was pushed or "
                "begun since: roll back and do all of it again, or push in READ COMMITTED"
            ) from error
        raise


def _settled(session: Sessions, jobs: Sequence[NewJob]) -> list[int]:
    ids: list[int | None] = [None] * len(jobs)
    for _ in range(_TRIES):
        left = [n for n, id_ in enumerate(ids) if id_ is None]
        rows = insert_special(session, [jobs[n] for n in left]).rows
        for n, row in zip(left, rows, strict=True):
            ids[n] = row[0]
        out = {n: jobs[n] for n, row in zip(left, rows, strict=True) if row[0] is None}
        found = _resolved(session, out, [row[1] for row in rows if row[0] is None]) if out else {}
        for n in out:
            ids[n] = found.get(n)
        if None not in ids:
            return [id_ for id_ in ids if id_ is not None]
    raise TransactionConflict(f"jobs that are the same came and went {_TRIES} times meanwhile: push again")


def _resolved(session: Sessions, out: dict[int, NewJob], kept_out: list[int]) -> dict[int, int]:
    """What stands instead of each of those that were kept out; without those whose other is gone."""
    uniques = {n: unique for n, job in out.items() if (unique := unique_of(job))}
    same = _find(session, list(uniques.values()), kept_out)
    replacing = {unique.key: out[n] for n, unique in uniques.items() if unique.on_conflict in ("replace", "postpone")}
    for n, unique in uniques.items():
        other = same.get(unique.key)
        if other is not None and unique.on_conflict == "raise":
            raise NotUnique(f"{_named(out[n], other)}: it is not pushed again", other.id)
    replaced = _replace(session, replacing)
    found: dict[int, int] = {}
    for n, unique in uniques.items():
        other = same.get(unique.key)
        if unique.key in replaced:
            found[n] = replaced[unique.key]
        elif other is not None and unique.on_conflict == "skip":
            found[n] = other.id
        elif other is not None and other.state in ("running", "ended"):
            raise NotUnique(
                f"{_named(out[n], other)}: it has begun, so nothing can be replaced; unique_until='start' lets a later "
                "one wait behind it",
                other.id,
            )
    return found


def _find(session: Sessions, uniques: Sequence[Unique], kept_out: list[int]) -> dict[str, Same]:
    params = {
        "keys": [unique.key for unique in uniques],
        "windowed": [unique.key for unique in uniques if unique.window is not None],
        "kept_out": kept_out,
    }
    found: dict[str, Same] = {}
    for key, id_, state in session.run("find_same", params):
        if state != "ended" or key not in found:  # what lives says more than the time of what has ended
            found[key] = Same(id_, state)
    return found


def _replace(session: Sessions, jobs: dict[str, NewJob]) -> dict[str, int]:
    if not jobs:
        return {}
    rows = [
        {**_columns(job), "postponed": unique is not None and unique.on_conflict == "postpone"}
        for job in jobs.values()
        for unique in [unique_of(job)]
    ]
    found = session.run("replace_same", {"jobs": msgspec.json.encode(rows).decode()})
    return {row[0]: row[1] for row in found}


def _named(job: NewJob, other: Same) -> str:
    state = "has ended, and is unique for a time" if other.state == "ended" else f"is {other.state}"
    return f"job {other.id}, of the kind {job.kind}, is the same and {state}"


def _columns(job: NewJob) -> dict[str, Any]:
    columns: dict[str, Any] = dict(zip(_COLUMNS, job, strict=True))
    columns["args"] = msgspec.Raw(job.args.encode())
    special = columns.pop("special")
    if special is None:
        return columns
    columns |= zip(_MORE_COLUMNS, special, strict=True)
    unique = columns.pop("unique")
    if unique is not None:
        columns["unique_key"], columns["unique_for"], _ = unique
    for name in ("options", "previous"):
        if columns[name] is not None:
            columns[name] = msgspec.Raw(columns[name].encode())
    return columns
