"""Who is to blame for the end of a process: pure, from its board and how it ended."""

from __future__ import annotations

from collections.abc import Sequence

from queueapi.postgres.upkeep import KILLS
from queueapi.records import Blame
from queueapi.serializer import error_dumps
from queueapi.worker.board import Board, Held


def blame(board: Board, ended: str, late: Sequence[Held], stopped: bool) -> list[Blame]:
    """Those of its jobs that lose the attempt. The others only happened to be there, and lose nothing.

    Args:
        ended: how, in words: ``SIGSEGV``, ``exit code 3``.
        late: for whose deadlines the supervisor killed it.
        stopped: the supervisor told it to stop.
    """
    held = board.held()
    if late:
        # What has ended between our look and its death has no deadline any more.
        over = {(job.id, job.token) for job in held if job.deadline}
        return [_late(job) for job in late if (job.id, job.token) in over]
    if stopped:
        return []
    speaker = board.speaker()
    if speaker is not None:
        return [_killed(speaker, ended)]
    if len(held) == 1 and "SIGKILL" not in ended:
        # Code of its own in another thread, say. SIGKILL is the exception: that comes from outside, or from a kernel
        # that is out of memory, and what then waited was hardly what took it.
        return [_killed(held[0], ended)]
    return [Blame(job.id, "lost", _lost(ended)) for job in held]


def _late(job: Held) -> Blame:
    text = "it ran longer than its hard_timeout, and its worker process was killed to end it"
    return Blame(job.id, "late", error_dumps("HardTimeout", text))


def _killed(job: Held, ended: str) -> Blame:
    last = f"the job ended its worker process {KILLS} times, the last time with {ended}"
    return Blame(job.id, "killed", _lost(ended), error_dumps("ProcessKilled", last))


def _lost(ended: str) -> str:
    how = f" ({ended})" if ended else ""
    return error_dumps("WorkerLost", f"the worker process that ran the job ended{how}, or its machine did")
