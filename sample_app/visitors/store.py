"""The SQL of visitors' names."""

from __future__ import annotations

from sample_app.db import Connection
from sample_app.visitors.visitor import Visitor


def name_of(conn: Connection, visitor: Visitor) -> str:
    """The name that was said, or an alias."""
    row = conn.execute("select name from sample_app.visitors where key = %s", [visitor.key]).fetchone()
    return visitor.alias if row is None else str(row["name"])


def set_name(conn: Connection, visitor: str, name: str) -> None:
    conn.execute(
        """
        insert into sample_app.visitors (key, name) values (%s, %s)
        on conflict (key) do update set name = excluded.name
        """,
        [visitor, name],
    )
