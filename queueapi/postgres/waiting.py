"""What waits, seen from outside: how much, what it is, and to be rid of it."""

from __future__ import annotations

from collections.abc import Callable

from queueapi.postgres.atomic import Sessions
from queueapi.postgres.batching import Batching
from queueapi.postgres.chaining import take_some_back
from queueapi.postgres.sessions import Borrowed
from queueapi.postgres.store import Store
from queueapi.states import State

Found = list[tuple[int, State]]


class Waiting:
    """Jobs that are available, scheduled or blocked, and that nobody has claimed.

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

    def clear(self, queue: str, error: str, result_ttl: float, note: Callable[[int], None] = lambda _: None) -> int:
        """Cancel what waits in the queue, a few thousand at a time, but not what is being claimed; how many.

        Args:
            note: called with the number of each time.
        """

        def clear(session: Borrowed) -> list[int]:
            rows = session.run("clear_waiting", {"queue": queue, "error": error, "ttl": result_ttl})
            Store(session).tell_watchers(rows)
            return [row[0] for row in rows]

        cleared, ended = 0, set[int]()
        while True:
            ids, batches = take_some_back(self._session, result_ttl, clear)
            cleared, ended = cleared + len(ids), ended | batches
            if not ids:
                # Only now: their callbacks may be pushed into this very queue.
                Batching(self._session).complete(ended)
                return cleared
            note(len(ids))
