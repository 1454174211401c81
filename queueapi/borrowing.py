"""Whose transaction a push is in: the caller's connection, or that of his session."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from queueapi.errors import NotAConnection, SettingsError
from queueapi.later import Later

if TYPE_CHECKING:
    import inspect
else:
    inspect = Later("inspect")


def borrowed(conn: Any, session: Any) -> Any:
    """The connection to push on; None for one of our own.

    Args:
        conn: a connection of psycopg, SQLAlchemy or Django.
        session: a ``Session``, ``scoped_session`` or ``Connection`` of SQLAlchemy. It begins a transaction, if it is
            in none.

    Raises:
        SettingsError: both are given.
        NotAConnection: what is given as ``session=`` is none.
    """
    if session is not None:
        if conn is not None:
            raise SettingsError("conn= and session= are two transactions: give one")
        return _connection_of(session)
    if hasattr(conn, "ensure_connection"):  # Django's: it connects when it is first needed, which is now
        conn.ensure_connection()
    return conn


def _connection_of(session: Any) -> Any:
    found = getattr(session, "connection", None)
    if found is None or inspect.iscoroutinefunction(found):
        name = f"{type(session).__module__}.{type(session).__qualname__}"
        remedy = "give its sync_session" if found else "a psycopg connection is given as conn="
        raise NotAConnection(f"session= takes a Session of SQLAlchemy, not {name}: {remedy}")
    return found() if callable(found) else session
