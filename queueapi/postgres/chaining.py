"""What the end of a job means for those that follow it, and for its batch: written down in the same transaction."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from queueapi.postgres.atomic import Sessions, atomic
from queueapi.postgres.batching import Batching
from queueapi.postgres.sessions import Borrowed
from queueapi.postgres.statements import Rows
from queueapi.postgres.store import Store
from queueapi.records import Outcome
from queueapi.states import State


class After(NamedTuple):
    """What came of it: rows of (id, watched), and the batches that may have ended."""

    rows: Rows
    batches: set[int]


def finish_linked(
    session: Sessions, outcomes: Sequence[Outcome], batches: Mapping[int, int], result_ttl: float
) -> tuple[Rows, After]:
    """Record outcomes of jobs that others follow, or of cancelled ones in batches.

    Args:
        batches: job -> the batch that it is in.

    Returns:
        The rows of :meth:`Store.finish`, and what came of it for others.
    """
    with atomic(session) as inside:
        rows = Store(inside).finish(outcomes, result_ttl)
        written = {row[:2] for row in rows}
        ended = [outcome for outcome in outcomes if (outcome.id, outcome.token) in written]
        done = [outcome for outcome in ended if outcome.state is State.DONE]
        gone = [outcome for outcome in ended if outcome.state is State.CANCELLED]
        told = []
        if done:
            params = {"ids": [one.id for one in done], "results": [one.result for one in done]}
            told = [(id_, watched) for id_, _, watched in inside.run("follow_jobs", params)]
        reasons = {one.id: _message(one.error) for one in gone}
        after = _cancelled(inside, reasons, [batches[one.id] for one in gone if one.id in batches], result_ttl)
    return rows, After(told + after.rows, after.batches)


def take_back(session: Sessions, result_ttl: float, cancel: Callable[[Borrowed], Sequence[int]]) -> list[int]:
    """Run what cancels jobs that do not run, with all that comes of it; the ids that it gives.

    Args:
        cancel: returns the jobs that it has cancelled; others among them do no harm.
    """
    ids, batches = take_some_back(session, result_ttl, cancel)
    if batches:
        Batching(session).complete(batches)
    return ids


def take_some_back(
    session: Sessions, result_ttl: float, cancel: Callable[[Borrowed], Sequence[int]]
) -> tuple[list[int], set[int]]:
    """As :func:`take_back`; but the batches that may have ended come back, to be completed when there are no more."""
    with atomic(session) as inside:
        ids = list(cancel(inside))
        found = inside.run("batches_of_jobs", {"ids": ids}) if ids else []
        reasons = {id_: reason for id_, _, reason in found}
        after = _cancelled(inside, reasons, [batch for _, batch, _ in found if batch is not None], result_ttl)
    Store(session).tell_watchers(after.rows)
    return ids, after.batches


def _cancelled(session: Borrowed, reasons: Mapping[int, str | None], batches: Sequence[int], ttl: float) -> After:
    if not reasons:
        return After([], set())
    params = {"ids": list(reasons), "reasons": list(reasons.values()), "ttl": ttl}
    rows = session.run("cancel_followers", params)
    noted = [*batches, *(batch for _, batch, _ in rows if batch is not None)]
    if noted:
        session.run("note_cancelled", {"batches": noted})
    return After([(id_, watched) for id_, _, watched in rows], set(noted))


def _message(error: str | None) -> str | None:
    found = msgspec.json.decode(error) if error else None
    return str(found["message"]) if isinstance(found, dict) and "message" in found else None
