"""Connections that are made of one request after another, by their verbs: each request may reach another node.

A request takes the connection, answers, and gives it back; the lease that it got with it tells whether another has
taken it meanwhile. It is given back, or ended, by :class:`queueapi.postgres.presence.Presence`, together with what else
happens to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from queueapi.postgres.sessions import Session


class Claimed(NamedTuple):
    """A connection as a request gets it.

    Attributes:
        connection: its socket id.
        lease: to give it back with.
        state: JSON, as it was given back last.
        cursor: how far it has been told; None: nothing yet.
    """

    connection: str
    lease: int
    state: str
    cursor: str | None


class Fallbacks:
    """1. opens; 2. takes; 3. passes on what the client says in a request of its own.

    Args:
        session: where the statements run.
    """

    def __init__(self, session: Session) -> None:
        self._run = session.run

    def open(self, id_: str, connection: str, state: str, seconds: float, node: UUID | None) -> Claimed | None:
        """A new one; None: the name is taken.

        Args:
            seconds: until it is over if nobody asks for it.
            node: that answers the request which opens it; None: it is answered at once.
        """
        params = {"id": id_, "connection": connection, "state": state, "seconds": seconds, "node": node}
        rows = self._run("open_fallback", params)
        return Claimed(connection, rows[0][0], state, None) if rows else None

    def claim(self, id_: str, node: UUID) -> Claimed | None:
        """Take it for a request; None: there is none, or it is over."""
        rows = self._run("claim_fallback", {"id": id_, "node": node})
        return Claimed._make(rows[0]) if rows else None

    def send(self, id_: str, channel: str, frames: Sequence[str]) -> bool:
        """Write down what the client says, for whoever answers its next request; whether there is such a connection.

        Args:
            channel: of the log, that only this connection's answers listen to.
        """
        return bool(self._run("send_to_fallback", {"id": id_, "channel": channel, "frames": list(frames)}))
