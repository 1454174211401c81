"""Sessions of clients that several nodes serve in turn, and what those clients publish."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple
from uuid import UUID

from queueapi.messages import NewMessage
from queueapi.postgres.sessions import Session

# The NOTIFY channel on which a node is told, as "node id turn", that another has taken a session over, or closed it.
CHANNEL: Final = "queueapi_sessions"
# How long a publication is remembered, in seconds. A client that has not heard of it repeats it every few seconds.
REMEMBERED: Final = 300.0


class ClientRow(NamedTuple):
    """A session as another node would go on with it. Cursors are texts of :mod:`longpoll.cursor`.

    Attributes:
        turn: fences what is written about it.
        roaming: another node has served it before.
        acks: the client confirms answers by their number.
        subscriptions: JSON; None when it is saved: as they were.
        cursor: all that this sees has been received.
        sent: how far the last unconfirmed answer reached; None if there is none.
        sent_for: the id of the connect that it was the answer to, as JSON.
        number: of the last answer that carried messages.
    """

    id: str
    turn: int
    roaming: bool
    acks: bool
    subscriptions: str | None
    cursor: str
    sent: str | None = None
    sent_for: str | None = None
    number: int = 0


class Clients:
    """Sessions by their verbs.

    Args:
        session: where the statements run.
        node: which node this is.
    """

    def __init__(self, session: Session, node: UUID) -> None:
        self._run = session.run
        self._node = node

    def open(self, rows: Sequence[ClientRow], seconds: float) -> None:
        """New ones, which end when nothing has been heard of them for so many seconds."""
        params = {
            "ids": [row.id for row in rows],
            "acks": [row.acks for row in rows],
            "cursors": [row.cursor for row in rows],
            "node": self._node,
            "seconds": seconds,
        }
        self._run("open_sessions", params)

    def take(self, ids: Sequence[str], seconds: float) -> dict[str, ClientRow]:
        """From now on this node serves them; those that there are."""
        rows = self._run("take_sessions", {"ids": list(ids), "node": self._node, "seconds": seconds})
        return {row[0]: ClientRow._make(row[:9]) for row in rows}

    def save(self, rows: Sequence[ClientRow], seconds: float) -> set[tuple[str, int]]:
        """Note where these stand; (id, turn) of those whose turn it still is. The others have been left as they are."""
        params: dict[str, Any] = {
            "ids": [row.id for row in rows],
            "turns": [row.turn for row in rows],
            "subscriptions": [row.subscriptions for row in rows],
            "cursors": [row.cursor for row in rows],
            "sents": [row.sent for row in rows],
            "sent_fors": [row.sent_for for row in rows],
            "numbers": [row.number for row in rows],
            "seconds": seconds,
        }
        return {(id_, turn) for id_, turn in self._run("save_sessions", params)}

    def snapshot(self) -> str:
        """This moment of the database, as PostgreSQL's text of a ``pg_snapshot``."""
        ((snapshot,),) = self._run("read_snapshot", {})
        return str(snapshot)

    def touch(self, id_: str, seconds: float) -> bool:
        """Its client is there, whoever serves it. False if there is no such session (any more)."""
        return bool(self._run("touch_session", {"id": id_, "seconds": seconds}))

    def close(self, id_: str) -> bool:
        """End it, whoever serves it. False if there was none."""
        rows = self._run("close_session", {"id": id_, "node": self._node})
        return bool(rows and rows[0][0])

    def prune(self) -> None:
        """Remove what has ended."""
        self._run("prune_sessions", {"seconds": REMEMBERED})

    def publish(self, id_: str, messages: Sequence[tuple[NewMessage, str | None]]) -> list[int]:
        """Append what a client publishes, but not what it has published before; the numbers of what was appended.

        Args:
            messages: each with its client's id for it, as JSON; None: it has none, and nobody can tell.
        """
        params = {
            "session": id_,
            "channels": [message.channel for message, _ in messages],
            "events": [message.event for message, _ in messages],
            "data": [message.data for message, _ in messages],
            "ids": [number for _, number in messages],
        }
        return [row[0] for row in self._run("publish_once", params)]
