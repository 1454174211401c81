"""The SQL of uploads, contacts and bad rows."""

from __future__ import annotations

from collections.abc import Sequence

from sample_app.db import Connection, Row
from sample_app.imports.rows import BadRow, Contact


def add_upload(conn: Connection, filename: str, spool_name: str, size: int, lines: int) -> int:
    """Note an upload; returns its id."""
    row = conn.execute(
        "insert into sample_app.uploads (filename, spool_name, bytes, lines) values (%s, %s, %s, %s) returning id",
        [filename, spool_name, size, lines],
    ).fetchone()
    assert row is not None
    return int(row["id"])


def tie_to_job(conn: Connection, upload_id: int, job_id: int) -> None:
    conn.execute("update sample_app.uploads set job_id = %s where id = %s", [job_id, upload_id])


def find_upload(conn: Connection, upload_id: int) -> Row | None:
    return conn.execute("select * from sample_app.uploads where id = %s", [upload_id]).fetchone()


def find_upload_of_job(conn: Connection, job_id: int) -> Row | None:
    return conn.execute("select * from sample_app.uploads where job_id = %s", [job_id]).fetchone()


def save_rows(conn: Connection, upload_id: int, contacts: Sequence[Contact], bad: Sequence[BadRow]) -> None:
    """Write one batch. Written twice it is the same: the key is the row's place in the file."""
    with conn.cursor() as cursor:
        cursor.executemany(
            """
            insert into sample_app.contacts (upload_id, line, name, email, amount, day)
            values (%s, %s, %s, %s, %s, %s)
            on conflict (upload_id, line) do update
               set name = excluded.name, email = excluded.email, amount = excluded.amount, day = excluded.day
            """,
            [(upload_id, *contact) for contact in contacts],
        )
        cursor.executemany(
            """
            insert into sample_app.bad_rows (upload_id, line, reason, source) values (%s, %s, %s, %s)
            on conflict (upload_id, line) do update set reason = excluded.reason, source = excluded.source
            """,
            [(upload_id, row.line, row.reason, row.source.replace("\0", "␀")[:1000]) for row in bad],
        )


def finish_upload(conn: Connection, upload_id: int, imported: int, bad: int) -> None:
    conn.execute(
        "update sample_app.uploads set imported = %s, bad = %s, finished_at = now() where id = %s",
        [imported, bad, upload_id],
    )


def bad_rows(conn: Connection, upload_id: int, limit: int, offset: int = 0) -> list[Row]:
    """Bad rows in the order of the file."""
    return conn.execute(
        "select line, reason, source from sample_app.bad_rows where upload_id = %s order by line limit %s offset %s",
        [upload_id, limit, offset],
    ).fetchall()


def newest_uploads(conn: Connection, limit: int) -> list[Row]:
    """Finished uploads, newest first."""
    return conn.execute(
        """
        select id, filename, imported, bad, finished_at from sample_app.uploads
         where finished_at is not null order by id desc limit %s
        """,
        [limit],
    ).fetchall()
