"""Schedules by their verbs. The database's clock says what is due."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from queueapi.errors import SchemaMismatch, SettingsError, StoreUnavailable
from queueapi.postgres.atomic import atomic
from queueapi.postgres.sessions import Borrowed, Dedicated, Pool
from queueapi.postgres.store import Store
from queueapi.records import NewJob, Special, Unique, WorkerRow
from queueapi.ticks import Cron, CronStatus, Tick, is_wanted, next_tick

# How long a schedule is left alone whose next time cannot be told here: its timezone is unknown on this machine, say.
UNTOLD = dt.timedelta(minutes=10)


class Crons:
    """The verbs of schedules, for a process that has them, for the clock, and for people.

    A row's lock is held from the look at its time until that is moved: so there is one push a tick, or none if the
    transaction fails, and then another try.
    """

    def __init__(self, session: Pool | Dedicated) -> None:
        self._session = session

    # -- of a process that starts

    def register(self, crons: Sequence[Cron]) -> None:
        """Say what these schedules are. One that is there already goes on, unless its times are others now."""
        with atomic(self._session) as session:
            ((now,),) = session.run("read_clock", {})
            there = {row[0]: row[1:5] for row in session.run("lock_crons", {"names": [cron.name for cron in crons]})}
            rows = [_row(cron, _first(cron, there.get(cron.name), now)) for cron in crons]
            session.run("upsert_crons", {"crons": msgspec.json.encode(rows).decode()})

    def know(self, worker: WorkerRow, names: Iterable[str]) -> None:
        """Say which schedules a process knows. Without such a process they push nothing."""
        params = {**worker._asdict(), "worker": worker.id, "crons": list(names)}
        self._session.run("name_crons", params)

    # -- of the clock

    def push_due(self, workers: Sequence[UUID]) -> Tick | None:
        """Push the job of one such schedule that is due, and note when it is due next; None if none is.

        What cannot be pushed is left out, until its next time.
        """
        due: _Due | None = None
        try:
            with atomic(self._session) as session:
                rows = session.run("claim_cron", {"workers": list(workers)})
                if not rows:
                    return None
                due = _Due._make(rows[0])
                return _push_due(session, due)
        except (StoreUnavailable, SchemaMismatch):
            raise
        except Exception as error:  # whatever is wrong with it, the others shall have their turn
            if due is None:
                raise
            left_out = {"name": due.name, "due": due.next_at, "next_at": due.later()}
            with atomic(self._session) as session:
                session.run("skip_cron", left_out)
            return Tick(due.name, due.kind, None, due.late, error)

    # -- of people

    def list(self) -> list[CronStatus]:
        """All of them."""
        return [CronStatus._make(row) for row in self._session.run("list_crons", {})]

    def pause(self, name: str) -> bool:
        """Let it push nothing. False if there is none of that name."""
        return bool(self._session.run("pause_cron", {"name": name}))

    def resume(self, name: str) -> bool:
        """Let it push again, from its next time on. False if there is none of that name."""
        with atomic(self._session) as session:
            for due in map(_Due._make, session.run("find_cron", {"name": name})):
                next_at = next_tick(due.expression, due.timezone, due.now)
                session.run("resume_cron", {"name": name, "next_at": next_at})
                return True
        return False

    def run(self, name: str) -> int | None:
        """Push its job now, whatever its time. The id: its like's, if it is unique; None: no such name."""
        with atomic(self._session) as session:
            for due in map(_Due._make, session.run("find_cron", {"name": name})):
                id_ = _push(session, due.cron().job)
                _move(session, name, due.next_at, id_, pushed=True)
                return id_
        return None


class _Due(NamedTuple):
    """A row of claim_cron.sql and find_cron.sql."""

    name: str
    expression: str
    timezone: str
    catch_up: bool
    queue: str
    kind: str
    args: str
    options: str
    next_at: dt.datetime
    now: dt.datetime
    patience: str

    @property
    def late(self) -> float:
        return (self.now - self.next_at).total_seconds()

    def cron(self) -> Cron:
        return Cron(self.name, self.expression, self.timezone, self.catch_up, self._job())

    def later(self) -> dt.datetime:
        try:
            return next_tick(self.expression, self.timezone, self.now)
        except SettingsError:
            return self.now + UNTOLD

    def _job(self) -> NewJob:
        said = msgspec.json.decode(self.options)
        return NewJob(
            self.queue, self.kind, self.args, said["priority"], said["max_attempts"], said["delay"], None,
            _special(said["special"]),
        )  # fmt: skip


def _push_due(session: Borrowed, due: _Due) -> Tick:
    cron = due.cron()
    next_at = next_tick(cron.expression, cron.timezone, due.now)
    wanted = is_wanted(cron, due.next_at, due.now)
    id_ = _push(session, cron.job) if wanted else None
    _move(session, cron.name, next_at, id_, pushed=wanted)
    return Tick(cron.name, due.kind, id_, due.late)


def _push(session: Borrowed, job: NewJob) -> int:
    return Store(session).push([job])[0]


def _move(session: Borrowed, name: str, next_at: dt.datetime, id_: int | None = None, pushed: bool = False) -> None:
    session.run("move_cron", {"name": name, "next_at": next_at, "id": id_, "pushed": pushed})


def _first(cron: Cron, there: tuple[Any, ...] | None, now: dt.datetime) -> dt.datetime:
    """When a schedule is due that was just told. A tick that was dealt with does not come again."""
    expression, timezone, next_at, last_at = there or (None, None, None, None)
    if next_at is not None and (expression, timezone) == (cron.expression, cron.timezone):
        return next_at  # type: ignore[no-any-return]
    return next_tick(cron.expression, cron.timezone, max(now, last_at or now))


def _row(cron: Cron, next_at: dt.datetime) -> dict[str, Any]:
    job = cron.job
    special = job.special and {
        **job.special._asdict(),
        "unique": job.special.unique and job.special.unique._asdict(),
    }
    return {
        "name": cron.name,
        "expression": cron.expression,
        "timezone": cron.timezone,
        "catch_up": cron.catch_up,
        "queue": job.queue,
        "kind": job.kind,
        "args": msgspec.Raw(job.args.encode()),
        "options": {
            "priority": job.priority,
            "max_attempts": job.max_attempts,
            "delay": job.delay,
            "special": special,
        },
        "next_at": next_at,
    }


def _special(said: dict[str, Any] | None) -> Special | None:
    """Read back; what another version wrote and this one does not know is left out."""
    if said is None:
        return None
    unique = said.pop("unique", None)
    known = {name: value for name, value in said.items() if name in Special._fields}
    return Special(**known, unique=unique and Unique(**unique))
