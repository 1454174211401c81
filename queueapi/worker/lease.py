"""Keeps the leases of what is really under way."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from uuid import UUID

from queueapi.events import Events
from queueapi.loop import Loop
from queueapi.postgres.upkeep import Upkeep
from queueapi.worker.board import Board, Held


class Watched:
    """A worker process as its supervisor sees it: its board, and whether it is given time to work."""

    def __init__(self, pid: int, worker: UUID, board: Board) -> None:
        self.pid = pid
        self.worker = worker
        self.board = board
        self._last: tuple[int, int] = (-1, -1)

    def works(self) -> bool:
        """Whether the process has been running since the last look.

        Its own beats tell, or the processor time that the kernel charged it: C code that never lets go of the
        interpreter stops the beats, and is work all the same. A stopped process shows neither.
        """
        last, self._last = self._last, (self.board.beats, _processor_time(self.pid))
        return self._last != last


class LeaseKeeper:
    """1. looks at every process's board, three times in a lease; 2. renews in one statement what is under way there,
    if the process works; 3. marks on the board what turned out to be lost, so that its process ends it.

    In the supervisor, on a thread of its own: no job can block it.

    Args:
        upkeep: on a connection of its own.
        lease: seconds.
        watched: the processes of this moment.
    """

    def __init__(self, upkeep: Upkeep, lease: float, watched: Callable[[], Iterable[Watched]], events: Events) -> None:
        self._upkeep = upkeep
        self._lease = lease
        self._watched = watched
        self._events = events
        self.loop = Loop("lease keeper", self._tick, events)

    def _tick(self) -> float:
        held = [(watched, job) for watched in self._watched() if watched.works() for job in self._old_enough(watched)]
        if held:
            ours = self._upkeep.renew([(job.id, job.token) for _, job in held], self._lease)
            for watched, job in held:
                if job.id not in ours:
                    self._lost(watched, job)
        return self._lease / 3

    def _old_enough(self, watched: Watched) -> list[Held]:
        # A claim's own lease covers the first two looks: most jobs end before they need a renewal.
        before = time.monotonic() - self._lease / 6
        return [job for job in watched.board.held() if job.since < before and not job.lost]

    def _lost(self, watched: Watched, job: Held) -> None:
        if job in watched.board.held():  # it did not just end
            watched.board.mark_lost(job)
            self._events.emit("renewal_lost", id=job.id)


class Relief:
    """Takes from a process that cannot begin them the jobs that it has claimed, and gives them to others.

    A job that computes for a minute without a pause keeps its process from doing anything else. What that job
    shares the process with is under way and keeps its lease; what waits behind it has not begun, and need not wait.

    Args:
        upkeep: used in the maintenance's thread.
        watched: the processes of this moment.
    """

    # A process that did not come round for so long is stuck; a busy one does so many times a second.
    STUCK = 2.0

    def __init__(self, upkeep: Upkeep, watched: Callable[[], Iterable[Watched]], events: Events) -> None:
        self._upkeep = upkeep
        self._watched = watched
        self._events = events
        self._told: dict[UUID, float] = {}

    def look(self) -> None:
        """Relieve the processes that are stuck now."""
        stuck = [one for one in self._watched() if 0 < one.board.turned < time.monotonic() - self.STUCK]
        for one in stuck:
            turned = one.board.turned
            rows = self._relieve(one)
            if self._told.get(one.worker) != turned:
                self._events.emit("stuck", pid=one.pid, jobs=len(rows))
            self._told[one.worker] = turned
        self._told = {one.worker: self._told[one.worker] for one in stuck}

    def _relieve(self, one: Watched) -> list[tuple[object, ...]]:
        # In this order: what the process claims from now on is younger than ``before``, and stays its own; what it
        # claimed earlier is void for it unless it stands on the board by the time that we read it.
        before = self._upkeep.clock()
        one.board.take_back()
        time.sleep(0.001)  # both processors have seen it
        return self._upkeep.take_back(one.worker, [job.id for job in one.board.held()], before)


def _processor_time(pid: int) -> int:
    """Clock ticks that the process has used; 0 where the kernel does not tell, and the beats must do."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as stat:
            fields = stat.read().rpartition(")")[2].split()
        return int(fields[11]) + int(fields[12])
    except (OSError, IndexError, ValueError):
        return 0
