"""Keeps the leases of what is really under way."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from uuid import UUID

from queueapi.events import Events
from queueapi.loop import Loop
from queueapi.postgres.statements import Rows
from queueapi.postgres.upkeep import Upkeep
from queueapi.worker.board import Board, Held


class ProcessView:
    """A worker process as its supervisor sees it: its board, and whether it is given time to work."""

    def __init__(self, pid: int, worker: UUID, board: Board) -> None:
        self.pid = pid
        self.worker = worker
        self.board = board
        self._seen: tuple[int, int] = (-1, -1)
        self._changed_at = 0.0

    def works(self, within: float) -> bool:
        """Whether the process was seen to have run in the last so many seconds.

        Its own beats tell, or the processor time that the kernel charged it: C code that never lets go of the
        interpreter stops the beats, and is work all the same. A stopped process shows neither. Between two looks that
        follow each other closely a healthy one may show neither, too: so it is the time that counts, not the look.
        """
        now, seen = time.monotonic(), (self.board.beats, _processor_time(self.pid))
        if seen != self._seen:
            self._seen, self._changed_at = seen, now
        return now - self._changed_at < within


class LeaseKeeper:
    """1. looks at every process's board, three times in a lease; 2. renews in one statement what is under way there,
    if the process works; 3. marks on the board what turned out to be lost, so that its process ends it.

    In the supervisor, on a thread of its own: no job can block it.

    Args:
        upkeep: on a connection of its own.
        lease: seconds.
        processes: those of this moment.
    """

    def __init__(
        self, upkeep: Upkeep, lease: float, processes: Callable[[], Iterable[ProcessView]], events: Events
    ) -> None:
        self._upkeep = upkeep
        self._lease = lease
        self._every = lease / 3
        self._processes = processes
        self._events = events
        self.loop = Loop("lease keeper", self._tick, events)

    def _tick(self) -> float:
        working = [process for process in self._processes() if process.works(self._every)]
        held = [(process, job) for process in working for job in self._old_enough(process)]
        if held:
            ours = self._upkeep.renew([(job.id, job.token) for _, job in held], self._lease)
            for process, job in held:
                if (job.id, job.token) not in ours:
                    self._lost(process, job)
        return self._every

    def _old_enough(self, process: ProcessView) -> list[Held]:
        # A job is first renewed when it is between lease/6 and lease/2 old. Most end before, and need no renewal.
        before = time.monotonic() - self._lease / 6
        return [job for job in process.board.held() if job.since < before and not job.lost]

    def _lost(self, process: ProcessView, job: Held) -> None:
        if job in process.board.held():  # it did not just end
            process.board.mark_lost(job)
            self._events.emit("renewal_lost", id=job.id)


class Stuck:
    """Releases what a process has claimed and cannot begin, so that others may.

    A job that computes for a minute without a pause keeps its process from doing anything else. What that job
    shares the process with is under way and keeps its lease; what waits behind it has not begun, and need not wait.

    Args:
        upkeep: used in the maintenance's thread.
        processes: those of this moment.
    """

    # A process that did not come round for so long is stuck; a busy one does so many times a second.
    AFTER = 2.0

    def __init__(self, upkeep: Upkeep, processes: Callable[[], Iterable[ProcessView]], events: Events) -> None:
        self._upkeep = upkeep
        self._processes = processes
        self._events = events
        self._said: dict[UUID, float] = {}

    def release(self) -> None:
        """Look which are stuck now, and release what waits there."""
        stuck = [one for one in self._processes() if 0 < one.board.turned < time.monotonic() - self.AFTER]
        for one in stuck:
            turned = one.board.turned
            rows = self._release(one)
            if self._said.get(one.worker) != turned:
                self._events.emit("stuck", pid=one.pid, jobs=len(rows))
            self._said[one.worker] = turned
        self._said = {one.worker: self._said[one.worker] for one in stuck}

    def _release(self, one: ProcessView) -> Rows:
        # In this order: what the process claims from now on is younger than ``before``, and stays its own; what it
        # claimed earlier is void for it unless it stands on the board by the time that we read it.
        before = self._upkeep.clock()
        one.board.make_void()
        time.sleep(0.001)  # both processors have seen it
        return self._upkeep.release_unbegun(one.worker, [job.id for job in one.board.held()], before)


def _processor_time(pid: int) -> int:
    """Clock ticks that the process has used; 0 where the kernel does not tell, and the beats must do."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as stat:
            fields = stat.read().rpartition(")")[2].split()
        return int(fields[11]) + int(fields[12])
    except (OSError, IndexError, ValueError):
        return 0
