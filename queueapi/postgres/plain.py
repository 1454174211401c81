"""How a connection waits in a process of plain threads, and what becomes of it when that is interrupted.

A connection whose statement was interrupted is closed, never used again: nobody knows what the server still
does for it. psycopg itself only thinks of KeyboardInterrupt; a killed greenlet or a gevent.Timeout would leave
it "active" for ever.
"""

from __future__ import annotations

from typing import Any, TypeVar

import psycopg
from psycopg import errors, pq, waiting
from psycopg.abc import PQGen
from psycopg.adapt import Transformer

RV = TypeVar("RV")

# No statement of ours takes seconds. One that does not answer in this time waits for a server that is gone, behind
# a network that does not say so.
ANSWER_WITHIN = 20.0


class Connection(psycopg.Connection[Any]):
    """A connection that gives up on a silent server, and is closed by whatever interrupts it."""

    answer_within: float | None = ANSWER_WITHIN
    # A pooler stands before the server, and may give us another of its connections for each transaction: what is set,
    # prepared or listened to on one is not there on the next, but in the way of whoever gets that.
    pooled = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.prepared: set[bytes] = set()  # statements of ours that the server has
        self.transformer = Transformer(self)  # reads its results

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
        """Whether an idle connection that listens to nothing is still open, without a round trip.

        A server that restarted or dropped us has sent its farewell: the first read takes that, the second meets
        the end. Costs a few system calls.
        """
        if self.closed or self.broken:
            return False
        try:
            self.pgconn.consume_input()
            self.pgconn.consume_input()
        except psycopg.OperationalError:
            return False
        return self.pgconn.status == pq.ConnStatus.OK
