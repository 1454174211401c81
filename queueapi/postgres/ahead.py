"""What there is for a supervisor to do, in one look at everything."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from queueapi.postgres.sessions import Dedicated


class Ahead(NamedTuple):
    """What one look has seen.

    Attributes:
        tick: in how many seconds the next schedule is due that one of our processes knows; None if none is.
        scheduled: the same of the next scheduled job.
        available: whether any job is, in whatever queue.
        blocked: whether a limit or a pause blocks any.
        open: whether any batch is not over.
    """

    tick: float | None
    scheduled: float | None
    available: bool
    blocked: bool
    open: bool


def look_ahead(session: Dedicated, workers: Sequence[UUID]) -> Ahead:
    """Look, for these processes."""
    return Ahead._make(session.run("look_ahead", {"workers": list(workers)})[0])
