"""The SQL of visitors who have said their name."""

from __future__ import annotations

from sample_app.db import Connection


def name_of(conn: Connection, visitor: str) -> str | None:
    row = conn.execute("select name from sample_app.visitors where key = %s", [visitor]).fetchone()
    return None if row is None else str(row["name"])


def set_name(conn: Connection, visitor: str, name: str) -> None:
    conn.execute(
        """
        insert into sample_app.visitors (key, name) values (%s, %s)
        on conflict (key) do update set name = excluded.name
        """,
        [visitor, name],
    )
