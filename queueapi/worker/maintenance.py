"""What keeps the tables in order: nobody has to run a clean-up by hand."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import NamedTuple
from uuid import UUID

from queueapi.errors import StoreUnavailable
from queueapi.events import Events
from queueapi.loop import Loop
from queueapi.postgres.ahead import Ahead
from queueapi.postgres.statements import Rows
from queueapi.postgres.upkeep import Upkeep
from queueapi.records import Blame, WorkerRow
from queueapi.serializer import error_dumps

_LOST = error_dumps("WorkerLost", "the worker process that ran the job ended, or its machine did")

# How often, in seconds. Promotion bounds how late a scheduled job begins; rescue only adds to the lease.
PROMOTE, STUCK, SWEEP, LIMITS, RESCUE, REGISTER, PRUNE = 1.0, 1.0, 1.0, 1.0, 5.0, 10.0, 60.0
# What the clock has seen is not to be done needs no look of our own for so long: it looks more often than that.
LATELY = 1.5
# A dead process's last claim may still be under way in the server when we hear of the death: look again, so long after.
AGAIN = (0.5, 5.0)


class Dead(NamedTuple):
    """A dead process: who it was, who loses an attempt for it, when to release what it held, and how long after that
    again."""

    worker: UUID
    blamed: Sequence[Blame]
    at: float
    again: tuple[float, ...]


class Duty:
    """Something to do every so many seconds; ``due`` is when next, ``off`` until when there is nothing to do."""

    def __init__(self, every: float, run: Callable[[], None]) -> None:
        self.due = self.off = 0.0
        self._every = every
        self._run = run

    @property
    def at(self) -> float:
        """When it has its next turn."""
        return max(self.due, self.off)

    def hurry(self) -> None:
        """There is something to do now."""
        self.due = self.off = 0.0

    def turn(self) -> None:
        """Do it if it is due."""
        now = time.monotonic()
        if now >= self.at:
            # Noted first: what fails (a table locked by a backup, a right that is missing) waits for its next turn,
            # and does not keep the others from theirs.
            self.due = now + self._every
            self._run()


class Maintenance:
    """1. releases at once what a dead process of ours held; 2. promotes scheduled jobs whose time has come;
    3. says which of our processes are alive; 4. rescues jobs whose lease ran out, whoever had them; 5. releases what
    our processes that are stuck have not begun; 6. prunes, and names jobs that nothing will ever let begin;
    7. completes batches that ended without anybody seeing it; 8. brings back what limits and pauses have blocked, when
    nobody else did.

    Every supervisor does all of it; the statements skip what another is doing.

    Args:
        upkeep: on a connection of its own.
        lease: seconds.
        alive: the processes of this moment.
        release_stuck: the fifth duty.
    """

    def __init__(
        self,
        upkeep: Upkeep,
        lease: float,
        alive: Callable[[], Sequence[WorkerRow]],
        release_stuck: Callable[[], None],
        events: Events,
    ) -> None:
        self._upkeep = upkeep
        self._alive = alive
        self._events = events
        # After an outage every lease is past its time, also those of living processes: they renew first. Theirs try
        # again every two seconds at the longest.
        self._patience = max(lease / 2, 3.0)
        self._promotion = Duty(PROMOTE, self._promote)
        self._register = Duty(REGISTER, self._say_who_lives)
        # A lease may be far shorter than the default, and nobody should wait several of them.
        self._rescue = Duty(min(RESCUE, lease / 2), self._rescue_all)
        self._limits = Duty(LIMITS, self._bring_back)
        self._sweep = Duty(SWEEP, upkeep.batches.sweep)
        others = (Duty(STUCK, release_stuck), Duty(PRUNE, self._prune))
        self._duties = (self._promotion, self._register, self._rescue, self._limits, self._sweep, *others)
        self._dead: list[Dead] = []
        self.loop = Loop("maintenance", self._tick, events)

    def release(self, worker: UUID, blamed: Sequence[Blame]) -> None:
        """A process is dead, and these jobs lose an attempt for it."""
        self._dead.append(Dead(worker, blamed, time.monotonic(), AGAIN))
        self.loop.wake()

    def register_now(self) -> None:
        """Our processes have changed."""
        self._register.hurry()
        self.loop.wake()

    def told(self, ahead: Ahead) -> None:
        """What the clock has just seen. Whoever is not told looks for himself."""
        later = (now := time.monotonic()) + LATELY
        self._limits.off = 0.0 if ahead.blocked else later
        self._sweep.off = 0.0 if ahead.open else later
        self._promotion.due = 0.0
        self._promotion.off = later if ahead.scheduled is None else min(later, now + ahead.scheduled)
        self.loop.wake()

    def finish(self) -> None:
        """The last releases, once the loop has stopped."""
        try:
            self._release(list(self._dead))
        except StoreUnavailable:
            pass  # whoever is up when the leases run out rescues them

    def _tick(self) -> float:
        now = time.monotonic()
        try:
            self._release([dead for dead in self._dead if dead.at <= now])
            for duty in self._duties:
                duty.turn()
        except StoreUnavailable:
            self._rescue.due = now + self._patience
            raise
        soonest = min([duty.at for duty in self._duties] + [dead.at for dead in self._dead])
        return max(0.0, soonest - time.monotonic())

    def _release(self, processes: Sequence[Dead]) -> None:
        for dead in processes:
            self._tell("released", self._upkeep.release(dead.worker, dead.blamed))
            self._upkeep.forget(dead.worker)
            self._dead.remove(dead)
            if dead.again:
                self._dead.append(dead._replace(at=dead.at + dead.again[0], again=dead.again[1:]))

    def _promote(self) -> None:
        next_due = self._upkeep.promote()
        if next_due is not None:
            self._promotion.due = time.monotonic() + min(PROMOTE, max(0.001, next_due))

    def _say_who_lives(self) -> None:
        if workers := self._alive():
            self._upkeep.register(workers)

    def _rescue_all(self) -> None:
        while rows := self._upkeep.rescue(_LOST, self._patience):  # it takes a thousand at a time
            self._tell("rescued", rows)

    def _bring_back(self) -> None:
        self._limits.due = time.monotonic() + self._upkeep.admitting.look()

    def _prune(self) -> None:
        self._upkeep.partition()
        self._upkeep.prune()
        self._upkeep.admitting.prune()
        for id_, reason in self._upkeep.admitting.stranded():
            self._events.emit("stranded", id=id_, reason=reason)

    def _tell(self, what: str, rows: Rows) -> None:
        if rows:
            self._limits.hurry()  # they may have had places
        for row in rows:
            self._events.emit(what, row=row)
