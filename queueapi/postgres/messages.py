"""The log of messages, and the cursor that loses none: a snapshot of the database.

See read_messages.sql for why. A cursor is PostgreSQL's text of a ``pg_snapshot``: ``xmin:xmax:xip,xip``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from queueapi.postgres.sessions import Session

# The NOTIFY channel on which new messages are hinted at.
CHANNEL = "queueapi_messages"


class Message(NamedTuple):
    """A message as it stands in the log. ``xid`` is its transaction, ``data`` is JSON text."""

    id: int
    xid: int
    channel: str
    event: str
    data: str


class Messages:
    """The log by its verbs.

    Args:
        session: where the statements run; the caller's own for a publish within its transaction.
    """

    def __init__(self, session: Session) -> None:
        self._run = session.run

    def publish(self, messages: Sequence[tuple[str, str, str]]) -> list[int]:
        """Append (channel, event, JSON text) triples; their ids."""
        channels, events, data = (list(column) for column in zip(*messages, strict=True))
        rows = self._run("insert_messages", {"channels": channels, "events": events, "data": data})
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

    def replay(self, channels: Sequence[str], cursor: str, upto: str, limit: int) -> list[tuple[int, str, str, str]]:
        """(id, channel, event, data) after one cursor up to another, on some channels, at most ``limit``."""
        params = {"channels": list(channels), "after": cursor, "upto": upto, "limit": limit}
        return self._run("replay_messages", params)

    def honours(self, cursor: str) -> bool:
        """Whether all that came after the cursor is still in the log."""
        rows = self._run("check_cursor", {"after": cursor})
        return bool(rows and rows[0][0])
