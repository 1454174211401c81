"""The SQL of reports, and of the rows that they are about."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal

from psycopg.rows import tuple_row

from sample_app.db import Connection, Row

_FETCH = 2000  # rows a round trip: some 200 KB, whatever the table holds


def add_report(conn: Connection) -> int:
    """Note a report to be made; returns its id."""
    row = conn.execute("insert into sample_app.reports default values returning id").fetchone()
    assert row is not None
    return int(row["id"])


def tie_to_job(conn: Connection, report_id: int, job_id: int) -> None:
    conn.execute("update sample_app.reports set job_id = %s where id = %s", [job_id, report_id])


def find_report_of_job(conn: Connection, job_id: int) -> Row | None:
    return conn.execute("select * from sample_app.reports where job_id = %s", [job_id]).fetchone()


def save_report(conn: Connection, report_id: int, chart: bytes, document: bytes) -> None:
    conn.execute("update sample_app.reports set chart = %s, document = %s where id = %s", [chart, document, report_id])


def count_contacts(conn: Connection) -> int:
    row = conn.execute("select count(*) as n from sample_app.contacts").fetchone()
    assert row is not None
    return int(row["n"])


def each_contact(conn: Connection) -> Iterator[tuple[date, str, Decimal]]:
    """Day, address and amount of every imported row, as they were when the reading began.

    A cursor with a name stays on the server and hands the rows over piece by piece; without one, all of them would be
    here before the first could be looked at.
    """
    with conn.cursor("contacts", row_factory=tuple_row) as cursor:
        cursor.itersize = _FETCH
        cursor.execute("select day, email, amount from sample_app.contacts")
        yield from cursor
