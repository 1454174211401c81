"""What keeps the tables in order: nobody has to run a clean-up by hand."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple
from uuid import UUID

from queueapi.errors import StoreUnavailable
from queueapi.events import Events
from queueapi.loop import Loop
from queueapi.postgres.statements import Rows
from queueapi.postgres.upkeep import Upkeep
from queueapi.records import WorkerRow
from queueapi.serializer import error_dumps

_LOST = error_dumps("WorkerLost", "the worker process that ran the job ended, or its machine did")

# How often, in seconds. Promotion bounds how late a scheduled job begins; rescue only adds to the lease.
PROMOTE, RELIEVE, RESCUE, REGISTER, PRUNE = 1.0, 1.0, 5.0, 10.0, 60.0
# A dead process's last claim may still be under way in the server when we hear of the death: look again, so long after.
AGAIN = (0.5, 5.0)


class Burial(NamedTuple):
    """A dead process: who it was, what it ran, when to give back what it held, and how long after that again."""

    worker: UUID
    running: list[int]
    at: float
    again: tuple[float, ...]


class Maintenance:
    """1. gives back at once what a dead process of ours held; 2. promotes scheduled jobs whose time has come;
    3. says which of our processes are alive; 4. rescues jobs whose lease ran out, whoever had them; 5. relieves our
    processes that are stuck; 6. prunes.

    Every supervisor does all of it; the statements skip what another is doing.

    Args:
        upkeep: on a connection of its own.
        lease: seconds.
        alive: the processes of this moment.
        relieve: takes from those that are stuck what they have not begun.
    """

    def __init__(
        self,
        upkeep: Upkeep,
        lease: float,
        alive: Callable[[], Sequence[WorkerRow]],
        relieve: Callable[[], None],
        events: Events,
    ) -> None:
        self._upkeep = upkeep
        self._alive = alive
        self._relieve = relieve
        self._events = events
        # After an outage every lease is past its time, also those of living processes: they renew first.
        self._patience = lease / 2
        self._rescue_from = 0.0
        # A lease may be far shorter than the default, and nobody should wait several of them.
        self._rescue_every = min(RESCUE, lease / 2)
        self._due: dict[Callable[[], None], float] = {}
        self._burials: list[Burial] = []
        self.loop = Loop("maintenance", self._tick, events)

    def bury(self, worker: UUID, running: Iterable[int]) -> None:
        """A process is dead; ``running`` were the jobs on its board."""
        self._burials.append(Burial(worker, list(running), time.monotonic(), AGAIN))
        self.loop.wake()

    def register_now(self) -> None:
        """Our processes have changed."""
        self._due.pop(self._register, None)
        self.loop.wake()

    def finish(self) -> None:
        """The last burials, once the loop has stopped."""
        try:
            self._bury(list(self._burials))
        except StoreUnavailable:
            pass  # whoever is up when the leases run out rescues them

    def _tick(self) -> float:
        now = time.monotonic()
        try:
            self._bury([burial for burial in self._burials if burial.at <= now])
            wait = self._promote()
            self._every(REGISTER, self._register)
            if now >= self._rescue_from:
                self._every(self._rescue_every, self._rescue)
            self._every(RELIEVE, self._relieve)
            self._every(PRUNE, self._prune)
        except StoreUnavailable:
            self._rescue_from = now + self._patience
            raise
        return min([wait, *(max(0.0, burial.at - time.monotonic()) for burial in self._burials)])

    def _every(self, seconds: float, duty: Callable[[], None]) -> None:
        now = time.monotonic()
        if now >= self._due.get(duty, 0.0):
            # Noted first: what fails (a table locked by a backup, a right that is missing) waits for its next turn,
            # and does not keep the others from theirs.
            self._due[duty] = now + seconds
            duty()

    def _bury(self, burials: Sequence[Burial]) -> None:
        for burial in burials:
            self._tell(self._upkeep.release(burial.worker, burial.running, _LOST))
            self._upkeep.forget(burial.worker)
            self._burials.remove(burial)
            if burial.again:
                later = burial._replace(at=burial.at + burial.again[0], again=burial.again[1:])
                self._burials.append(later)

    def _promote(self) -> float:
        next_due = self._upkeep.promote()
        return PROMOTE if next_due is None else min(PROMOTE, max(0.001, next_due))

    def _rescue(self) -> None:
        while rows := self._upkeep.rescue(_LOST):  # it takes a thousand at a time
            self._tell(rows)

    def _register(self) -> None:
        if workers := self._alive():
            self._upkeep.register(workers)

    def _prune(self) -> None:
        self._upkeep.partition()
        self._upkeep.prune()

    def _tell(self, rows: Rows) -> None:
        for row in rows:
            self._events.emit("rescued", row=row)
