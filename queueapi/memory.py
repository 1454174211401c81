"""Jobs kept in this process: the backend of queues for tests, development and consoles. Gone with the process.

What it shares with PostgreSQL's is what could hide a fault: jobs are written down and read back, claims go by
priority and age, and the very executor of the workers runs them.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from itertools import count
from typing import Final

from queueapi import within
from queueapi.claims import Claimed
from queueapi.consumers import Consumed, ThreadedQueueConsumer
from queueapi.errors import QueueEmpty
from queueapi.executor import Executor, cancelled
from queueapi.kinds import kinds
from queueapi.memory_bundles import MemoryBundles
from queueapi.records import JobStatus, NewJob, Outcome
from queueapi.rows import Row
from queueapi.sameness import Sameness
from queueapi.settings import Settings
from queueapi.signing import Signer
from queueapi.states import State
from queueapi.telling import Teller

# So many outcomes are kept for their handles; then the oldest goes.
KEPT: Final = 10_000


class Memory:
    """1. takes jobs; 2. says what waits; 3. hands out the next that is due; 4. runs one, and keeps its outcome.

    For any number of threads. A transaction means nothing to it: with or without ``conn``, a job is there at once.

    Args:
        settings: for the limits, and for the secret that signs tickets; default the environment's.
    """

    def __init__(self, settings: Settings | None = None) -> None:
        self._given = settings
        self._rows: dict[int, Row] = {}
        self._waits: dict[int, Row] = {}  # those of them that nobody has begun
        self._ended: deque[int] = deque()
        self._same = Sameness()
        self._ids = count(1)
        self._changed = threading.Condition()
        self._consumers: dict[str | None, ThreadedQueueConsumer] = {}
        self.bundles = MemoryBundles(Holding(self))

    @cached_property
    def settings(self) -> Settings:
        """The limits."""
        return self._given or Settings.from_env()

    def check(self) -> None:
        """There is no schema that could be wrong."""

    # -- from the pusher's side

    def push(self, jobs: Iterable[NewJob], conn: object | None) -> list[int]:
        """See :class:`queueapi.backends.Backend`."""
        jobs = list(jobs)
        with self._changed:
            self._same.check(jobs)
            ids = [self._push(job) for job in jobs]
            self._changed.notify_all()
        return ids

    def _push(self, job: NewJob) -> int:
        other = self._same.instead(job)
        if other is not None:
            return other
        row = Row.pushed(next(self._ids), job)
        self._rows[row.id] = self._waits[row.id] = row
        self._same.hold(row)
        self.bundles.came(row)
        return row.id

    def read(self, job_id: int) -> JobStatus | None:
        """See :class:`queueapi.handles.Ledger`."""
        with self._changed:
            row = self._rows.get(job_id)
            if row is None:
                return None
            row.promote(time.time())
            return row.status()

    def cancel(self, job_id: int) -> bool:
        """See :class:`queueapi.handles.Ledger`."""
        with self._changed:
            row = self._rows.get(job_id)
            if row is None or row.state.final:
                return False
            if row.state is State.RUNNING:
                row.cancelled = True
            else:
                self._settle(row, Outcome(row.id, 0, State.CANCELLED))
            return True

    def dead(self, queue: str | None, before: int, limit: int) -> list[JobStatus]:
        """See :class:`queueapi.handles.Ledger`."""
        with self._changed:
            dead = [row for row in self._rows.values() if row.state is State.DEAD and queue in (None, row.job.queue)]
            newest = sorted((row.id for row in dead if row.id < before), reverse=True)
            return [self._rows[id_].status() for id_ in newest[:limit]]

    def retry(self, ids: Sequence[int]) -> list[int]:
        """See :class:`queueapi.handles.Ledger`."""
        return self._move_dead(ids, State.AVAILABLE)

    def discard(self, ids: Sequence[int]) -> list[int]:
        """See :class:`queueapi.handles.Ledger`."""
        return self._move_dead(ids, State.CANCELLED)

    def _move_dead(self, ids: Sequence[int], state: State) -> list[int]:
        with self._changed:
            dead = [self._rows[id_] for id_ in ids if id_ in self._rows and self._rows[id_].state is State.DEAD]
            moved = []
            for row in dead:
                if state is State.AVAILABLE and not self._same.hold_again(row):
                    continue
                self._ended.remove(row.id)
                if state is State.AVAILABLE:
                    row.retry()
                    self.bundles.revived(row)
                self._settle(row, Outcome(row.id, 0, state))
                moved.append(row.id)
            return moved

    def wait(self, job_id: int, timeout: float | None) -> JobStatus | None:
        """See :class:`queueapi.handles.Ledger`."""
        with self._changed:
            self._changed.wait_for(lambda: job_id not in self._rows or self._rows[job_id].state.final, timeout)
            return self.read(job_id)

    def signer(self) -> Signer:
        """See :class:`queueapi.handles.Ledger`."""
        return Signer(*self.settings.secrets)

    # -- what waits

    def size(self, queue: str | None) -> int:
        """See :class:`queueapi.backends.Backend`."""
        return len(self._waiting(queue))

    def waiting(self, queue: str | None) -> list[tuple[str, str]]:
        """See :class:`queueapi.backends.Backend`."""
        return [(row.job.kind, row.job.args) for row in sorted(self._waiting(queue), key=Row.order)]

    def find_waiting(self, kind: str, args: str | None) -> list[tuple[int, State]]:
        """See :class:`queueapi.backends.Backend`."""
        rows = [row for row in self._waiting(None) if row.job.kind == kind]
        return [(row.id, row.state) for row in rows if args is None or row.job.args == args]

    def clear(self, queue: str | None, error: str) -> int:
        """See :class:`queueapi.backends.Backend`."""
        with self._changed:
            rows = self._waiting(queue)
            for row in rows:
                if not row.state.final:  # as what follows another is, when that is cancelled
                    self._settle(row, Outcome(row.id, 0, State.CANCELLED, error=error))
            return len(rows)

    def _waiting(self, queue: str | None) -> list[Row]:
        with self._changed:
            now = time.time()
            rows = [row for row in self._waits.values() if queue is None or queue == row.job.queue]
            for row in rows:
                row.promote(now)
            return rows

    def _unblocked(self, queue: str | None) -> list[Row]:
        return [row for row in self._waiting(queue) if row.state is not State.BLOCKED]

    # -- from the consumer's side

    def runner(self, doing: str) -> Memory:
        """See :class:`queueapi.backends.Backend`."""
        return self

    def consumer(self, queue: Consumed) -> ThreadedQueueConsumer:
        """See :class:`queueapi.consumers.Runner`."""
        with self._changed:
            if queue.name not in self._consumers:
                self._consumers[queue.name] = ThreadedQueueConsumer(queue)
            return self._consumers[queue.name]

    def wake(self) -> None:
        """See :class:`queueapi.consumers.Runner`."""
        with self._changed:
            self._changed.notify_all()

    def take(
        self, queue: str | None, timeout: float | None = None, stopping: Callable[[], bool] = lambda: False
    ) -> Claimed:
        """See :class:`queueapi.consumers.Runner`."""
        until = None if timeout is None else time.monotonic() + timeout
        with self._changed:
            while True:
                first = min(self._unblocked(queue), key=Row.order, default=None)
                if first is not None and first.state is State.AVAILABLE:
                    return self._claim(first)
                waits = [] if first is None else [max(0.0, first.due - time.time())]
                if until is not None:
                    waits.append(until - time.monotonic())
                if stopping() or (waits and waits[-1] <= 0 and until is not None):
                    raise QueueEmpty(f"no job is due in the queue {queue or 'default'}")
                self._changed.wait(min(waits, default=None))

    def _claim(self, row: Row) -> Claimed:
        del self._waits[row.id]
        self._same.free(row)
        return row.claim()

    def drain(self, queue: str | None) -> int:
        """See :class:`queueapi.consumers.Runner`. What a job puts off is not run again, or this might never end."""
        begun: set[int] = set()
        while rows := [row for row in self._unblocked(queue) if row.id not in begun]:
            for row in sorted(rows, key=Row.order):
                begun.add(row.id)
                self.run_now(row.id)
        return len(begun)

    def run_now(self, job_id: int) -> None:
        """Run the job, if it still waits, and raise what it raises: then it does not come back, whatever its retries,
        since whoever sees the error decides what is next."""
        with self._changed:
            row = self._waits.get(job_id)
            if row is None or row.state is State.BLOCKED:
                return
            claimed = self._claim(row)
        error = self.run(claimed, last=True)
        if error is not None:
            raise error

    def run(self, claimed: Claimed, last: bool = False) -> BaseException | None:
        """See :class:`queueapi.consumers.Runner`."""
        row = self._rows[claimed.id]
        raised: list[BaseException] = []
        executor = Executor(kinds, self.settings.max_result, on_error=lambda _, error: raised.append(error))
        token = within.place.set(self)
        try:
            outcome = executor.execute(claimed, Teller(row, claimed))
        finally:
            within.place.reset(token)
        if raised and last:
            outcome = outcome._replace(state=State.DEAD)
        with self._changed:
            if row.cancelled and not outcome.state.final:
                outcome = cancelled(claimed)
            self._settle(row, outcome)
        return raised[0] if raised else None

    def _settle(self, row: Row, outcome: Outcome) -> None:
        row.settle(outcome)
        if row.state.final:
            self._waits.pop(row.id, None)
            self._same.free(row)
            if row.state is State.DONE and not row.kept:
                del self._rows[row.id]
            else:
                self._ended.append(row.id)
                if len(self._ended) > KEPT:
                    del self._rows[self._ended.popleft()]
            self.bundles.ended(row)
        else:
            self._waits[row.id] = row
        self._changed.notify_all()

    @contextmanager
    def held(self) -> Iterator[None]:
        """A block in which nobody else moves a job, and nothing begins."""
        with self._changed:
            yield


class Holding:
    """The memory as its chains and batches see it."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self.held = memory.held
        self.push = memory.push
        self.settle = memory._settle

    def next_id(self) -> int:
        """See :class:`queueapi.memory_bundles.Rows`."""
        return next(self._memory._ids)

    def blocked_by(self, reason: str) -> list[Row]:
        """See :class:`queueapi.memory_bundles.Rows`."""
        rows = self._memory._waits.values()
        return [row for row in rows if row.state is State.BLOCKED and row.blocked_by == reason]

    def wait_for(self, condition: Callable[[], bool], timeout: float | None) -> None:
        """See :class:`queueapi.memory_bundles.Rows`."""
        with self._memory._changed:
            self._memory._changed.wait_for(condition, timeout)
