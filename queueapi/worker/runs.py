"""What runs in the slots, and what is raised in it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

from gevent import get_hub

from queueapi.claims import Claimed
from queueapi.executor import Executor, cancelled
from queueapi.interrupts import Cancelled, HardTimeout, Interrupted, Interruption, SoftTimeout
from queueapi.postgres.store import CANCEL, Store
from queueapi.records import Outcome
from queueapi.reporting import Reporter
from queueapi.serializer import error_dumps
from queueapi.states import State
from queueapi.worker.board import NOBODY, Board
from queueapi.worker.finisher import Finisher

# A notification that was lost costs a cancelled job so many seconds more, once or twice.
EVERY: Final = 1.0

Throw = Callable[[int, BaseException], None]


class Runs:
    """1. runs an attempt in a slot, within its time limits; 2. ends those whose lease was lost, and those that somebody
    has cancelled; 3. tells them that the worker stops; 4. interrupts them.

    Args:
        store: asked who is cancelled, in the consumer's loop.
        throw: raises in what runs in a slot; called in the hub.

    Attributes:
        running: slot -> what runs in it.
    """

    def __init__(self, store: Store, finisher: Finisher, executor: Executor, board: Board, throw: Throw) -> None:
        self._store = store
        self._finisher = finisher
        self._executor = executor
        self._board = board
        self._throw = throw
        self.running: dict[int, Claimed] = {}
        self._reporters: dict[int, Reporter] = {}  # of what runs in a slot, or did last
        self._losses = 0  # as many on the board were dealt with
        self._heard: set[int] = set()  # jobs of which was said that they are cancelled
        self._doomed: set[tuple[int, int]] = set()  # claimed, cancelled, and not begun
        self._present: set[tuple[int, int]] = set()  # what ran when we looked last
        self._look_at = 0.0

    def run(self, slot: int, job: Claimed, row: int) -> Outcome:
        """Run the attempt; ``row`` is its place on the board."""
        reporter = self._finisher.reporter(job)
        reporter.row = row
        self.running[slot], self._reporters[slot] = job, reporter
        limits = None
        try:
            if self._doomed and (job.id, job.token) in self._doomed:
                return cancelled(job)
            if job.special is not None:
                limits = self._limit(slot, job, row)
            return self._executor.execute(job, reporter)
        except Interruption as error:  # just after run() had returned
            return cancelled(job) if isinstance(error, Cancelled) else returned(job)
        except BaseException as error:  # whatever it is, the job must not stay on the board
            text = error_dumps(type(error).__qualname__, "raised by the result while it was written down")
            return Outcome(job.id, job.token, State.DEAD, error=text)
        finally:
            del self.running[slot]
            reporter.row = NOBODY  # what it leaves running is not it any more
            if limits is not None:
                limits.close()

    def _limit(self, slot: int, job: Claimed, row: int) -> _Limits | None:
        options = job.more().options
        soft, hard = options.get("timeout"), options.get("hard_timeout")
        if soft is None and hard is None:
            return None
        limits = _Limits(self._board, row)
        if soft is not None:
            limits.after(soft, lambda: self._raise(slot, job, SoftTimeout(soft)))
        if hard is not None:
            self._board.limit(row, hard)
            limits.hard = True
            limits.after(hard, lambda: self._raise(slot, job, HardTimeout(job)))
        return limits

    # -- ending what runs

    def heard(self, payload: str) -> None:
        """Something was said to this process: perhaps that a job is cancelled. A hint; the row is the truth."""
        word, _, number = payload.partition(" ")
        if word == CANCEL and number.isdecimal() and len(number) < 19:  # anybody may say anything here
            self._heard.add(int(number))

    def look(self) -> None:
        """End what is to end."""
        if self._losses != (losses := self._board.losses):
            self._losses = losses
            lost = {(held.id, held.token) for held in self._board.held() if held.lost}
            self._end(lost, Interrupted)
        ids = self._heard | self._long_running()
        if ids:
            found = self._store.cancelled(ids)
            self._heard -= ids
            self._doomed = self._end(found, Cancelled)

    def _long_running(self) -> set[int]:
        """What ran at the last look already, if it is time for another: short jobs cost no question."""
        now = time.monotonic()
        if now < self._look_at:
            return set()
        self._look_at = now + EVERY
        present = {(job.id, job.token) for job in self.running.values()}
        still, self._present = present & self._present, present
        return {id_ for id_, _ in still}

    def _end(self, attempts: set[tuple[int, int]], error: type[Interruption]) -> set[tuple[int, int]]:
        """Raise that in those of the attempts that run. The others."""
        found = [(slot, job) for slot, job in self.running.items() if (job.id, job.token) in attempts]
        for slot, job in found:
            if not self._reporters[slot].cancelled:
                self._interrupt(slot, error(job), job)
        return attempts - {(job.id, job.token) for _, job in found}

    def _interrupt(self, slot: int, error: BaseException, job: Claimed) -> None:
        # From the hub, where no greenlet can have moved on between the look and the throw.
        get_hub().loop.run_callback(self._raise, slot, job, error)

    def _raise(self, slot: int, job: Claimed, error: BaseException) -> None:
        if self.running.get(slot) is job:
            self._reporters[slot].cancelled |= isinstance(error, Cancelled)
            self._throw(slot, error)

    # -- stopping

    def halt(self) -> None:
        """Let those that can go on elsewhere end where they are."""
        for slot, job in self.running.items():
            self._reporters[slot].halt = Interrupted(job)

    def interrupt_all(self) -> None:
        """End what runs, uncharged."""
        for slot, job in self.running.items():
            self._interrupt(slot, Interrupted(job), job)


class _Limits:
    """The time limits of one attempt."""

    def __init__(self, board: Board, row: int) -> None:
        self._board = board
        self._row = row
        self._timers: list[Any] = []
        self.hard = False

    def after(self, seconds: float, do: Callable[[], None]) -> None:
        """Do that in the hub, so much later."""
        timer = get_hub().loop.timer(seconds)
        timer.start(do, update=True)
        self._timers.append(timer)

    def close(self) -> None:
        """It has ended in time, or not at all."""
        for timer in self._timers:
            timer.stop()
            timer.close()
        if self.hard:
            self._board.unlimit(self._row)


def returned(job: Claimed) -> Outcome:
    """It goes back as it was."""
    return Outcome(job.id, job.token, State.AVAILABLE, charged=False)

