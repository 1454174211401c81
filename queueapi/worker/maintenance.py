"""What keeps the tables in order: nobody has to run a clean-up by hand."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from uuid import UUID

from queueapi.errors import StoreUnavailable
from queueapi.events import Events
from queueapi.loop import Loop
from queueapi.postgres.sessions import Rows
from queueapi.postgres.upkeep import Upkeep
from queueapi.records import WorkerRow
from queueapi.serializer import error_dumps

_LOST = error_dumps("WorkerLost", "the worker process that ran the job ended, or its machine did")

# How often, in seconds. Promotion bounds how late a scheduled job begins; rescue only adds to the lease.
PROMOTE, RESCUE, REGISTER, PRUNE = 1.0, 5.0, 10.0, 60.0


class Maintenance:
    """1. gives back at once what a dead process of ours held; 2. promotes scheduled jobs whose time has come;
    3. rescues jobs whose lease ran out, whoever had them; 4. says which of our processes are alive; 5. prunes.

    Every supervisor does all of it; the statements skip what another is doing.

    Args:
        upkeep: on a connection of its own.
        lease: seconds.
        alive: the processes of this moment.
    """

    def __init__(self, upkeep: Upkeep, lease: float, alive: Callable[[], Sequence[WorkerRow]], events: Events) -> None:
        self._upkeep = upkeep
        self._alive = alive
        self._events = events
        # After an outage every lease is past its time, also those of living processes: they renew first.
        self._patience = lease / 2
        self._rescue_from = 0.0
        self._due: dict[Callable[[], None], float] = {}
        self._buried: deque[tuple[UUID, list[int]]] = deque()
        self.loop = Loop("maintenance", self._tick, events)

    def bury(self, worker: UUID, running: Iterable[int]) -> None:
        """A process is dead; ``running`` were the jobs on its board."""
        self._buried.append((worker, list(running)))
        self.loop.wake()

    def register_now(self) -> None:
        """Our processes have changed."""
        self._due.pop(self._register, None)
        self.loop.wake()

    def finish(self) -> None:
        """The last burials, once the loop has stopped."""
        try:
            self._bury_all()
        except StoreUnavailable:
            pass  # whoever is up when the leases run out rescues them

    def _tick(self) -> float:
        now = time.monotonic()
        try:
            self._bury_all()
            self._every(REGISTER, self._register)
            if now >= self._rescue_from:
                self._every(RESCUE, self._rescue)
            self._every(PRUNE, self._prune)
            return self._promote()
        except StoreUnavailable:
            self._rescue_from = now + self._patience
            raise

    def _every(self, seconds: float, duty: Callable[[], None]) -> None:
        now = time.monotonic()
        if now >= self._due.get(duty, 0.0):
            duty()
            self._due[duty] = now + seconds

    def _bury_all(self) -> None:
        while self._buried:
            worker, running = self._buried[0]
            self._tell(self._upkeep.release(worker, running, _LOST))
            self._upkeep.forget(worker)
            self._buried.popleft()

    def _promote(self) -> float:
        next_due = self._upkeep.promote()
        return PROMOTE if next_due is None else min(PROMOTE, max(0.001, next_due))

    def _rescue(self) -> None:
        self._tell(self._upkeep.rescue(_LOST))

    def _register(self) -> None:
        if workers := self._alive():
            self._upkeep.register(workers)

    def _prune(self) -> None:
        self._upkeep.partition()
        self._upkeep.prune()

    def _tell(self, rows: Rows) -> None:
        for row in rows:
            self._events.emit("rescued", row=row)
