"""What people look at who wonder why a browser hears nothing."""

from __future__ import annotations

from typing import NamedTuple

from queueapi.postgres.sessions import Session


class LastMessage(NamedTuple):
    """The last message of a channel; ``age`` is in seconds, ``within_hour`` counts up to a thousand."""

    id: int
    event: str
    age: float
    within_hour: int


class SessionState(NamedTuple):
    """A Bayeux client's session. ``left`` is in seconds, below zero if its time is over; cursors are texts of ours."""

    roaming: bool
    acks: bool
    subscriptions: list[str]
    cursor: str
    sent: str | None
    left: float


class Diagnosis:
    """Looks that change nothing.

    Args:
        session: where the statements run.
    """

    def __init__(self, session: Session) -> None:
        self._run = session.run

    def channel(self, name: str) -> LastMessage | None:
        """Its last message; None if the log has none."""
        rows = self._run("look_at_channel", {"channel": name})
        return LastMessage._make(rows[0]) if rows else None

    def recent(self) -> list[str]:
        """The channels of the last thousand messages."""
        return [row[0] for row in self._run("list_recent_channels", {})]

    def session(self, id_: str) -> SessionState | None:
        """Where a session stands; None if there is none."""
        rows = self._run("look_at_session", {"id": id_})
        return SessionState._make(rows[0]) if rows else None
