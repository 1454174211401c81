"""Writes down how attempts ended, and how far the others are."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from queueapi.claims import Claimed
from queueapi.errors import StoreUnavailable
from queueapi.events import Events
from queueapi.loop import Loop
from queueapi.postgres.sessions import Dedicated
from queueapi.postgres.statements import Rows
from queueapi.postgres.store import Store
from queueapi.records import Outcome
from queueapi.reporting import INTERVAL, Reporter
from queueapi.states import State
from queueapi.worker.board import Board
from queueapi.worker.fitting import progress_of
from queueapi.worker.linked import Linker, links
from queueapi.worker.recorder import Recorder

# More in one statement gains nothing: 500 rows take about 8 ms, and their watchers wait that long.
BATCH = 500
# Nor may one statement be of any size: 500 results of a megabyte each would be copied about four times on their way.
BATCH_BYTES = 8_000_000
# So many outcomes may wait to be written: two batches keep the connection busy.
UNWRITTEN = 2 * BATCH
# An outcome counts once, and once more for so many bytes: those that wait take some 16 MB at most.
UNIT = 16_384


# (id, token). An id alone may be two attempts at once: a run that lost its lease, and the one that has it.
Attempt = tuple[int, int]


class Ended(NamedTuple):
    """An attempt that has ended.

    Attributes:
        begun: False for a job that was only claimed, and is returned.
        bytes: what it takes to write down, roughly.
    """

    outcome: Outcome
    job: Claimed
    begun: bool
    bytes: int


class Finisher:
    """1. collects outcomes and writes all that there are in one statement, while the next collect; 2. retries what
    the database did not take, until it does; 3. takes off the board what is written; 4. stores progress, a few times
    a second for each job; 5. tells the watchers; 6. says which leases were lost: their outcomes changed nothing.

    Args:
        session: a connection of its own. Its commits are durable: a finished job stays finished.
        result_ttl: seconds that finished jobs are kept.
        board: what has ended stays on it until it is written: its lease must hold that long.
        free: told what has ended, once it is written, so that others may begin; on the same connection.

    Attributes:
        on_written: called after every write, when there is room for more.
    """

    def __init__(
        self,
        session: Dedicated,
        result_ttl: float,
        board: Board,
        events: Events,
        free: Callable[[list[Claimed]], None] = lambda _: None,
    ) -> None:
        self._session = session
        self._free = free
        self._store = Store(session)
        self._linker = Linker(session, result_ttl)
        self._recorder = Recorder(self._store, result_ttl, events, self._linker)
        self._board = board
        self._events = events
        self._ended: list[Ended] = []
        self._bytes = 0
        self._unsure: set[Attempt] = set()  # whose statement broke off
        self._untold: Rows = []  # watched, and their watchers do not know yet
        self._news: dict[Attempt, tuple[Claimed, Reporter]] = {}
        self._reported: set[Attempt] = set()
        self._stored = threading.Event()
        self._to = (self._report_now, self._note)  # bound once: every job has a reporter
        self.on_written: Callable[[], None] = lambda: None
        self._loop = Loop("finisher", self._tick, events)

    def start(self) -> None:
        """Start writing."""
        self._loop.start()

    def add(self, outcome: Outcome, job: Claimed, begun: bool = True) -> None:
        """An attempt has ended."""
        size = 0
        if outcome.result is not None or outcome.error is not None:
            size = len(outcome.result or "") + len(outcome.error or "")
            self._bytes += size
        self._ended.append(Ended(outcome, job, begun, size))
        self._loop.wake()

    @property
    def waiting(self) -> int:
        """How many outcomes are not written yet; a large one counts for several."""
        return len(self._ended) + self._bytes // UNIT

    def flush(self, timeout: float) -> bool:
        """Write what is there and stop. False if the database did not take it in time."""
        until = time.monotonic() + timeout
        if not self._loop.stop(timeout):
            return False  # it is in the middle of a statement, and the connection is its own
        while self._ended and time.monotonic() < until:
            try:
                self._write()
            except StoreUnavailable:
                time.sleep(0.1)
            except Exception as error:
                self._events.emit("loop_failed", who="finisher", error=error)
                break
        self._session.close()
        return not self._ended

    def _tick(self) -> float:
        self._tell_watchers()
        self._write()
        reported = self._write_progress()
        if self._ended:
            return 0.0
        # A report that comes right after the last was stored waits for this look.
        return INTERVAL if reported or self._news else 60.0

    # -- outcomes

    def _write(self) -> None:
        batch = self._batch()
        if not batch:
            return
        special = [ended for ended in batch if ended.job.special is not None]
        linked = links((ended.outcome, ended.job) for ended in special)
        try:
            rows = self._recorder.outcomes([ended.outcome for ended in batch], linked)
            lost = self._lost(batch, rows)
        except BaseException:
            self._unsure.update(ended.job[:2] for ended in batch)
            raise
        self._untold += [row for row in rows if row[-1]]
        self._take_off(batch)
        if special:  # after: what goes wrong there must not have these written again
            self._free([ended.job for ended in special])
        self._say(batch, lost)
        self._tell_watchers()
        if self._reported and (over := self._reported.intersection(ended.job[:2] for ended in batch)):
            self._reported -= over
            self._store.forget_progress(list(over))
        self._linker.complete(linked)

    def _batch(self) -> list[Ended]:
        if self._bytes <= BATCH_BYTES:
            return self._ended[:BATCH]
        size = 0
        for number, ended in enumerate(self._ended[:BATCH]):
            size += ended.bytes
            if number and size > BATCH_BYTES:
                return self._ended[:number]
        return self._ended[:BATCH]

    def _lost(self, batch: Sequence[Ended], rows: Rows) -> set[Attempt]:
        """Those whose lease was lost."""
        written = {row[:2] for row in rows}
        missing = [ended.outcome for ended in batch if ended.job[:2] not in written]
        unsure = [outcome for outcome in missing if outcome[:2] in self._unsure]
        if unsure:
            # The statement may have been carried out although its answer never came. Then what is final is on
            # record; of the others nobody can tell any more, and nothing is wrong either way.
            known = self._store.finished(unsure) | {one[:2] for one in unsure if not one.state.final}
            self._untold += [(*attempt, True) for attempt in known]
            missing = [outcome for outcome in missing if outcome[:2] not in known]
        return {outcome[:2] for outcome in missing}

    def _take_off(self, batch: Sequence[Ended]) -> None:
        del self._ended[: len(batch)]
        if self._bytes:
            self._bytes -= sum(ended.bytes for ended in batch)
        attempts = [ended.job[:2] for ended in batch]
        self._board.free(attempts)
        if self._unsure:
            self._unsure.difference_update(attempts)
        if self._news:
            for attempt in attempts:
                self._news.pop(attempt, None)
        self.on_written()

    def _say(self, batch: Sequence[Ended], lost: set[Attempt]) -> None:
        for outcome, job, begun, _ in batch:
            if outcome.state is State.DONE and not lost and not self._events.every_job:
                continue
            if begun:
                name = "lease_lost" if job[:2] in lost else "finished"
                self._events.emit(name, outcome=outcome, job=job)
            else:
                self._events.emit("returned", job=job)

    def _tell_watchers(self) -> None:
        if self._untold:
            self._store.tell_watchers(self._untold)
            self._untold = []

    # -- progress

    def reporter(self, claimed: Claimed) -> Reporter:
        """Where the attempt's progress goes."""
        reporter = Reporter(*self._to)
        reporter.claimed = claimed
        return reporter

    def _note(self, reporter: Reporter) -> None:
        claimed: Claimed = reporter.claimed
        self._news[claimed[:2]] = (claimed, reporter)

    def _report_now(self, reporter: Reporter) -> None:
        # In the job's greenlet. The pause lets a computing job's neighbours run, this one's bar move, and is short
        # whatever the database does.
        self._stored.clear()
        self._loop.wake()
        self._stored.wait(0.05)

    def _write_progress(self) -> bool:
        if not self._news:
            self._stored.set()
            return False
        news, self._news = self._news, {}
        try:
            rows = self._recorder.progress([progress_of(*item) for item in news.values()])
        except StoreUnavailable:
            self._news = {**news, **self._news}
            raise
        finally:
            self._stored.set()
        self._reported.update(row[:2] for row in rows)
        self._untold += [row for row in rows if row[-1]]
        self._tell_watchers()
        return True
