"""The SQL of pads and of the updates that they consist of."""

from __future__ import annotations

from collections.abc import Sequence

from sample_app.db import Connection, Row


def add_pad(conn: Connection, title: str) -> int:
    row = conn.execute("insert into sample_app.pads (title) values (%s) returning id", [title]).fetchone()
    assert row is not None
    return int(row["id"])


def find_pad(conn: Connection, pad_id: int) -> Row | None:
    return conn.execute("select id, title from sample_app.pads where id = %s", [pad_id]).fetchone()


def newest_pads(conn: Connection, limit: int) -> list[Row]:
    """With the number of comments on each, and when it was written in last."""
    return conn.execute(
        """
        select id, title,
               (select count(*) from sample_app.comments where pad_id = pads.id) as comments,
               (select max(added_at) from sample_app.pad_updates where pad_id = pads.id) as written_at
          from sample_app.pads order by id desc limit %s
        """,
        [limit],
    ).fetchall()


def hold_pad(conn: Connection, pad_id: int) -> None:
    """Until the transaction ends, nobody else saves this text by form. Updates are appended all the same."""
    conn.execute("select 1 from sample_app.pads where id = %s for no key update", [pad_id])


def updates(conn: Connection, pad_id: int) -> list[bytes]:
    rows = conn.execute("select update from sample_app.pad_updates where pad_id = %s order by id", [pad_id]).fetchall()
    return [row["update"] for row in rows]


def measure(conn: Connection, pad_id: int) -> tuple[int, int]:
    """How many updates there are, and their bytes."""
    row = conn.execute(
        "select count(*) as n, coalesce(sum(length(update)), 0) as bytes from sample_app.pad_updates where pad_id = %s",
        [pad_id],
    ).fetchone()
    assert row is not None
    return row["n"], row["bytes"]


def add_update(conn: Connection, pad_id: int, update: bytes) -> None:
    conn.execute("insert into sample_app.pad_updates (pad_id, update) values (%s, %s)", [pad_id, update])


def take_updates(conn: Connection, pad_id: int) -> list[Row]:
    """All that can be seen now, held until the transaction ends, so that nobody else merges the same."""
    return conn.execute(
        "select id, update from sample_app.pad_updates where pad_id = %s order by id for update", [pad_id]
    ).fetchall()


def delete_updates(conn: Connection, ids: Sequence[int]) -> None:
    conn.execute("delete from sample_app.pad_updates where id = any(%s)", [list(ids)])
