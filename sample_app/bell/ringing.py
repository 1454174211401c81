"""One visitor's bell: a notice, its number, and the message that takes it to the visitor's pages, all or nothing."""

from __future__ import annotations

from longpoll import Channels
from sample_app.bell import store
from sample_app.db import Connection


def bell_channel(visitor: str) -> str:
    """Where a visitor's pages hear of the bell. Private: only pages that were sent to the visitor have its ticket."""
    return f"private-bell-{visitor}"


def ring(conn: Connection, channels: Channels, visitor: str, origin: str, sentence: str, link: str) -> bool:
    """Tell a visitor, in the transaction of ``conn``; returns whether it was news.

    Args:
        origin: what it is about, such as ``job-17``: of each, a visitor is told once, also by a job that runs twice.
        sentence: what the visitor reads.
        link: a path of ours, where there is more.
    """
    store.hold(conn, visitor)
    notice = store.add_notice(conn, visitor, origin, sentence, link)
    if notice is None:
        return False
    store.forget_oldest(conn, visitor)
    _say(conn, channels, visitor, "rung", {"notice": notice, "sentence": sentence})
    return True


def read(conn: Connection, channels: Channels, visitor: str, notice: int | None = None) -> None:
    """Mark one notice as read, or all; the visitor's other tabs hear of it."""
    store.hold(conn, visitor)
    if store.mark_read(conn, visitor, notice):
        _say(conn, channels, visitor, "read", {"notice": notice})


def _say(conn: Connection, channels: Channels, visitor: str, event: str, more: dict[str, object]) -> None:
    # The number travels with the message, so that nobody has to ask; the version says which of two is the later.
    version, unread = store.state(conn, visitor)
    channels[bell_channel(visitor)].publish(event, {"version": version, "unread": unread, **more}, conn=conn)
