"""Ways to a connection: a pool for web processes, one of its own for an actor, and the caller's.

A store is built on one of them and does not know which.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Mapping
from queue import Empty, SimpleQueue
from typing import Any, Final, Protocol

import psycopg
from psycopg.rows import tuple_row

from queueapi.errors import NotAConnection, StoreUnavailable
from queueapi.postgres.connection import Connection, translated
from queueapi.postgres.execution import execute, execute_once
from queueapi.postgres.statements import Rows, statement

# Statements of ours walk indexes, whatever the statistics say: those may be of an idle moment, or of a table that
# was empty when the plan was cached. And they are planned once: with its arrays known, a finish looks cheaper to the
# planner by less than planning it anew each time takes (220 µs, of 500 for one job).
# And never compiled: up to PostgreSQL 17 what is "off" is a price so high that the server compiles whatever cannot do
# without it, such as a look at the sleepers, for 50 ms and more each time.
# Not in a Pool: a pooler between us and the server would keep it for others.
_PLANS: Final = """
select set_config(name, value, false)
from (values ('enable_seqscan', 'off'), ('enable_hashjoin', 'off'), ('enable_mergejoin', 'off'),
             ('jit', 'off'), ('plan_cache_mode', 'force_generic_plan')) as setting (name, value)"""

Open = Callable[[], Connection]


class Session(Protocol):
    """Something that runs a statement and has its rows."""

    def run(self, verb: str, params: Mapping[str, Any]) -> Rows:
        """Run ``sql/<verb>.sql``.

        Raises:
            StoreUnavailable: it may or may not have been carried out.
        """


class Pool:
    """Connections for many threads or greenlets at once: opened as needed, kept up to ``size``.

    1. hands out the one used last, if it is still open; 2. opens another while there is room; 3. makes the rest
    wait; 4. closes what was interrupted; 5. starts afresh in a forked child.

    Not psycopg_pool: a greenlet killed while it waits there takes a place with it for ever.
    """

    def __init__(self, open_: Open, size: int, wait: float) -> None:
        self._open = open_
        self._size = size
        self._wait = wait
        self._reset()

    def _reset(self) -> None:
        self._pid = os.getpid()
        self._idle: deque[Connection] = deque()
        self._places: SimpleQueue[None] = SimpleQueue()  # a semaphore, at a tenth of threading's price
        for _ in range(self._size):
            self._places.put(None)

    def run(self, verb: str, params: Mapping[str, Any]) -> Rows:
        """See :class:`Session`."""
        with self.connection() as connection, translated(verb):
            return execute(connection, verb, params)

    def connection(self) -> Lent:
        """A connection for the block.

        Raises:
            StoreUnavailable: none can be opened, or all have been busy for too long.
        """
        return Lent(self)

    def take(self) -> tuple[Connection, SimpleQueue[None]]:
        """A connection, and where its place goes back to."""
        if self._pid != os.getpid():
            self._leave_to_parent()
        places = self._places
        try:
            places.get(timeout=self._wait)
        except Empty:
            raise StoreUnavailable(
                f"all {self._size} connections have been busy for {self._wait:.0f} s: raise QUEUEAPI_POOL_SIZE"
            ) from None
        try:
            return self._take(), places
        except BaseException:
            places.put(None)
            raise

    def give_back(self, connection: Connection, places: SimpleQueue[None]) -> None:
        """Undo :meth:`take`. What was interrupted is closed."""
        try:
            if not _between_statements(connection):
                connection.close()
            elif places is self._places:
                self._idle.append(connection)
        finally:
            places.put(None)

    def _take(self) -> Connection:
        while self._idle:
            try:
                connection = self._idle.pop()
            except IndexError:  # another thread took the last one
                break
            if connection.usable():
                return connection
            connection.close()
        return self._open()

    def _leave_to_parent(self) -> None:
        # Closing would say goodbye on the parent's sockets; collecting them would, too.
        _inherited.extend(self._idle)
        self._reset()

    def close(self) -> None:
        """Close what is idle."""
        while self._idle:
            self._idle.pop().close()


class Lent:
    """A connection of a pool, for one block."""

    __slots__ = ("_connection", "_places", "_pool")

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def __enter__(self) -> Connection:
        self._connection, self._places = self._pool.take()
        return self._connection

    def __exit__(self, *_: object) -> None:
        self._pool.give_back(self._connection, self._places)


class Dedicated:
    """One connection of an actor's own, opened when first needed and again after it broke. For one thread.

    ``generation`` counts the connections: a change tells that the answer to a statement may have been lost.
    """

    def __init__(self, open_: Open) -> None:
        self._open = open_
        self._connection: Connection | None = None
        self.generation = 0

    def run(self, verb: str, params: Mapping[str, Any]) -> Rows:
        """See :class:`Session`."""
        connection = self.connection()
        try:
            with translated(verb):
                return execute(connection, verb, params)
        except BaseException:
            self.close_if_broken()
            raise

    def close_if_broken(self) -> None:
        """What was interrupted is closed."""
        if self._connection is not None and not _between_statements(self._connection):
            self.close()

    def connection(self) -> Connection:
        """The open connection."""
        if self._connection is None or self._connection.closed:
            connection = self._open()
            try:
                if not connection.pooled:
                    with translated("connect"):
                        connection.execute(_PLANS)
            except BaseException:
                connection.close()
                raise
            self._connection = connection
            self.generation += 1
        return self._connection

    def close(self) -> None:
        """Close it; the next use opens another."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


class Borrowed:
    """The caller's own connection and transaction: what we do there exists if and only if the caller commits."""

    def __init__(self, connection: object) -> None:
        # SQLAlchemy's and Django's connections wrap the driver's.
        for name in ("connection", "driver_connection", "dbapi_connection"):
            if not isinstance(connection, psycopg.Connection) and hasattr(connection, name):
                connection = getattr(connection, name)
        if not isinstance(connection, psycopg.Connection):
            raise NotAConnection(
                f"conn= takes a psycopg 3 connection, not {type(connection).__module__}.{type(connection).__qualname__}"
            )
        self.connection = connection

    def run(self, verb: str, params: Mapping[str, Any]) -> Rows:
        """See :class:`Session`. The caller's row factory does not matter."""
        if isinstance(self.connection, Connection) and self.connection.autocommit:  # ours: nobody pipelines on it
            with translated(verb):
                return execute_once(self.connection, verb, params)
        with translated(verb), self.connection.cursor(row_factory=tuple_row) as cursor:
            cursor.execute(statement(verb), params)
            return cursor.fetchall() if cursor.description else []

    def copy(self, verb: str, lines: str, meanwhile: Callable[[], None] | None = None) -> None:
        """Run ``sql/<verb>.sql``, a COPY, with these lines.

        Args:
            meanwhile: called while the server deals with them. It must not use the connection; if it raises, nothing
                is copied.
        """
        with translated(verb), self.connection.cursor() as cursor, cursor.copy(statement(verb)) as copy:
            copy.write(lines)
            if meanwhile is not None:
                meanwhile()


_inherited: list[Connection] = []


def _between_statements(connection: Connection) -> bool:
    return not connection.closed and connection.pgconn.transaction_status == psycopg.pq.TransactionStatus.IDLE
