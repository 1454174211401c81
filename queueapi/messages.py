"""A message of the log: as it is published, and as it is read."""

from __future__ import annotations

from typing import NamedTuple


class NewMessage(NamedTuple):
    """A message to be. ``data`` and ``meta`` are JSON text.

    Attributes:
        meta: what only some dialects know, as in ``{"sender": "1.2", "user_id": "7"}``: the connection that does not
            get it back, and who sent it.
    """

    channel: str
    event: str
    data: str
    meta: str | None = None


class Message(NamedTuple):
    """A message as it stands in the log. ``xid`` is its transaction; ``data`` and ``meta`` are JSON text."""

    id: int
    xid: int
    channel: str
    event: str
    data: str
    meta: str | None = None
