"""Dead jobs, which wait for a person: to look at, to try again, to give up."""

from __future__ import annotations

from collections.abc import Sequence

from queueapi.postgres.atomic import Sessions
from queueapi.postgres.store import Store, status_of
from queueapi.records import JobStatus


class Morgue:
    """The verbs of a person who looks after dead jobs.

    Args:
        session: where the statements run.
    """

    def __init__(self, session: Sessions) -> None:
        self._run = session.run
        self._store = Store(session)

    def dead(self, queue: str | None, before: int, limit: int) -> list[JobStatus]:
        """Those of the queue, or of all, with an id below that: the newest first."""
        return [status_of(row) for row in self._run("list_dead", {"queue": queue, "before": before, "limit": limit})]

    def retry(self, ids: Sequence[int]) -> list[int]:
        """Let those of them that are dead begin anew, unless a job that is the same waits or runs. Their ids."""
        rows = self._run("retry_dead", {"ids": list(ids)})
        self._store.tell_watchers(rows)
        return [row[0] for row in rows]

    def discard(self, ids: Sequence[int], result_ttl: float) -> list[int]:
        """Give up those of them that are dead. Their ids."""
        rows = self._run("discard_dead", {"ids": list(ids), "ttl": result_ttl})
        self._store.tell_watchers(rows)
        return [row[0] for row in rows]
