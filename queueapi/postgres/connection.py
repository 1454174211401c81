"""Connections: how they are opened, how they wait, and what their errors become.

A connection whose statement was interrupted is closed, never used again: nobody knows what the server still
does for it. psycopg itself only thinks of KeyboardInterrupt; a killed greenlet or a gevent.Timeout would leave
it "active" for ever.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, LiteralString, TypeVar

import psycopg
from psycopg import errors, pq, waiting
from psycopg.abc import PQGen

from queueapi.errors import SchemaMismatch, StoreUnavailable

RV = TypeVar("RV")

# No statement of ours takes seconds. One that does not answer in this time waits for a server that is gone, behind
# a network that does not say so.
ANSWER_WITHIN = 20.0


class Connection(psycopg.Connection[Any]):
    """A connection that gives up on a silent server, and is closed by whatever interrupts it."""

    answer_within: float | None = ANSWER_WITHIN

    def wait(self, gen: PQGen[RV], interval: float = 0.1, timeout: float | None = None) -> RV:
        """Drive psycopg's protocol generator until it has its answer. See :meth:`psycopg.Connection.wait`."""
        try:
            return self._wait(gen, interval, self.answer_within if timeout is None else timeout)
        except errors._WaitTimeout:
            if timeout is not None:
                raise  # the caller's own time, as in notifies(): the connection is sound
            self.close()
            raise psycopg.OperationalError(f"no answer in {self.answer_within:.0f} s") from None
        except BaseException as interruption:
            active = self.pgconn.transaction_status == pq.TransactionStatus.ACTIVE
            if active and not isinstance(interruption, Exception):
                self.close()
            raise

    def _wait(self, gen: PQGen[RV], interval: float, timeout: float | None) -> RV:
        return waiting.wait(gen, self.pgconn.socket, interval=interval, timeout=timeout)

    def usable(self) -> bool:
        """Whether an idle connection is still open, without a round trip.

        A server that restarted or dropped us has sent its farewell: the socket is readable, and reading it shows
        the end. Costs two system calls.
        """
        if self.closed or self.broken:
            return False
        try:
            self.pgconn.consume_input()
        except psycopg.OperationalError:
            return False
        return self.pgconn.status == pq.ConnStatus.OK


def connection_class() -> type[Connection]:
    """The class for this process: in one patched by gevent, waiting must go through gevent's hub."""
    monkey = sys.modules.get("gevent.monkey")
    if monkey is None or not monkey.is_module_patched("select"):
        return Connection
    from queueapi.postgres.green import GreenConnection

    return GreenConnection


def connect(conninfo: str, name: str, connect_timeout: int, *setup: LiteralString) -> Connection:
    """Open a connection in autocommit, so that one statement is one transaction.

    Args:
        conninfo: a libpq URL or keyword string; empty for the ``PG*`` variables.
        name: what ``pg_stat_activity`` shows as application_name.
        connect_timeout: seconds.
        setup: statements to run on it first.

    Raises:
        StoreUnavailable: it cannot be opened.
    """
    with translated("connect"):
        connection = connection_class().connect(
            conninfo,
            autocommit=True,
            prepare_threshold=2,
            application_name=name,
            connect_timeout=connect_timeout,
            client_encoding="UTF8",
            # A vanished server is noticed in about 20 s on an idle connection, in 15 s on one that has sent.
            keepalives_idle=10,
            keepalives_interval=5,
            keepalives_count=2,
            tcp_user_timeout=15_000,
        )
        for statement in setup:
            connection.execute(statement)
    return connection


@contextmanager
def translated(doing: str) -> Iterator[None]:
    """Turn the driver's errors into the house's, with the cause attached.

    Raises:
        StoreUnavailable: the server is away, or refuses work for now (starting, read-only, full, out of connections).
        SchemaMismatch: a table or column is not there.
    """
    try:
        yield
    except (psycopg.OperationalError, psycopg.InterfaceError, errors.ReadOnlySqlTransaction) as error:
        raise StoreUnavailable(f"PostgreSQL did not {doing}: {_first_line(error)}") from error
    except (errors.UndefinedTable, errors.UndefinedColumn, errors.InvalidSchemaName) as error:
        raise SchemaMismatch(
            f"the database's schema does not fit this version of queueapi ({_first_line(error)}): run  queueapi migrate"
        ) from error


def _first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__
