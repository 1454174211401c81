"""What waits, seen from outside: how much, what it is, and to be rid of it."""

from __future__ import annotations

from queueapi.postgres.sessions import Session
from queueapi.postgres.store import Store


class Waiting:
    """Jobs that are available or scheduled, and that nobody has claimed.

    Args:
        session: where the statements run.
    """

    def __init__(self, session: Session) -> None:
        self._run = session.run
        self._store = Store(session)

    def size(self, queue: str | None) -> int:
        """How many wait in the queue, or in all of them."""
        return int(self._run("count_waiting", {"queue": queue})[0][0])

    def list(self, queue: str | None) -> list[tuple[str, str]]:
        """(kind, arguments), in the order in which they would run."""
        return [(kind, args) for kind, args in self._run("list_waiting", {"queue": queue})]

    def clear(self, queue: str, error: str, result_ttl: float) -> int:
        """Cancel what waits in the queue, a few thousand at a time, but not what is being claimed; how many."""
        cleared = 0
        while rows := self._run("clear_waiting", {"queue": queue, "error": error, "ttl": result_ttl}):
            self._store.tell_watchers(rows)
            cleared += len(rows)
        return cleared
