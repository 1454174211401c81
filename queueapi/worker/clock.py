"""What looks at the clock: a process says which schedules its modules declare, and its supervisor keeps the time.

Not the process itself: a job that computes without a pause would stop its clock.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Sequence
from uuid import UUID

from queueapi.events import Events
from queueapi.loop import Loop
from queueapi.postgres.ahead import Ahead, look_ahead
from queueapi.postgres.connection import connect
from queueapi.postgres.crons import Crons
from queueapi.postgres.sessions import Dedicated
from queueapi.records import WorkerRow
from queueapi.settings import Settings
from queueapi.ticks import Cron
from queueapi.worker.orders import LOOK
from queueapi.worker.sentences import Sentences

# Another is pushing what is due: so long after it is done, or has failed.
BUSY = 0.02
# A process whose entry was lost (it stood still, and was taken for dead) is on the list again after so long.
SAY_AGAIN = 30.0


def on_time(settings: Settings) -> Dedicated:
    """A connection for a clock."""
    return Dedicated(lambda: connect(settings.database_url, "queueapi-work clock", settings.connect_timeout))


class Clock:
    """1. looks at everything once a second, and tells what there is to do; 2. pushes what is due of the schedules that
    our processes know; 3. sleeps until the next is.

    Every supervisor does it; the lock of a schedule's row lets one of them push.

    Args:
        session: a connection of its own.
        alive: our processes of this moment. Without any, there is no look.
        tell: called with what each look has seen.
        poll: the safety polls' interval. It looks as often, but once a second at least: that bounds how late a schedule
            that is new, or was resumed, begins.
    """

    def __init__(
        self,
        session: Dedicated,
        alive: Callable[[], Sequence[UUID]],
        events: Events,
        tell: Callable[[Ahead], None] = lambda _: None,
        poll: float = LOOK,
    ) -> None:
        self._session = session
        self._crons = Crons(session)
        self._alive = alive
        self._events = events
        self._tell = tell
        self._every = min(LOOK, poll)
        self.loop = Loop("clock", self._tick, events)

    def _tick(self) -> float:
        workers = self._alive()
        wait = self._look(workers)
        if wait > 0:
            return wait
        while tick := self._crons.push_due(workers):
            self._events.emit("ticked", tick=tick)
        return max(BUSY, self._look(workers))

    def _look(self, workers: Sequence[UUID]) -> float:
        if not workers:
            return self._every
        ahead = look_ahead(self._session, workers)
        self._tell(ahead)
        return self._every if ahead.tick is None else min(self._every, ahead.tick)


class Registrar:
    """1. says what this process's schedules are; 2. says, then and every half minute, that it knows them.

    Args:
        session: a connection for it; closed between its uses.
    """

    def __init__(self, session: Dedicated, crons: Sequence[Cron], worker: UUID, settings: Settings, events: Events):
        self._session = session
        self._declared = list(crons)
        self._unsaid = list(crons)
        name = f"{socket.gethostname()}:{os.getpid()}"
        self._row = WorkerRow(worker, name, list(settings.queues), settings.concurrency)
        self.loop = Loop("schedules", self._tick, events)

    def start(self) -> None:
        """Say so from now on, if there is anything to say."""
        if self._declared:
            self.loop.start()

    def _tick(self) -> float:
        crons = Crons(self._session)
        try:
            if self._unsaid:
                crons.register(self._unsaid)
                self._unsaid = []
            crons.know(self._row, [cron.name for cron in self._declared])
        finally:
            self._session.close()
        return SAY_AGAIN


def tell_schedules(crons: Sequence[Cron], worker: UUID, settings: Settings) -> None:
    """Have a process say what its schedules are, from now on."""
    Registrar(on_time(settings), crons, worker, settings, Events(Sentences(settings.verbose))).start()
