"""Claims jobs and runs them in slots."""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from uuid import UUID

import gevent
from gevent.event import Event
from gevent.queue import Empty, SimpleQueue

from queueapi.events import Events
from queueapi.executor import Executor, Interrupted
from queueapi.loop import Loop
from queueapi.postgres.store import Store
from queueapi.records import Claimed, Outcome
from queueapi.settings import Settings
from queueapi.states import State
from queueapi.worker.board import Board
from queueapi.worker.finisher import Finisher
from queueapi.worker.sleeper import Sleeper

# A claim of more gains nothing: at 500 rows the round trip is 2 % of its time.
BATCH = 500
# Jobs are fetched ahead for this long, at the rate at which they ended lately: the next claim is on its way while
# these run, and nothing that another process could begin now waits here for longer than that.
AHEAD = 0.1
# So many outcomes may wait to be written: two batches keep the finisher's connection busy.
UNWRITTEN = 2 * BATCH
# What was fetched ahead and has not begun in this time goes back: all slots are stuck in long jobs.
STALE = 1.0


class Consumer:
    """1. claims as many jobs as there is room for; 2. hands them to slots, each a greenlet that runs one at a time;
    3. sleeps when there is nothing, having asked to be woken; 4. ends a job whose lease was lost; 5. gives back
    what it fetched and cannot begin; 6. stops: claims no more, waits for what runs, interrupts the rest.

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
        self._events = events
        self._fetched: SimpleQueue[Claimed | None] = SimpleQueue()
        self._running: dict[int, Claimed] = {}  # slot -> what runs in it
        self._slots: list[gevent.Greenlet[..., None]] = []
        self._rate = Rate()
        self._last_begun = 0.0
        self._hungry = False  # the claim waits for room
        self.drained = Event()  # a claim found nothing while nothing was running
        self.loop = Loop("consumer", self._tick, events)
        finisher.on_written = self._feed

    @property
    def busy(self) -> int:
        """How many slots run a job."""
        return len(self._running)

    def start(self) -> None:
        """Open the slots and start claiming."""
        self._slots = [gevent.spawn(self._slot, number) for number in range(self._settings.concurrency)]
        self.loop.start()

    # -- claiming

    def _tick(self) -> float:
        self._end_lost()
        room = self._room()
        if room <= 0:
            return self._without_room()
        self._hungry = False
        claimed = self._claim(room)
        for job in claimed:
            self._fetched.put(job)
        if not claimed and not self._running and not self._finisher.waiting:
            self.drained.set()
        return self._sleeper.rest(found=len(claimed), room=room)

    def _claim(self, room: int) -> list[Claimed]:
        # One token for all of one claim: with the id it names one attempt, and no two claims share one.
        token = secrets.randbits(63)
        claimed = self._store.claim(self._settings.queues, room, token, self._worker, self._settings.lease)
        if claimed:
            self._last_begun = time.monotonic()
        return claimed

    def _room(self) -> int:
        ahead = min(BATCH, self._rate.expected(AHEAD))
        free = self._settings.concurrency - len(self._running)
        # Who ends jobs faster than the database takes their outcomes claims no more until it has: what is lost if
        # this process dies now, and what runs twice, stays small.
        return min(BATCH, free + ahead - self._fetched.qsize(), UNWRITTEN - self._finisher.waiting)

    def _without_room(self) -> float:
        if self._fetched.qsize() and time.monotonic() - self._last_begun > STALE:
            self._give_back()
        self._sleeper.withdraw()  # who cannot take a job must not be woken in another's place
        self._hungry = True
        return self._settings.poll

    def _give_back(self) -> None:
        while True:
            try:
                job = self._fetched.get_nowait()
            except Empty:
                return
            if job is not None:
                self._finisher.add(Outcome(job.id, job.token, State.AVAILABLE, charged=False), job)

    # -- running

    def _slot(self, number: int) -> None:
        while (claimed := self._fetched.get()) is not None:
            self._running[number] = claimed
            self._last_begun = time.monotonic()
            self._board.hold(number, claimed.id, claimed.token)
            try:
                outcome = self._executor.execute(claimed, self._finisher.reporter(claimed))
            finally:
                self._board.free(number)
                del self._running[number]
            self._rate.count += 1
            self._finisher.add(outcome, claimed)
            self._feed()

    def _feed(self) -> None:
        if self._hungry and self._room() > 0:
            self.loop.wake()

    def _end_lost(self) -> None:
        for held in self._board.held():
            if held.lost:
                self._interrupt(held.slot, held.token)

    def _interrupt(self, slot: int, token: int) -> None:
        # From the hub, where no greenlet can have moved on between the look and the throw.
        def throw() -> None:
            running = self._running.get(slot)
            if running is not None and running.token == token:
                self._slots[slot].throw(Interrupted)

        gevent.get_hub().loop.run_callback(throw)

    # -- stopping

    def stop_claiming(self) -> None:
        """Claim no more, and give back what has not begun."""
        self.loop.stop()
        self._sleeper.withdraw(quietly=True)
        self._give_back()
        for _ in self._slots:
            self._fetched.put(None)

    def join(self, timeout: float) -> bool:
        """Wait for the running jobs. Whether all have ended."""
        gevent.joinall(self._slots, timeout=timeout)
        return not self._running

    def interrupt_all(self) -> Sequence[Claimed]:
        """End what still runs, uncharged. Returns what would not: it computes without ever switching."""
        for slot, claimed in self._running.items():
            self._interrupt(slot, claimed.token)
        self.join(0.5)
        left = list(self._running.values())
        for job in left:
            self._finisher.add(Outcome(job.id, job.token, State.AVAILABLE, charged=False), job)
        return left


class Rate:
    """How many jobs end in a second, over the last few tenths."""

    def __init__(self) -> None:
        self.count = 0
        self._per_second = 0.0
        self._since = time.monotonic()

    def expected(self, seconds: float) -> int:
        """How many will end in that time, if it goes on so."""
        now = time.monotonic()
        if now - self._since >= 0.01:
            newest = self.count / (now - self._since)
            # Halfway to the newest each time: follows a burst in a few claims, and one slow job does not stop it.
            self._per_second += (newest - self._per_second) / 2
            self.count, self._since = 0, now
        return int(self._per_second * seconds)
