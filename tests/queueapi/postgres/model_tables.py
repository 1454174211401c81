"""The store that the state machine drives, and a look past it into the tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import psycopg
from model import Job
from model_limits import Limits

from queueapi.postgres.chaining import take_back
from queueapi.postgres.connection import connect
from queueapi.postgres.morgue import Morgue
from queueapi.postgres.sessions import Borrowed, Dedicated
from queueapi.postgres.store import Store
from queueapi.postgres.upkeep import Upkeep
from queueapi.postgres.waiting import Waiting
from queueapi.states import State

# All waits are multiples of a unit or halves of one, and the clock moves by units and a second: so nothing is ever due
# within the seconds that a slow machine takes for a step.
UNIT = 600.0
TTL = 6.5 * UNIT
NEAR = 240.0

EMPTY = """
delete from queueapi.jobs; delete from queueapi.finished; delete from queueapi.leases; delete from queueapi.progress;
delete from queueapi.pauses; delete from queueapi.windows; delete from queueapi.limits; delete from queueapi.holds
"""
# Without the partitions of the days, what is past its time is pruned at once, and not when its day is over.
ONE_PARTITION = """
select format('drop table queueapi.%I', relname) from pg_class
where relname ~ '^finished_\\d' and relkind = 'r' and relnamespace = 'queueapi'::regnamespace
"""
MOVE = """
update queueapi.jobs set run_at = run_at - %(by)s, lease_until = lease_until - %(by)s, claimed_at = claimed_at - %(by)s,
                         expires_at = expires_at - %(by)s;
update queueapi.leases set expires_at = expires_at - %(by)s;
update queueapi.finished set keep_until = keep_until - %(by)s where keep_until < 'infinity';
update queueapi.windows set until = until - %(by)s;
update queueapi.holds set until = until - %(by)s
"""
PROMISED = """
update queueapi.holds set until = now() + interval '600 seconds'
where token is null and until between now() and now() + interval '9 seconds'
"""
LIVE = """
select id, state, queue, kind, args::text, priority, attempt, max_attempts, token, worker, kills,
       cancelled_at is not null, dead_at is not null, unique_key, blocked_by, limit_keys, error::text, cursor::text,
       extract(epoch from case state when 'scheduled' then run_at end - now())::float8,
       extract(epoch from expires_at - now())::float8, extract(epoch from lease_until - now())::float8
from queueapi.jobs order by id
"""
ENDED = """
select id, state, queue, kind, args::text, priority, attempt, max_attempts, token, error::text, result::text,
       extract(epoch from nullif(keep_until, 'infinity') - now())::float8
from queueapi.finished order by id
"""

Row = tuple[Any, ...]


class Database:
    """The store, and a look past it into the tables."""

    def __init__(self, dsn: str) -> None:
        self.session = Dedicated(lambda: connect(dsn, "machine", 5))
        self.store, self.upkeep = Store(self.session), Upkeep(self.session)
        self.admitting = self.upkeep.admitting
        self.morgue, self.waiting = Morgue(self.session), Waiting(self.session)
        self._plain = psycopg.connect(dsn, autocommit=True)
        for (statement,) in self.sql(ONE_PARTITION):
            self.sql(statement)

    def sql(self, statement: str, *params: object) -> list[Row]:
        cursor = self._plain.execute(statement.encode(), params or None)
        return cursor.fetchall() if cursor.description else []

    def cancel(self, id_: int) -> bool:
        """As the queue does: with all that follows the job."""
        found: list[bool] = []

        def cancel(session: Borrowed) -> list[int]:
            found.append(Store(session).cancel(id_, TTL))
            return [id_]

        take_back(self.session, TTL, cancel)
        return found[0]

    def discard(self, ids: list[int]) -> list[int]:
        return take_back(self.session, TTL, lambda session: Morgue(session).discard(ids, TTL))

    def empty(self) -> None:
        self.sql(EMPTY)

    def live(self) -> list[Row]:
        return self.sql(LIVE)

    def ended(self) -> list[Row]:
        return self.sql(ENDED)

    def prolong_promises(self) -> None:
        """They last two seconds; here, a unit of the machine's time."""
        self.sql(PROMISED)

    def move(self, seconds: float) -> None:
        """Let so many seconds pass."""
        self.sql(MOVE.replace("%(by)s", f"interval '{seconds} seconds'"))

    def close(self) -> None:
        self.session.close()
        self._plain.close()


def compare(rows: Sequence[Row], expected: Sequence[Row], times: int) -> None:
    """The last columns are times, and near is good enough for them."""
    assert [row[:-times] for row in rows] == [row[:-times] for row in expected]
    for row, other in zip(rows, expected, strict=True):
        for at, time in zip(row[-times:], other[-times:], strict=True):
            assert (at is None) == (time is None)
            assert at is None or abs(at - time) < NEAR


def live_row(job: Job, now: float) -> Row:
    new = job.new
    keys = list(Limits.keys(job)) or None
    rest = (
        job.token,
        job.worker,
        job.kills,
        job.cancelled,
        job.dead,
        job.unique_key,
        job.blocked_by,
        keys,
        job.error,
        job.cursor,
    )
    scheduled = job.run_at if job.state is State.SCHEDULED else None
    # Of a lease the row knows only what the claim wrote; the renewed one is asked for by the rescue.
    times = (None if at is None else at - now for at in (scheduled, job.expires_at, job.claimed_until))
    said = (new.queue, new.kind, new.args, new.priority, job.attempt, new.max_attempts)
    return (job.id, job.state, *said, *rest, *times)


def ended_row(job: Job, now: float) -> Row:
    new = job.new
    said = (new.queue, new.kind, new.args, new.priority, job.attempt, new.max_attempts)
    kept = None if job.keep_until is None else job.keep_until - now
    return (job.id, job.state, *said, job.token, job.error, job.result, kept)
