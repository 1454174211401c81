"""Queues whose jobs are run in this process: at once, when a test says so, or by a thread.

Each is a :class:`queueapi.Queue` like any other, names, options and errors included: only what stands behind it
differs, so code cannot tell, and what would be refused in production is refused here, in the same words.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from queueapi.errors import NotOffered
from queueapi.memory import Memory
from queueapi.queues import Queue
from queueapi.records import NewJob
from queueapi.settings import Settings


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
        self._holds = 0

    def push(self, jobs: Iterable[NewJob], conn: object | None) -> list[int]:
        with self.held():
            return super().push(jobs, conn)

    @contextmanager
    def held(self) -> Iterator[None]:
        with super().held():
            self._holds += 1
            try:
                yield
            finally:
                self._holds -= 1
            begin = not self._holds
        if begin:
            self._run_all()

    def _run_all(self) -> None:
        """What waits, and what comes of it. Nothing did before: so that is what was just pushed."""
        while waiting := sorted(self._waiting(None), key=lambda row: row.id):
            job_id = waiting[0].id
            try:
                self.run_now(job_id)
                self._refuse_to_wait(job_id)
            except BaseException:
                for row in waiting:  # all or none is beyond us; but what was not begun is not left behind
                    self.cancel(row.id)
                raise

    def _refuse_to_wait(self, id_: int) -> None:
        if self.cancel(id_):
            raise NotOffered(
                f"job {id_} put itself off, and in a SynchronousQueue nothing waits: use a TestQueue or a MemoryQueue"
            )
