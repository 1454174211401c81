"""Writes down how attempts ended, and how far the others are."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from queueapi.errors import StoreUnavailable
from queueapi.events import Events
from queueapi.loop import Loop
from queueapi.postgres.sessions import Dedicated, Rows
from queueapi.postgres.store import Store
from queueapi.records import Claimed, Outcome, Progress
from queueapi.reporting import INTERVAL, Reporter

# More in one statement gains nothing: 500 rows take about 8 ms, and their watchers wait that long.
BATCH = 500


class Finisher:
    """1. collects outcomes and writes all that there are in one statement, while the next collect; 2. retries what
    the database did not take, until it does; 3. stores progress, a few times a second for each job; 4. tells the
    watchers; 5. says which leases were lost: their outcomes changed nothing.

    Args:
        session: a connection of its own. Its commits are durable: a finished job stays finished.
        result_ttl: seconds that finished jobs are kept.

    Attributes:
        on_written: called after every write, when there is room for more.
    """

    def __init__(self, session: Dedicated, result_ttl: float, events: Events) -> None:
        self._session = session
        self._store = Store(session)
        self._result_ttl = result_ttl
        self._events = events
        self._outcomes: list[tuple[Outcome, Claimed]] = []
        self._unsure: set[tuple[int, int]] = set()  # (id, token) of outcomes whose statement broke off
        self._news: dict[int, tuple[Claimed, Reporter]] = {}
        self._reported: set[int] = set()
        self._stored = threading.Event()
        self.on_written: Callable[[], None] = lambda: None
        self._loop = Loop("finisher", self._tick, events)

    def start(self) -> None:
        """Start writing."""
        self._loop.start()

    def add(self, outcome: Outcome, claimed: Claimed) -> None:
        """An attempt has ended."""
        self._outcomes.append((outcome, claimed))
        self._loop.wake()

    def reporter(self, claimed: Claimed) -> Reporter:
        """Where the attempt's progress goes."""

        def note(reporter: Reporter) -> None:
            self._news[claimed.id] = (claimed, reporter)

        return Reporter(self._report_now, note)

    def _report_now(self, reporter: Reporter) -> None:
        # In the job's greenlet. The pause lets a computing job's neighbours run, this one's bar move, and is short
        # whatever the database does.
        self._stored.clear()
        self._loop.wake()
        self._stored.wait(0.05)

    @property
    def waiting(self) -> int:
        """How many outcomes are not written yet."""
        return len(self._outcomes)

    def flush(self, timeout: float) -> bool:
        """Write what is there and stop. False if the database did not take it in time."""
        self._loop.wake()
        ended = self._loop.stop(timeout)
        try:
            while self._outcomes:
                self._write()
        except StoreUnavailable:
            pass
        self._session.close()
        return ended and not self._outcomes

    def _tick(self) -> float:
        self._write()
        self._write_progress()
        if self._outcomes:
            return 0.0
        return INTERVAL if self._news else 60.0

    def _write(self) -> None:
        batch = self._outcomes[:BATCH]
        if not batch:
            return
        try:
            rows = self._finish([pair for pair in batch if pair[0].state.final])
            rows += self._reschedule([pair for pair in batch if not pair[0].state.final])
        except StoreUnavailable:
            self._unsure.update((outcome.id, outcome.token) for outcome, _ in batch)
            raise
        del self._outcomes[: len(batch)]
        self.on_written()
        self._note_lost(batch, {row[0] for row in rows})
        if ended := self._reported.intersection(outcome.id for outcome, _ in batch):
            self._reported -= ended
            self._store.forget_progress(list(ended))
        self._store.tell_watchers(rows)

    def _finish(self, batch: Sequence[tuple[Outcome, Claimed]]) -> Rows:
        return self._store.finish([outcome for outcome, _ in batch], self._result_ttl) if batch else []

    def _reschedule(self, batch: Sequence[tuple[Outcome, Claimed]]) -> Rows:
        return self._store.reschedule([outcome for outcome, _ in batch]) if batch else []

    def _note_lost(self, batch: Sequence[tuple[Outcome, Claimed]], written: set[int]) -> None:
        for outcome, _ in batch:
            self._news.pop(outcome.id, None)
        missing = [pair for pair in batch if pair[0].id not in written]
        if missing and self._unsure:
            # The statement may have been carried out although its answer never came: then it is on record.
            done = self._store.finished([outcome for outcome, _ in missing])
            missing = [pair for pair in missing if pair[0].id not in done]
        lost = {outcome.id for outcome, _ in missing}
        for outcome, claimed in batch:
            self._unsure.discard((outcome.id, outcome.token))
            self._events.emit("lease_lost" if outcome.id in lost else "finished", outcome=outcome, job=claimed)

    def _write_progress(self) -> None:
        if not self._news:
            self._stored.set()
            return
        news, self._news = self._news, {}
        batch = [
            Progress(claimed.id, claimed.token, reporter.done, reporter.total, reporter.message)
            for claimed, reporter in news.values()
        ]
        rows = self._store.report(batch)
        self._reported.update(row[0] for row in rows)
        self._stored.set()
        self._store.tell_watchers(rows)


