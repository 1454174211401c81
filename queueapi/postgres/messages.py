"""The log of messages, and the cursor that loses none: a snapshot of the database.

See read_messages.sql for why. A cursor is PostgreSQL's text of a ``pg_snapshot``: ``xmin:xmax:xip,xip``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from queueapi.messages import Message, NewMessage
from queueapi.postgres.sessions import Session

# The NOTIFY channel on which new messages are hinted at.
CHANNEL: Final = "queueapi_messages"


class Messages:
    """The log by its verbs.

    Args:
        session: where the statements run; the caller's own for a publish within its transaction.
    """

    def __init__(self, session: Session) -> None:
        self._run = session.run

    def publish(self, messages: Sequence[NewMessage]) -> list[int]:
        """Append messages; their ids."""
        channels, events, data, metas = (list(column) for column in zip(*messages, strict=True))
        rows = self._run("insert_messages", {"channels": channels, "events": events, "data": data, "metas": metas})
        return [row[0] for row in rows]

    def position(self) -> tuple[str, str]:
        """The name of this database in this life of it, and the cursor of now."""
        while True:
            ((epoch, snapshot),) = self._run("read_position", {})
            if epoch is not None:  # else another reader has just written it, and the next look sees that
                return epoch, snapshot

    def after(self, cursor: str) -> tuple[str, list[Message]]:
        """All messages after the cursor, and the cursor after them."""
        rows = self._run("read_messages", {"after": cursor})
        return rows[0][0], [Message._make(row[1:]) for row in rows if row[1] is not None]

    def replay(
        self, channels: Sequence[str], prefixes: Sequence[str], cursor: str, upto: str, limit: int
    ) -> list[Message]:
        """What came after one cursor up to another on these channels, and on all that begin so; at most ``limit`` of
        either."""
        bounds: dict[str, Any] = {"after": cursor, "upto": upto, "limit": limit}
        found: dict[int, Message] = {}
        if channels:
            rows = self._run("replay_messages", bounds | {"channels": list(channels)})
            found.update((row[0], Message._make(row)) for row in rows)
        if prefixes:
            rows = self._run("replay_patterns", bounds | {"prefixes": list(prefixes)})
            found.update((row[0], Message._make(row)) for row in rows)
        return [found[id_] for id_ in sorted(found)]

    def honours(self, cursor: str) -> bool:
        """Whether all that came after the cursor is still in the log."""
        rows = self._run("check_cursor", {"after": cursor})
        return bool(rows and rows[0][0])
