"""Claims jobs and runs them in slots."""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

import gevent
from gevent.event import Event

from queueapi.errors import StoreUnavailable
from queueapi.events import Events
from queueapi.executor import Executor, Interrupted
from queueapi.loop import Loop
from queueapi.postgres.store import Store
from queueapi.records import Claimed, Outcome
from queueapi.serializer import error_dumps
from queueapi.settings import Settings
from queueapi.states import State
from queueapi.worker.board import Board
from queueapi.worker.finisher import UNWRITTEN, Finisher
from queueapi.worker.order import Order
from queueapi.worker.rate import Rate
from queueapi.worker.sleeper import Sleeper
from queueapi.worker.slots import Slots

# A claim of more gains nothing: at 500 rows the round trip is 2 % of its time.
BATCH = 500
# Jobs are fetched ahead for this long, at the rate at which they ended lately: the next claim is on its way while
# these run, and nothing that another process could begin now waits here for longer than that.
AHEAD = 0.1
# What was fetched ahead and has not begun in this time is returned: all slots are stuck in long jobs.
STALE = 1.0


class Consumer:
    """1. claims as many jobs as there is room for, and tells who watches them; 2. runs them in slots; 3. sleeps when
    there is nothing, having asked to be woken; 4. ends a job whose lease was lost; 5. returns what it fetched and
    cannot begin; 6. stops: claims no more, waits for what runs, interrupts the rest.

    Args:
        store: on a connection of its own. Its commits need not be durable: a claim that a crash of the server
            takes back is a lease lost like any other.
    """

    def __init__(
        self,
        store: Store,
        finisher: Finisher,
        executor: Executor,
        board: Board,
        settings: Settings,
        worker: UUID,
        sleeper: Sleeper,
        events: Events,
    ) -> None:
        self._store = store
        self._finisher = finisher
        self._executor = executor
        self._board = board
        self._settings = settings
        self._worker = worker
        self._sleeper = sleeper
        self._order = Order(settings.queues, store.queues)
        self._slots: Slots[_Fetched] = Slots(settings.concurrency, self._serve)
        self._running: dict[int, Claimed] = {}  # slot -> what runs in it
        self._rate = Rate()
        self._last_moved = 0.0  # when something was fetched, or began
        self._unheard: list[int] = []  # tokens of claims whose answer never came
        self._hungry = False
        self._losses = 0  # as many on the board were dealt with
        self.drained = Event()  # a claim found nothing while nothing was running
        self.loop = Loop("consumer", self._tick, events)
        finisher.on_written = self._feed

    @property
    def busy(self) -> int:
        """How many slots run a job."""
        return len(self._running)

    def start(self) -> None:
        """Open the slots and start claiming."""
        self._slots.open()
        self.loop.start()

    # -- claiming

    def _tick(self) -> float:
        self._end_lost()
        room = self._room()
        if room <= 0:
            return self._without_room()
        self._hungry = False
        found = self._claim(room)
        if not found and not self._running and not self._slots.waiting and not self._finisher.waiting:
            self.drained.set()
        return self._sleeper.rest(found=found, room=room)

    def _claim(self, room: int) -> int:
        if self._unheard:
            self._store.return_claims(self._worker, self._unheard)
            self._unheard.clear()
        # One token for all of one claim: with the id it names one attempt, and no two claims share one.
        token = secrets.randbits(63)
        asked = time.monotonic()
        try:
            claimed = self._store.claim(self._order.next(), room, token, self._worker, self._settings.lease)
        except StoreUnavailable:
            self._unheard.append(token)
            raise
        if len(claimed) < room:
            self._order.unfilled()
        if claimed:
            self._last_moved = time.monotonic()
        for job in claimed:
            if self.loop.stopping:  # nobody waits for this answer any more
                self._return(job)
            else:
                self._slots.put(_Fetched(job, asked))
        self._store.tell_watchers(claimed)
        return len(claimed)

    # The rule: a claim takes what the slots can begin at once, and what they will have begun by the time of the next
    # claim. A tick that finds no room leaves _hungry behind; every slot that becomes free and every outcome that is
    # written looks again, and wakes the loop if there is room by then. Who was not hungry is not woken: its own wait
    # is shorter.

    def _room(self) -> int:
        ahead = min(BATCH, self._rate.expected(AHEAD))
        free = self._settings.concurrency - len(self._running)
        # Who ends jobs faster than the database takes their outcomes claims no more until it has: what is lost if
        # this process dies now, and what runs twice, stays small.
        return min(BATCH, free + ahead - self._slots.waiting, UNWRITTEN - self._finisher.waiting)

    def _without_room(self) -> float:
        self._hungry = True  # first: a slot may become free while the next lines wait for the database
        if self._slots.waiting and time.monotonic() - self._last_moved > STALE:
            self._return_fetched()
        self._sleeper.withdraw()  # who cannot take a job must not be woken in another's place
        return min(STALE, self._settings.poll)

    def _feed(self) -> None:
        if self._hungry and self._room() > 0:
            self.loop.wake()

    def _return_fetched(self) -> None:
        for fetched in self._slots.take_out():
            self._return(fetched.job)

    def _return(self, job: Claimed) -> None:
        self._finisher.add(_returned(job), job, begun=False)

    # -- running

    def _serve(self, slot: int, fetched: _Fetched) -> None:
        job = fetched.job
        self._last_moved = time.monotonic()
        self._board.hold(job.id, job.token)
        # After the hold: the supervisor says "void" and then reads the board, so that one of us sees the other.
        if fetched.asked <= max(self._board.void, self._last_moved - self._settings.lease / 2):
            self._return(job)
            return
        self._finisher.add(self._run(slot, job), job)
        self._rate.note()
        self._feed()

    def _run(self, slot: int, job: Claimed) -> Outcome:
        self._running[slot] = job
        try:
            return self._executor.execute(job, self._finisher.reporter(job))
        except Interrupted:  # just after run() had returned
            return _returned(job)
        except BaseException as error:  # whatever it is, the job must not stay on the board
            text = error_dumps(type(error).__qualname__, "raised by the result while it was written down")
            return Outcome(job.id, job.token, State.DEAD, error=text)
        finally:
            del self._running[slot]

    def _end_lost(self) -> None:
        if self._losses == (losses := self._board.losses):
            return
        self._losses = losses
        lost = {(held.id, held.token) for held in self._board.held() if held.lost}
        for slot, job in self._running.items():
            if (job.id, job.token) in lost:
                self._interrupt(slot, job)

    def _interrupt(self, slot: int, job: Claimed) -> None:
        # From the hub, where no greenlet can have moved on between the look and the throw.
        def throw() -> None:
            if self._running.get(slot) is job:
                self._slots.throw(slot, Interrupted(job))

        gevent.get_hub().loop.run_callback(throw)

    # -- stopping

    def stop_claiming(self) -> None:
        """Claim no more, and return what has not begun. Takes a few seconds at most, whatever the database does."""
        ended = self.loop.stop(timeout=1.0)
        self._return_fetched()
        self._slots.close()
        if ended:  # the connection is free
            try:
                with gevent.Timeout(1.0):
                    self._sleeper.withdraw(quietly=True)
            except gevent.Timeout:
                pass  # the note that we sleep runs out by itself

    def join(self, timeout: float, unless: Event | None = None) -> bool:
        """Wait for the running jobs, unless that happens before. Whether all have ended."""
        ended = self._slots.ended()
        awaited: list[Any] = [ended] if unless is None else [ended, unless]
        gevent.wait(awaited, timeout=timeout, count=1)
        return not self._running

    def interrupt_all(self) -> Sequence[Claimed]:
        """End what still runs, uncharged. Returns what would not: it holds on against being interrupted."""
        for slot, job in self._running.items():
            self._interrupt(slot, job)
        self.join(0.5)
        left = list(self._running.values())
        for job in left:
            self._finisher.add(_returned(job), job)
        return left


class _Fetched(NamedTuple):
    """A claimed job that waits for a slot; ``asked`` is when the claim was sent, before its lease began."""

    job: Claimed
    asked: float


def _returned(job: Claimed) -> Outcome:
    return Outcome(job.id, job.token, State.AVAILABLE, charged=False)
