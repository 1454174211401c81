"""The log of messages, and the cursor that loses none: a snapshot of the database.

See read_messages.sql for why. A cursor is PostgreSQL's text of a ``pg_snapshot``: ``xmin:xmax:xip,xip``.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from queueapi.messages import Message, NewMessage
from queueapi.postgres.sessions import Session
from queueapi.postgres.statements import Rows

# The NOTIFY channel on which new messages are hinted at.
CHANNEL: Final = "queueapi_messages"


class Limits(NamedTuple):
    """How many messages, and how old in seconds; None: no matter."""

    number: int | None
    age: float | None


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
        return rows[0][0], [_message(row[1:]) for row in rows if row[1] is not None]

    def replay(
        self, channels: Sequence[str], prefixes: Sequence[str], cursor: str, upto: str, limit: int, size: int
    ) -> list[Message] | None:
        """What came after one cursor up to another on these channels, and on all that begin so; None if that is more
        than so many messages, or so many bytes."""
        bounds: dict[str, Any] = {"after": cursor, "upto": upto, "limit": limit, "size": size}
        rows: Rows = []
        if channels:
            rows += self._run("replay_messages", bounds | {"channels": list(channels)})
        if prefixes:
            rows += self._run("replay_patterns", bounds | {"prefixes": list(prefixes)})
        found = {row[1]: _message(row[1:]) for row in rows}
        if len(found) > limit or any(row[0] for row in rows):
            return None
        return [found[id_] for id_ in sorted(found)]

    def history(
        self, channels: Mapping[str, Sequence[str]], asked: Limits, usual: Limits, size: int
    ) -> tuple[str, list[tuple[Message, dt.datetime]]]:
        """The last messages of channels, in order, and when each was published; the cursor goes on from there.

        Args:
            channels: with the keys that limits may be set for, closest first: see :meth:`keep`.
            usual: where none are set.
            size: bytes, after which older messages are left out.
        """
        params = {
            "channels": list(channels),
            "owners": [channel for channel, keys in channels.items() for _ in keys],
            "keys": [key for keys in channels.values() for key in keys],
            "count": asked.number,
            "age": asked.age,
            "usual_count": usual.number,
            "usual_age": usual.age,
            "size": size,
        }
        rows = self._run("read_history", params)
        return rows[0][0], [(_message(row[1:-1]), row[-1]) for row in rows if row[1] is not None]

    def keep(self, key: str, count: int, age: float) -> None:
        """Show those who come late so many messages of a channel or pattern, and none that is older."""
        self._run("set_keep", {"key": key, "count": count, "age": age})

    def forget_keep(self, key: str) -> None:
        """Undo :meth:`keep`."""
        self._run("forget_keep", {"key": key})

    def honours(self, cursor: str) -> bool:
        """Whether all that came after the cursor is still in the log."""
        rows = self._run("check_cursor", {"after": cursor})
        return bool(rows and rows[0][0])


def _message(row: Sequence[Any]) -> Message:
    message = Message._make(row)
    # Written by hand, JSON may go over several lines, and some dialects have one line for a message. Within its texts
    # JSON has no line ends, so these are only space.
    if "\n" in message.data or "\r" in message.data:
        return message._replace(data=message.data.replace("\n", " ").replace("\r", " "))
    return message
