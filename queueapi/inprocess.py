"""Queues whose jobs are run in this process: at once, when a test says so, or by a thread.

Each is a :class:`queueapi.Queue` like any other, names, options and errors included: only what stands behind it
differs, so code cannot tell, and what would be refused in production is refused here, in the same words.
"""

from __future__ import annotations

from collections.abc import Iterable

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
    def push(self, jobs: Iterable[NewJob], conn: object | None) -> list[int]:
        ids = super().push(jobs, conn)
        for number, id_ in enumerate(ids):
            try:
                self.run_now(id_)
                self._refuse_to_wait(id_)
            except BaseException:
                for left in ids[number + 1 :]:  # all or none is beyond us; but what was not begun is not left behind
                    self.cancel(left)
                raise
        return ids

    def _refuse_to_wait(self, id_: int) -> None:
        if self.cancel(id_):
            raise NotOffered(
                f"job {id_} put itself off, and in a SynchronousQueue nothing waits: use a TestQueue or a MemoryQueue"
            )
