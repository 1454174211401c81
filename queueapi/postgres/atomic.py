"""Several statements that are carried out all or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from queueapi.postgres.connection import translated
from queueapi.postgres.sessions import Borrowed, Dedicated, Pool

Sessions = Pool | Dedicated | Borrowed


@contextmanager
def atomic(session: Sessions) -> Iterator[Borrowed]:
    """A session in a transaction: one of its own, or, on a caller's connection, a part of the caller's."""
    if isinstance(session, Pool):
        with session.connection() as connection, _transaction(connection) as inside:
            yield inside
    elif isinstance(session, Dedicated):
        try:
            with _transaction(session.connection()) as inside:
                yield inside
        except BaseException:
            session.close_if_broken()
            raise
    else:
        with _transaction(session.connection) as inside:
            yield inside


@contextmanager
def _transaction(connection: psycopg.Connection) -> Iterator[Borrowed]:
    with translated("carry out a transaction"):
        if not connection.autocommit and connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE:
            connection.execute("select 1")  # begins the caller's transaction: psycopg's own would end with the block
        with connection.transaction():
            yield Borrowed(connection)
