"""What supervisors do to the tables: keep leases, rescue jobs, promote, prune."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable, Sequence
from typing import Any, LiteralString, cast
from uuid import UUID

from psycopg import errors, sql

from queueapi.postgres.admitting import Admitting
from queueapi.postgres.batching import Batching
from queueapi.postgres.connection import translated
from queueapi.postgres.sessions import Dedicated
from queueapi.postgres.statements import Rows, statement
from queueapi.postgres.store import Store
from queueapi.records import Blame, WorkerRow

# Partitions are made this many days ahead, so that a supervisor may be down for a week.
DAYS_AHEAD = 7
# A job that ended so many processes is not given another.
KILLS = 3


class Upkeep:
    """The supervisor's verbs. Any number of supervisors may run them at once; none is the leader.

    Args:
        session: a connection of its own, used by one thread.
        message_days: the partition of a day's messages is dropped when its youngest row is older than that.

    Attributes:
        batches: their verbs, on that connection.
        admitting: those of limits and pauses.
    """

    def __init__(self, session: Dedicated, message_days: int = 1) -> None:
        self._session = session
        self._message_days = message_days
        self._run = session.run
        self._store = Store(session)
        self.batches = Batching(session)
        self.admitting = Admitting(session)

    def renew(self, held: Sequence[tuple[int, int]], lease: float) -> set[tuple[int, int]]:
        """Renew the leases of these (id, token) pairs; those of them that are still ours."""
        params = {"ids": [id_ for id_, _ in held], "tokens": [token for _, token in held], "lease": lease}
        return {(id_, token) for id_, token in self._run("renew_leases", params)}

    def rescue(self, error: str, patience: float = 0.0) -> Rows:
        """Take up jobs whose lease ran out. Rows of (id, queue, kind, state, watched).

        Args:
            patience: seconds that a server which has just started gives living workers to renew their leases.
        """
        return self._tell(self._run("rescue_jobs", {"error": error, "patience": patience}))

    def release(self, worker: UUID, blamed: Sequence[Blame]) -> Rows:
        """Set free what a dead process held; those that are blamed lose the attempt. Rows as :meth:`rescue`, but with
        the error of it after the state."""
        params = {
            "worker": worker,
            "ids": [blame.id for blame in blamed],
            "hows": [blame.how for blame in blamed],
            "errors": [blame.error for blame in blamed],
            "lasts": [blame.last for blame in blamed],
            "kills": KILLS,
        }
        return self._tell(self._run("release_worker", params))

    def clock(self) -> dt.datetime:
        """The database's time."""
        ((now,),) = self._run("read_clock", {})
        return cast(dt.datetime, now)

    def release_unbegun(self, worker: UUID, begun: Iterable[int], before: dt.datetime) -> Rows:
        """Set free, uncharged, what a process claimed before that time and has not begun. Rows as :meth:`rescue`."""
        params = {"worker": worker, "begun": list(begun), "before": before}
        return self._tell(self._run("release_unbegun", params))

    def _tell(self, rows: Rows) -> Rows:
        self.wake({row[1] for row in rows})
        self._store.tell_watchers(rows)
        return rows

    def promote(self) -> float | None:
        """Make due jobs available; seconds until the next is due, None if none is scheduled."""
        ((queues, next_due),) = self._run("promote_jobs", {})
        self.wake(queues or ())
        return None if next_due is None else float(next_due)

    def wake(self, queues: Iterable[str]) -> None:
        """Wake a sleeper for each of the queues."""
        if names := list(queues):
            self._run("wake_sleepers", {"queues": names})

    def register(self, workers: Sequence[WorkerRow]) -> None:
        """Say which processes are alive."""
        params = {
            "ids": [worker.id for worker in workers],
            "names": [worker.name for worker in workers],
            "queues": [",".join(worker.queues) for worker in workers],
            "slots": [worker.slots for worker in workers],
        }
        self._run("register_workers", params)

    def forget(self, worker: UUID) -> None:
        """Take a process off the list."""
        self._run("forget_worker", {"worker": worker})

    def prune(self) -> None:
        """Remove what dead processes left, and finished jobs and messages that are past their time."""
        self._run("prune_leftovers", {})
        self._run("prune_finished", {})
        self.batches.prune()
        for name, day in self._partitions("finished"):
            if day < _today():  # its rows were to be kept until some time of that day
                self._ddl("drop_partition", partition=sql.Identifier("queueapi", name))
        self.prune_messages()

    def prune_messages(self) -> None:
        """Remove messages that are past their time, and remember the newest transaction that went with them."""
        self._run("prune_messages", {"days": self._message_days + 1})
        for name, day in self._partitions("messages"):
            if day < _today() - dt.timedelta(days=self._message_days):
                parent, partition = sql.Identifier("queueapi", "messages"), sql.Identifier("queueapi", name)
                # In one transaction, and behind the lock: nobody writes into it any more.
                verbs = ("lock_partition", "raise_messages_floor", "drop_partition")
                self._ddl(*verbs, parent=parent, partition=partition)

    def partition(self, result_ttl: float = 0.0) -> None:
        """Make the partitions of the coming days, where they are missing.

        Args:
            result_ttl: seconds that outcomes are kept: theirs are made that much further ahead.
        """
        self._partition("finished", DAYS_AHEAD + math.ceil(result_ttl / 86_400))
        self.partition_messages()

    def partition_messages(self) -> None:
        """As :meth:`partition`, for the log of messages alone."""
        self._partition("messages", DAYS_AHEAD)

    def _partition(self, table: str, days: int) -> None:
        have = {day for _, day in self._partitions(table)}
        for ahead in range(days + 1):
            day = _today() + dt.timedelta(days=ahead)
            if day not in have:
                self._create(table, day)

    def _partitions(self, table: str) -> list[tuple[str, dt.date]]:
        days = []
        for (name,) in self._run("list_partitions", {"parent": f"queueapi.{table}"}):
            suffix = name.removeprefix(f"{table}_")
            if len(suffix) == 8 and suffix.isdigit():
                days.append((name, dt.datetime.strptime(suffix, "%Y%m%d").date()))
        return days

    def _create(self, table: str, day: dt.date) -> None:
        try:
            self._ddl(
                "create_partition",
                partition=sql.Identifier("queueapi", f"{table}_{day:%Y%m%d}"),
                parent=sql.Identifier("queueapi", table),
                start=sql.Literal(f"{day} 00:00:00+00"),
                end=sql.Literal(f"{day + dt.timedelta(days=1)} 00:00:00+00"),
            )
        except errors.CheckViolation:
            pass  # that day's rows are in the default partition already, and leave from there

    def _ddl(self, *verbs: LiteralString, **names: Any) -> None:
        connection = self._session.connection()
        with translated(verbs[-1]):
            try:
                with connection.transaction():
                    connection.execute("set local lock_timeout = '2s'")
                    for verb in ("lock_partitions", *verbs):
                        connection.execute(sql.SQL(statement(verb)).format(**names))
            except errors.LockNotAvailable:
                pass  # pg_dump holds it, say: nobody shall queue up behind us, and the next round tries again
            except (errors.DuplicateTable, errors.UndefinedTable):
                pass  # an older version of ours, which does not ask for the lock, was quicker


def _today() -> dt.date:
    return dt.datetime.now(dt.UTC).date()
