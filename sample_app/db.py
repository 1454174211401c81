"""The app's own connections and tables. Jobs keep theirs elsewhere: see ``queueapi``."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import psycopg
from psycopg.rows import DictRow, dict_row

Connection = psycopg.Connection[DictRow]
Row = dict[str, Any]

# Any number will do, as long as nobody else in this database takes it for something else.
_SCHEMA_LOCK = 7236182401


def connect(dsn: str) -> Connection:
    """A new connection. ``with connect(dsn) as conn:`` commits, or rolls back on an exception, and closes.

    One a request and one a job run, no pool: to connect takes 2 ms here, nothing leaks from one request into the next,
    and a restarted PostgreSQL needs no code. Where that is too slow, PgBouncer is the pool that all processes share.

    Raises:
        psycopg.OperationalError: PostgreSQL cannot be reached.
    """
    # 5 s, so that a page says "the database is away" before its reader gives up.
    return psycopg.connect(dsn, row_factory=dict_row, connect_timeout=5, application_name="sample_app")


def apply_schema(dsn: str) -> None:
    """Create the app's tables where they are missing. Harmless twice, and harmless in two processes at once."""
    schema = files("sample_app").joinpath("schema.sql").read_bytes()
    with connect(dsn) as conn:
        # "create table if not exists" alone fails when two processes run it at the same moment.
        conn.execute("select pg_advisory_xact_lock(%s)", [_SCHEMA_LOCK])
        conn.execute(schema)
