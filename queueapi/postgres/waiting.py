"""What waits, seen from outside: how much, what it is, and to be rid of it."""

from __future__ import annotations

from queueapi.postgres.atomic import Sessions
from queueapi.postgres.chaining import take_back
from queueapi.postgres.sessions import Borrowed
from queueapi.postgres.store import Store
from queueapi.states import State

Found = list[tuple[int, State]]


class Waiting:
    """Jobs that are available or scheduled, and that nobody has claimed.

    Args:
        session: where the statements run.
    """

    def __init__(self, session: Sessions) -> None:
        self._session = session
        self._run = session.run

    def size(self, queue: str | None) -> int:
        """How many wait in the queue, or in all of them."""
        return int(self._run("count_waiting", {"queue": queue})[0][0])

    def list(self, queue: str | None) -> list[tuple[str, str]]:
        """(kind, arguments), in the order in which they would run."""
        return [(kind, args) for kind, args in self._run("list_waiting", {"queue": queue})]

    def find(self, kind: str, args: str | None) -> Found:
        """(id, state) of what waits of a kind, with these arguments or with any."""
        return [(id_, State(state)) for id_, state in self._run("find_waiting", {"kind": kind, "args": args})]

    def clear(self, queue: str, error: str, result_ttl: float) -> int:
        """Cancel what waits in the queue, a few thousand at a time, but not what is being claimed; how many."""

        def clear(session: Borrowed) -> list[int]:
            rows = session.run("clear_waiting", {"queue": queue, "error": error, "ttl": result_ttl})
            Store(session).tell_watchers(rows)
            return [row[0] for row in rows]

        cleared = 0
        while ids := take_back(self._session, result_ttl, clear):
            cleared += len(ids)
        return cleared
