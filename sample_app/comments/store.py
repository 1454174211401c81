"""The SQL of comments, and of those who follow what is said about a text."""

from __future__ import annotations

from sample_app.db import Connection, Row

_COLUMNS = "id, pad_id, visitor, author, body, written_at"


def add_comment(conn: Connection, pad_id: int, visitor: str, author: str, body: str, nonce: str) -> tuple[Row, bool]:
    """Note a comment; returns it, and whether it is new: a form that was sent twice, with one ``nonce``, is one."""
    row = conn.execute(
        f"""
        insert into sample_app.comments (pad_id, visitor, author, body, nonce) values (%s, %s, %s, %s, %s)
        on conflict (pad_id, visitor, nonce) do nothing returning {_COLUMNS}
        """,  # noqa: S608 # a constant
        [pad_id, visitor, author, body, nonce],
    ).fetchone()
    if row is not None:
        return row, True
    row = conn.execute(
        f"select {_COLUMNS} from sample_app.comments where pad_id = %s and visitor = %s and nonce = %s",  # noqa: S608
        [pad_id, visitor, nonce],
    ).fetchone()
    assert row is not None
    return row, False


def newest_comments(conn: Connection, pad_id: int, limit: int) -> list[Row]:
    """The last ones, oldest of them first, as they are read."""
    newest = conn.execute(
        f"select {_COLUMNS} from sample_app.comments where pad_id = %s order by id desc limit %s",  # noqa: S608
        [pad_id, limit],
    ).fetchall()
    return newest[::-1]


def find_comment(conn: Connection, comment_id: int) -> Row | None:
    return conn.execute(
        f"select {_COLUMNS} from sample_app.comments where id = %s",  # noqa: S608
        [comment_id],
    ).fetchone()


def follow(conn: Connection, pad_id: int, visitor: str) -> None:
    conn.execute(
        "insert into sample_app.followers (pad_id, visitor) values (%s, %s) on conflict do nothing", [pad_id, visitor]
    )


def unfollow(conn: Connection, pad_id: int, visitor: str) -> None:
    conn.execute("delete from sample_app.followers where pad_id = %s and visitor = %s", [pad_id, visitor])


def follows(conn: Connection, pad_id: int, visitor: str) -> bool:
    row = conn.execute(
        "select 1 from sample_app.followers where pad_id = %s and visitor = %s", [pad_id, visitor]
    ).fetchone()
    return row is not None


def followers(conn: Connection, pad_id: int) -> list[str]:
    rows = conn.execute(
        "select visitor from sample_app.followers where pad_id = %s order by visitor", [pad_id]
    ).fetchall()
    return [row["visitor"] for row in rows]
