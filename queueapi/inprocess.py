"""Queues whose jobs are run in this process: at once, when a test says so, or by a thread.

Each is a :class:`queueapi.Queue` like any other, names, options and errors included: only what stands behind it
differs, so code cannot tell, and what would be refused in production is refused here, in the same words.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from queueapi.errors import NotOffered
from queueapi.memory import Memory
from queueapi.queues import Queue
from queueapi.records import NewJob, Outcome
from queueapi.rows import Row
from queueapi.settings import Settings
from queueapi.states import State


class MemoryQueue(Queue):
    """Jobs wait in this process and are lost with it; ``start()`` runs them in a thread. For development and consoles.

    What fails is tried again as the job's class says. Rails 4 called it Queue. A forked process has a copy of the jobs,
    and no thread: where a server forks, configure it after the fork.
    """

    def __init__(self, settings: Settings | None = None) -> None:
        memory = Memory(settings)
        super().__init__(lambda: memory)


class TestQueue(MemoryQueue):
    """Jobs wait until the test looks at them (``jobs``) or runs them (``drain()``). Nothing runs by itself."""

    __test__ = False  # pytest: it is not a test


class SynchronousQueue(Queue):
    """A push runs the job before it returns, whatever its delay, and raises what the job raises.

    Nothing ever waits in it, and nothing is tried again.
    """

    def __init__(self, settings: Settings | None = None) -> None:
        memory = _Immediate(settings)
        super().__init__(lambda: memory)


class _Immediate(Memory):
    def __init__(self, settings: Settings | None = None) -> None:
        super().__init__(settings)
        self._mine = _Mine()

    def push(self, jobs: Iterable[NewJob], conn: object | None) -> list[int]:
        with self.held():
            ids = super().push(jobs, conn)
            self._mine.due += ids
        return ids

    def cancel(self, job_id: int) -> bool:
        with self.held():
            return super().cancel(job_id)

    @contextmanager
    def held(self) -> Iterator[None]:
        with super().held():
            self._mine.holds += 1
            try:
                yield
            finally:
                self._mine.holds -= 1
        if not self._mine.holds:
            self._run_due()

    def _settle(self, row: Row, outcome: Outcome) -> None:
        self._mine.holds += 1
        try:
            was_blocked = row.state is State.BLOCKED
            super()._settle(row, outcome)
        finally:
            self._mine.holds -= 1
        if was_blocked and not row.state.final:
            self._mine.due.append(row.id)

    def _run_due(self) -> None:
        due = self._mine.take()
        while due:
            job_id = due.pop(0)
            try:
                self.run_now(job_id)
                self._refuse_to_wait(job_id)
            except BaseException:
                for left in due:  # all or none is beyond us; but what was not begun is not left behind
                    self.cancel(left)
                self._run_due()
                raise
            due += self._mine.take()  # what has followed from that

    def _refuse_to_wait(self, id_: int) -> None:
        if self.cancel(id_):
            raise NotOffered(
                f"job {id_} put itself off, and in a SynchronousQueue nothing waits: use a TestQueue or a MemoryQueue"
            )


class _Mine(threading.local):
    """What a thread has pushed and not yet run, and how many blocks keep it from that."""

    def __init__(self) -> None:
        self.holds = 0
        self.due: list[int] = []

    def take(self) -> list[int]:
        """What is due; from now on nothing is."""
        due, self.due = self.due, []
        return due
