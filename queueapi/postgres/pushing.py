"""Inserts jobs that are more than plain."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from queueapi.postgres.statements import Rows
from queueapi.records import NewJob, Special

Run = Callable[[str, Mapping[str, Any]], Rows]

_PLAIN = Special()


def push_special(run: Run, jobs: Sequence[NewJob]) -> list[int]:
    """Insert the jobs, of which some are special; their ids in the same order."""
    rows = run("insert_special_jobs", {"jobs": msgspec.json.encode([_columns(job) for job in jobs]).decode()})
    return [row[0] for row in rows]


def _columns(job: NewJob) -> dict[str, Any]:
    special = job.special or _PLAIN
    return {
        **job._asdict(),
        **special._asdict(),
        "args": msgspec.Raw(job.args.encode()),
        "special": None,
        "unique": None,
        "unique_key": special.unique.key if special.unique else None,
        "options": msgspec.Raw(special.options.encode()) if special.options else None,
        "previous": msgspec.Raw(special.previous.encode()) if special.previous else None,
    }
