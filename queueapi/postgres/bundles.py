"""Chains and batches for a queue on PostgreSQL: see :class:`queueapi.backends.Bundles`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from queueapi.figures import Figures
from queueapi.postgres.atomic import Sessions, atomic
from queueapi.postgres.awaiting import await_state
from queueapi.postgres.batching import Batching, Callbacks
from queueapi.postgres.sessions import Borrowed, Dedicated, Open, Pool
from queueapi.records import NewJob


class PostgresBundles:
    """As the protocol says.

    Args:
        pool: where it runs, unless a ``conn`` is given.
        open_: opens a connection to wait on.
    """

    def __init__(self, pool: Pool, open_: Open) -> None:
        self._pool = pool
        self._open = open_

    def _session(self, conn: object | None) -> Sessions:
        return self._pool if conn is None else Borrowed(conn)

    @contextmanager
    def together(self, conn: object | None) -> Iterator[object | None]:
        """A transaction, or a part of the caller's."""
        with atomic(self._session(conn)) as inside:
            yield inside.connection

    def newest(self, conn: object | None) -> int:
        """An id below all that will be given out from now on."""
        return int(self._session(conn).run("read_newest", {})[0][0])

    def pushed(self, ids: Sequence[int], newest: int, conn: object | None) -> set[int]:
        """Those of the ids that this transaction has pushed."""
        rows = self._session(conn).run("find_pushed", {"ids": list(ids), "newest": newest})
        return {id_ for (id_,) in rows}

    def open(
        self, parent: int | None, success: Sequence[NewJob], complete: Sequence[NewJob], conn: object | None
    ) -> int:
        """A new batch with these callbacks; its id."""
        return Batching(self._session(conn)).open(parent, Callbacks(list(success), list(complete)))

    def is_open(self, batch_id: int, conn: object, hold: bool) -> bool | None:
        """Whether jobs may be added to the batch; None: there is none."""
        batching = Batching(Borrowed(conn))
        if hold:
            return batching.hold(batch_id)
        found = batching.read([batch_id]).get(batch_id)
        return None if found is None else not found.complete

    def note(self, batch_id: int, ids: Sequence[int], newest: int, conn: object | None) -> None:
        """Those of the jobs whose id is above ``newest`` were added to the batch."""
        Batching(self._session(conn)).note(batch_id, ids, newest)

    def settle(self, ids: Sequence[int], conn: object | None) -> None:
        """Complete those of the batches that have nothing left to wait for."""
        Batching(self._session(conn)).complete(ids)

    def read(self, batch_id: int) -> Figures | None:
        """How far the batch is."""
        return Batching(self._pool).read([batch_id]).get(batch_id)

    def wait(self, batch_id: int, timeout: float | None) -> Figures | None:
        """The same once it has ended, or after so many seconds."""

        def read(session: Dedicated) -> Figures | None:
            return Batching(session).read([batch_id]).get(batch_id)

        return await_state(self._open, -batch_id, timeout, read)
