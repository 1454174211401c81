"""What else is to be done when a job ends that belongs together with others. Most do not, and cost nothing here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from queueapi.claims import Claimed
from queueapi.postgres.batching import Batching
from queueapi.postgres.chaining import finish_linked
from queueapi.postgres.sessions import Dedicated
from queueapi.postgres.statements import Rows
from queueapi.records import Outcome
from queueapi.states import State

Attempt = tuple[int, int]


class Links(NamedTuple):
    """Of a number of outcomes: those whose end must be written down together with what comes of it, and the batch of
    each job that is in one."""

    apart: frozenset[Attempt]
    batches: dict[int, int]


UNLINKED = Links(frozenset(), {})


def links(ended: Iterable[tuple[Outcome, Claimed]]) -> Links:
    """Of these."""
    special = [(outcome, job.more()) for outcome, job in ended if job.special is not None and outcome.state.final]
    if not special:
        return UNLINKED
    apart = [
        (outcome.id, outcome.token)
        for outcome, more in special
        if more.followed or (more.batch_id is not None and outcome.state is State.CANCELLED)
    ]
    batches = {outcome.id: more.batch_id for outcome, more in special if more.batch_id is not None}
    return Links(frozenset(apart), batches)


class Linker:
    """1. records, in one transaction, outcomes and what comes of them; 2. afterwards completes the batches that these
    were in, if they were the last.

    Args:
        session: the finisher's.
    """

    def __init__(self, session: Dedicated, result_ttl: float) -> None:
        self._session = session
        self._batching = Batching(session)
        self._result_ttl = result_ttl
        self._ended: set[int] = set()

    def finish(self, outcomes: Sequence[Outcome], links: Links) -> Rows:
        """Rows as :meth:`Store.finish`, and more of jobs that came out of it otherwise."""
        rows, after = finish_linked(self._session, outcomes, links.batches, self._result_ttl)
        self._ended |= after.batches
        return rows + [(id_, None, watched) for id_, watched in after.rows]

    def complete(self, links: Links) -> None:
        """To be called when the outcomes are written. What is not done here, since the database went away, or this
        process did, a supervisor's sweep does within a second or two."""
        if ended := self._ended.union(links.batches.values()):
            self._ended = set()
            self._batching.complete(ended)
