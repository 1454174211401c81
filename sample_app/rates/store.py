"""The SQL of fetched rates."""

from __future__ import annotations

from decimal import Decimal

from sample_app.db import Connection, Row


def add_run(conn: Connection, base: str) -> int:
    """Note a run; returns its id."""
    row = conn.execute("insert into sample_app.rate_runs (base) values (%s) returning id", [base]).fetchone()
    assert row is not None
    return int(row["id"])


def tie_to_job(conn: Connection, run_id: int, job_id: int) -> None:
    conn.execute("update sample_app.rate_runs set job_id = %s where id = %s", [job_id, run_id])


def find_run(conn: Connection, run_id: int) -> Row | None:
    return conn.execute("select * from sample_app.rate_runs where id = %s", [run_id]).fetchone()


def find_run_of_job(conn: Connection, job_id: int) -> Row | None:
    return conn.execute("select * from sample_app.rate_runs where job_id = %s", [job_id]).fetchone()


def save_rate(conn: Connection, run_id: int, currency: str, rate: Decimal, calls: int) -> None:
    conn.execute(
        """
        insert into sample_app.rates (run_id, currency, rate, calls) values (%s, %s, %s, %s)
        on conflict (run_id, currency) do nothing
        """,
        [run_id, currency, rate, calls],
    )


def rates_of_run(conn: Connection, run_id: int) -> list[Row]:
    return conn.execute(
        "select currency, rate, calls from sample_app.rates where run_id = %s order by currency", [run_id]
    ).fetchall()
