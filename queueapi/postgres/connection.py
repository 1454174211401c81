"""How connections are opened, and what their errors become."""

from __future__ import annotations

import sys
from typing import LiteralString

import psycopg
from psycopg import errors

from queueapi.errors import DataRefused, SchemaMismatch, StoreUnavailable
from queueapi.postgres.plain import Connection


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
        setup: statements to run on it first, which only make it faster: through a pooler they are left out.

    Raises:
        StoreUnavailable: it cannot be opened.
    """
    with translated("connect"):
        connection = connection_class().connect(
            conninfo,
            autocommit=True,
            # Our statements are prepared by execution.py. psycopg's own preparing would end after the first DROP in
            # a DEALLOCATE ALL, which takes ours, too.
            prepare_threshold=None,
            application_name=name,
            connect_timeout=connect_timeout,
            client_encoding="UTF8",
            # A vanished server is noticed in about 20 s on an idle connection, in 15 s on one that has sent.
            keepalives_idle=10,
            keepalives_interval=5,
            keepalives_count=2,
            tcp_user_timeout=15_000,
        )
        try:
            # A pooler answers with a number of its own. It is asked once a connection, which takes 100 µs.
            served = connection.execute("select pg_backend_pid()").fetchone()
            connection.pooled = served is not None and served[0] != connection.info.backend_pid
            for statement in () if connection.pooled else setup:
                connection.execute(statement)
        except BaseException:
            connection.close()
            raise
    return connection


# A value that cannot be kept, or is too large or too deep: for psycopg the latter are operational errors, as if
# trying again could help.
_REFUSED = (
    psycopg.DataError,
    UnicodeEncodeError,
    errors.ProgramLimitExceeded,
    errors.StatementTooComplex,
    errors.InternalError_,
)
# For psycopg the last three are errors of the program; here they are states of the server, which somebody can change,
# or of a connection that is gone.
_AWAY = (
    psycopg.OperationalError,
    psycopg.InterfaceError,
    errors.ReadOnlySqlTransaction,
    errors.InsufficientPrivilege,
    errors.IdleInTransactionSessionTimeout,
)
_MISSING = (errors.UndefinedTable, errors.UndefinedColumn, errors.InvalidSchemaName)


class translated:
    """Turn the driver's errors into the house's, with the cause attached.

    Raises:
        StoreUnavailable: the server is away, or refuses work for now (starting, read-only, full, out of connections),
            or to this user.
        SchemaMismatch: a table or column is not there.
        DataRefused: a value is not one that it can keep.
    """

    __slots__ = ("_doing",)

    def __init__(self, doing: str) -> None:
        self._doing = doing

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if isinstance(error, _REFUSED):
            raise DataRefused(f"PostgreSQL did not {self._what}: {_first_line(error)}") from error
        if isinstance(error, _AWAY):
            raise StoreUnavailable(f"PostgreSQL did not {self._what}: {_first_line(error)}") from error
        if isinstance(error, _MISSING):
            raise SchemaMismatch(
                f"the database's schema does not fit this version of queueapi ({_first_line(error)}): "
                "run  queueapi migrate"
            ) from error

    @property
    def _what(self) -> str:
        return self._doing.replace("_", " ")


def _first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__


__all__ = ["Connection", "connect", "connection_class", "translated"]
