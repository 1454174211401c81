"""How our own statements run on our own connections: prepared once, every parameter as text.

psycopg looks at each value, and at each element of each list, to find out how to write it down, and builds a cursor
for every statement: 150 µs of a push's 250. Our statements say their parameters' types themselves, in casts and
columns, and a connection of ours has nobody else's statement under way; what is left is to send and to wait.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Final, NamedTuple
from zlib import crc32

import psycopg
from psycopg import generators
from psycopg.abc import PQGen
from psycopg.errors import DuplicatePreparedStatement, InvalidSqlStatementName, error_from_result
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGresult

from queueapi.postgres.plain import Connection
from queueapi.postgres.statements import Rows, statement

_PARAMETER: Final = re.compile(r"%\((\w+)\)s")
_SUCCESS: Final = (ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK)


class Prepared(NamedTuple):
    """A statement as the server gets it: ``$1`` for the first of ``params``, and so on."""

    name: bytes
    text: bytes
    params: tuple[str, ...]


@cache
def prepared(verb: str) -> Prepared:
    """``sql/<verb>.sql``, made ready."""
    params: list[str] = []

    def number(match: re.Match[str]) -> str:
        if match[1] not in params:
            params.append(match[1])
        return f"${params.index(match[1]) + 1}"

    text = _PARAMETER.sub(number, statement(verb))
    raw = text.encode()
    # The checksum: behind a pooler, another version of this library may have prepared its own text.
    return Prepared(f"queueapi_{verb}_{crc32(raw):08x}".encode(), raw, tuple(params))


def execute(connection: Connection, verb: str, params: Mapping[str, Any]) -> Rows:
    """Run the statement on a connection that is in autocommit and idle.

    Raises:
        psycopg.Error: as a cursor would.
    """
    if connection.pooled:
        return execute_once(connection, verb, params)
    ready = prepared(verb)
    values = [as_text(params[name]) for name in ready.params]
    try:
        return connection.wait(_executing(connection, ready, values))
    except InvalidSqlStatementName:
        # Somebody said DISCARD ALL: nothing has been carried out.
        connection.prepared.clear()
        return connection.wait(_executing(connection, ready, values))


def execute_once(connection: Connection, verb: str, params: Mapping[str, Any]) -> Rows:
    """The same in the middle of a transaction, where a statement that a pooler has lost could not be prepared again: so
    none is."""
    ready = prepared(verb)
    values = [as_text(params[name]) for name in ready.params]
    return connection.wait(_executing_once(connection, ready, values))


def _executing_once(connection: Connection, ready: Prepared, values: list[bytes | None]) -> PQGen[Rows]:
    connection.pgconn.send_query_params(ready.text, values)
    return _rows(_checked((yield from generators.execute(connection.pgconn)), connection), connection)


def _executing(connection: Connection, ready: Prepared, values: list[bytes | None]) -> PQGen[Rows]:
    pgconn = connection.pgconn
    if ready.name not in connection.prepared:
        pgconn.send_prepare(ready.name, ready.text)
        try:
            _checked((yield from generators.execute(pgconn)), connection)
        except DuplicatePreparedStatement:
            pass  # under that name it can only be the same text
        connection.prepared.add(ready.name)
    pgconn.send_query_prepared(ready.name, values)
    return _rows(_checked((yield from generators.execute(pgconn)), connection), connection)


def _rows(result: PGresult, connection: Connection) -> Rows:
    transformer = connection.transformer
    transformer.set_pgresult(result)
    return transformer.load_rows(0, result.ntuples, tuple)


def _checked(results: list[PGresult], connection: Connection) -> PGresult:
    result = results[-1]
    if result.status not in _SUCCESS:
        raise error_from_result(result, encoding=connection.pgconn._encoding)
    return result


def as_text(value: object) -> bytes | None:
    """A value as PostgreSQL reads it; None is NULL.

    Raises:
        psycopg.DataError: there is a NUL in it, where the server would take the text to end.
        UnicodeEncodeError: it is not text.
    """
    if value is None:
        return None
    if type(value) is int:
        return b"%d" % value
    if isinstance(value, (list, tuple)):  # and not list | tuple, which is made anew each time, for 1 µs
        text = "{" + _elements(value) + "}"
    else:
        text = str(value) if type(value) is not bool else "t" if value else "f"
    raw = text.encode()
    if b"\0" in raw:
        raise psycopg.DataError("PostgreSQL text fields cannot contain NUL (0x00) bytes")
    return raw


def _elements(values: Sequence[object]) -> str:
    # Five hundred outcomes are 2,500 elements, and most columns all alike or all numbers: 1 µs of each job.
    if not values:
        return ""
    if values.count(values[0]) == len(values):
        return ",".join([_element(values[0])] * len(values))
    return ",".join(map(str if set(map(type, values)) == {int} else _element, values))


def _element(value: object) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return str(value)
