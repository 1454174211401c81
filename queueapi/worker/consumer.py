"""Claims jobs and runs them in slots."""

from __future__ import annotations

import secrets
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

import gevent
from gevent.event import Event

from queueapi.claims import Claimed
from queueapi.events import Events
from queueapi.executor import Executor
from queueapi.loop import Loop
from queueapi.postgres.store import Store
from queueapi.settings import Settings
from queueapi.worker.admission import Admitted
from queueapi.worker.board import Board
from queueapi.worker.finisher import UNWRITTEN, Finisher
from queueapi.worker.order import Order
from queueapi.worker.rate import Rate
from queueapi.worker.runs import EVERY, Runs, returned
from queueapi.worker.sleeper import Sleeper
from queueapi.worker.slots import Slots
from queueapi.worker.stacks import Busy

# A claim of more gains nothing: at 500 rows the round trip is 2 % of its time.
BATCH = 500
# Jobs are fetched ahead for this long, at the rate at which they ended lately: the next claim is on its way while
# these run, and nothing that another process could begin now waits here for longer than that.
AHEAD = 0.1
# What was fetched ahead and has not begun in this time is returned: all slots are stuck in long jobs.
STALE = 1.0

# A claimed job that waits for a slot, and when the claim was sent, before its lease began.
Fetched = tuple[Claimed, float]


class Consumer:
    """1. claims as many jobs as there is room for, and tells who watches them; 2. runs them in slots; 3. sleeps when
    there is nothing, having asked to be woken; 4. ends a job whose lease was lost; 5. returns what it fetched and
    cannot begin; 6. stops: claims no more, waits for what runs, interrupts the rest.

    Args:
        store: on a connection of its own. Its commits need not be durable: a claim that a crash of the server
            takes back is a lease lost like any other.
        admit: says which of a claim's jobs may begin; on the same connection.
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
        admit: Callable[[list[Claimed]], Admitted] = Admitted.all,
    ) -> None:
        self._store = store
        self._admit = admit
        self._finisher = finisher
        self._board = board
        self._settings = settings
        self._worker = worker
        self._sleeper = sleeper
        self._order = Order(settings.queues, store.queues)
        self._slots: Slots[Fetched] = Slots(settings.concurrency, self._serve)
        self._runs = Runs(store, finisher, executor, board, self._slots.throw)
        self._running = self._runs.running
        self._rate = Rate()
        self._fresh = settings.lease / 2  # what was asked for longer ago than that may not be ours by now
        self._last_moved = 0.0  # when something was fetched, or began
        self._unheard: list[int] = []  # tokens of claims whose answer never came
        self._hungry = False
        self.drained = Event()  # a claim found nothing while nothing was running
        self._idle = False
        self.spent = Event()  # as many jobs have begun as this process may run
        self._begun = 0
        self._most = settings.max_jobs or sys.maxsize
        self._quiet = False
        self.loop = Loop("consumer", self._tick, events)
        finisher.on_written = self._feed

    @property
    def busy(self) -> int:
        """How many slots run a job."""
        return len(self._running)

    @property
    def mood(self) -> str:
        """Why it claims nothing, in a word; nothing if it does."""
        return "finishing, " if self.loop.stopping else "quiet, " if self._quiet else ""

    def running(self) -> list[Busy]:
        """What runs, and where."""
        since = {(held.id, held.token): held.since for held in self._board.held()}
        return [
            Busy(slot, job, self._slots.runner(slot), since.get((job.id, job.token), time.monotonic()))
            for slot, job in self._running.items()
        ]

    def be_quiet(self, quiet: bool) -> None:
        """Claim nothing for now, or claim again. What was claimed is run."""
        self._quiet = quiet
        self.loop.wake()

    def start(self) -> None:
        """Open the slots and start claiming."""
        self._slots.open()
        self.loop.start()

    # -- claiming

    def _tick(self) -> float:
        self._runs.look()
        room = self._room()
        if room <= 0:
            return self._without_room()
        self._hungry = False
        found = self._claim(room)
        idle = not found and not self._running and not self._slots.waiting and not self._finisher.waiting
        if idle and self._idle:  # twice: what had just ended may have brought others back after the first look
            self.drained.set()
        self._idle = idle
        wait = self._sleeper.rest(found=found, room=room)
        return min(wait, EVERY) if found or self._running else wait  # what was found runs in a moment

    def _claim(self, room: int) -> int:
        if self._unheard:
            self._store.return_claims(self._worker, self._unheard)
            self._unheard.clear()
        # One token for all of one claim: with the id it names one attempt, and no two claims share one.
        token = secrets.randbits(63)
        asked = time.monotonic()
        try:
            claimed = self._store.claim(self._order.next(), room, token, self._worker, self._settings.lease)
            begin, back = self._admit(claimed)
        except Exception:  # whichever of the two it was: what is still claimed has not begun
            self._unheard.append(token)
            raise
        if len(claimed) < room:
            self._order.unfilled()
        if claimed:
            self._last_moved = time.monotonic()
        for job in back:
            self._return(job)
        for job in begin:
            if self.loop.stopping:  # nobody waits for this answer any more
                self._return(job)
            else:
                self._slots.put((job, asked))
        self._store.tell_watchers([(job.id, True) for job in begin if job.watched])
        return len(claimed)

    # The rule: a claim takes what the slots can begin at once, and what they will have begun by the time of the next
    # claim. A tick that finds no room leaves _hungry behind; every slot that becomes free and every outcome that is
    # written looks again, and wakes the loop if there is room by then. Who was not hungry is not woken: its own wait
    # is shorter.

    def _room(self) -> int:
        if self._quiet:
            return 0
        ahead = min(BATCH, self._rate.expected(AHEAD))
        free = self._settings.concurrency - len(self._running)
        left = self._most - self._begun - self._slots.waiting
        # Who ends jobs faster than the database takes their outcomes claims no more until it has: what is lost if
        # this process dies now, and what runs twice, stays small.
        return min(BATCH, free + ahead - self._slots.waiting, UNWRITTEN - self._finisher.waiting, left)

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
        for job, _ in self._slots.take_out():
            self._return(job)

    def _return(self, job: Claimed) -> None:
        self._finisher.add(returned(job), job, begun=False)

    # -- running

    def _serve(self, slot: int, fetched: Fetched) -> None:
        job, asked = fetched
        self._last_moved = now = time.monotonic()
        row = self._board.hold(job.id, job.token, now)
        # After the hold: the supervisor says "void" and then reads the board, so that one of us sees the other.
        if asked <= now - self._fresh or asked <= self._board.void:
            self._return(job)
            return
        self._begun += 1
        if self._begun >= self._most:
            self.spent.set()
        self._finisher.add(self._runs.run(slot, job, row), job)
        self._rate.note()
        self._feed()

    def heard(self, payload: str) -> None:
        """Something was said to this process: there may be jobs, or one is to stop."""
        self._runs.heard(payload)
        self.loop.wake()

    # -- stopping

    def stop_claiming(self) -> None:
        """Claim no more, and return what has not begun. Takes a few seconds at most, whatever the database does."""
        ended = self.loop.stop(timeout=1.0)
        self._runs.halt()
        self._return_fetched()
        self._slots.close()
        if ended:  # the connection is free
            try:
                with gevent.Timeout(1.0):
                    self._sleeper.withdraw(quietly=True)
            except gevent.Timeout:
                pass  # the note that we sleep runs out by itself

    def join(self, timeout: float | None, unless: Event | None = None) -> bool:
        """Wait for the running jobs, unless that happens before. Whether all have ended."""
        ended = self._slots.ended()
        awaited: list[Any] = [ended] if unless is None else [ended, unless]
        gevent.wait(awaited, timeout=timeout, count=1)
        return not self._running

    def interrupt_all(self) -> Sequence[Claimed]:
        """End what still runs, uncharged. Returns what would not: it holds on against being interrupted."""
        self._runs.interrupt_all()
        self.join(0.5)
        left = list(self._running.values())
        for job in left:
            self._finisher.add(returned(job), job)
        return left
