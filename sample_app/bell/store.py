"""The SQL of notices, and of who started what."""

from __future__ import annotations

from typing import NamedTuple

from sample_app.db import Connection, Row

_KEPT = 200  # notices a visitor; nobody reads further back


class State(NamedTuple):
    """How many notices are unread, and which state of the bell that is: the higher version is the later one."""

    version: int
    unread: int


def state(conn: Connection, visitor: str) -> State:
    """The bell as it is now. One statement: version and number belong together."""
    row = conn.execute(
        """
        select coalesce((select version from sample_app.bells where visitor = %(visitor)s), 0) as version,
               (select count(*) from sample_app.notices where visitor = %(visitor)s and read_at is null) as unread
        """,
        {"visitor": visitor},
    ).fetchone()
    assert row is not None
    return State(row["version"], row["unread"])


def hold(conn: Connection, visitor: str) -> None:
    """Take the visitor's bell until the transaction ends, and give it its next version.

    Two who ring at once would each count without the other's notice, and say the same number twice.
    """
    conn.execute(
        """
        insert into sample_app.bells (visitor, version) values (%s, 1)
        on conflict (visitor) do update set version = bells.version + 1
        """,
        [visitor],
    )


def add_notice(conn: Connection, visitor: str, origin: str, sentence: str, link: str) -> int | None:
    """Note something unread; returns its id, or None if that visitor was told of this ``origin`` before."""
    row = conn.execute(
        """
        insert into sample_app.notices (visitor, origin, sentence, link) values (%s, %s, %s, %s)
        on conflict (visitor, origin) do nothing returning id
        """,
        [visitor, origin, sentence, link],
    ).fetchone()
    return None if row is None else int(row["id"])


def forget_oldest(conn: Connection, visitor: str) -> None:
    conn.execute(
        """
        delete from sample_app.notices where visitor = %(visitor)s and id <=
               (select id from sample_app.notices where visitor = %(visitor)s order by id desc offset %(kept)s limit 1)
        """,
        {"visitor": visitor, "kept": _KEPT},
    )


def mark_read(conn: Connection, visitor: str, notice: int | None) -> bool:
    """Mark one notice, or all; whether there was an unread one among them."""
    cursor = conn.execute(
        """
        update sample_app.notices set read_at = now()
         where visitor = %(visitor)s and read_at is null and (%(notice)s::bigint is null or id = %(notice)s)
        """,
        {"visitor": visitor, "notice": notice},
    )
    return cursor.rowcount > 0


def find_notice(conn: Connection, visitor: str, notice: int) -> Row | None:
    return conn.execute("select * from sample_app.notices where visitor = %s and id = %s", [visitor, notice]).fetchone()


def newest_notices(conn: Connection, visitor: str, limit: int) -> list[Row]:
    """Unread ones first, and of each kind the newest first."""
    return conn.execute(
        """
        select id, sentence, read_at, created_at from sample_app.notices
         where visitor = %s order by (read_at is null) desc, id desc limit %s
        """,
        [visitor, limit],
    ).fetchall()


def add_started(conn: Connection, visitor: str, title: str) -> int:
    """Note that a visitor is about to start a job; returns the note's id."""
    row = conn.execute(
        "insert into sample_app.started (visitor, title) values (%s, %s) returning id", [visitor, title]
    ).fetchone()
    assert row is not None
    return int(row["id"])


def tie_to_job(conn: Connection, started_id: int, job_id: int) -> None:
    conn.execute("update sample_app.started set job_id = %s where id = %s", [job_id, started_id])


def find_started(conn: Connection, started_id: int) -> Row | None:
    return conn.execute("select * from sample_app.started where id = %s", [started_id]).fetchone()
