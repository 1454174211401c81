"""What a process has begun, in memory that it shares with its supervisor.

The process writes, at the cost of a microsecond a job; the supervisor reads. So leases are renewed for what is
really under way, by somebody whom no job can block; and when a process is killed, what it was running is still on
the board.
"""

from __future__ import annotations

import mmap
import os
import struct
import tempfile
import time
from collections.abc import Iterable
from typing import Final, NamedTuple

_HEAD: Final = struct.Struct("<qddq")
_BEATS, _TURNED, _VOID, _LOSSES = 0, 8, 16, 24  # where its words stand; what they mean, their properties say
_ROW: Final = struct.Struct("<qqdq")  # id (0: free), token, since when, the id again if the lease was found lost
_LOST = 24
_number: Final = struct.Struct("<q")
_time: Final = struct.Struct("<d")


class Held(NamedTuple):
    """A job as the board shows it. ``since`` is on the monotonic clock that processes share."""

    row: int
    id: int
    token: int
    since: float
    lost: bool


class Board:
    """One process's board: a head, and a row for every job from its beginning until its outcome is written down.

    Every word has one writer: the process writes rows, beats and turns, the supervisor losses and ``void``.

    Args:
        fd: the shared file, as :func:`create` made it.
    """

    def __init__(self, fd: int) -> None:
        self._memory = mmap.mmap(fd, os.fstat(fd).st_size)
        self._size = (len(self._memory) - _HEAD.size) // _ROW.size
        self._rows: dict[tuple[int, int], int] = {}  # (id, token) -> its row
        self._free = list(range(self._size))

    # -- the process's side

    def hold(self, job_id: int, token: int) -> None:
        """That job begins."""
        # No row left cannot be, by the limits of the consumer; such a job would have its claim's lease and no more.
        if self._free:
            row = self._rows[job_id, token] = self._free.pop()
            _ROW.pack_into(self._memory, _at(row), job_id, token, time.monotonic(), 0)

    def free(self, jobs: Iterable[tuple[int, int]]) -> None:
        """How these (id, token) ended is written down; those that were never held do not matter."""
        for job in jobs:
            row = self._rows.pop(job, None)
            if row is not None:
                _ROW.pack_into(self._memory, _at(row), 0, 0, 0.0, 0)
                self._free.append(row)

    def beat(self) -> None:
        """The process is given time to run."""
        _number.pack_into(self._memory, _BEATS, self.beats + 1)

    def turn(self) -> None:
        """All that was ready to run has had its turn: no job keeps the others from running."""
        _time.pack_into(self._memory, _TURNED, time.monotonic())

    @property
    def void(self) -> float:
        """Whatever was asked for before this time, and has not begun, may have been given to others."""
        void: float = _time.unpack_from(self._memory, _VOID)[0]
        return void

    @property
    def losses(self) -> int:
        """How many times a lease was found lost: when it has grown, look which."""
        losses: int = _number.unpack_from(self._memory, _LOSSES)[0]
        return losses

    # -- the supervisor's side

    @property
    def beats(self) -> int:
        """How often the process was given time."""
        beats: int = _number.unpack_from(self._memory, _BEATS)[0]
        return beats

    @property
    def turned(self) -> float:
        """When all had their turn last; 0 before the process works."""
        turned: float = _time.unpack_from(self._memory, _TURNED)[0]
        return turned

    def held(self) -> list[Held]:
        """What is under way. Read beside the writer: a row may mix two jobs, and then names none that exists."""
        rows = (_ROW.unpack_from(self._memory, _at(row)) for row in range(self._size))
        return [Held(n, id_, token, since, lost == id_) for n, (id_, token, since, lost) in enumerate(rows) if id_]

    def mark_lost(self, held: Held) -> None:
        """Tell the process that this job is no longer its own. If the row has another by now, nobody is meant."""
        _number.pack_into(self._memory, _at(held.row) + _LOST, held.id)
        _number.pack_into(self._memory, _LOSSES, self.losses + 1)

    def make_void(self) -> None:
        """Make void what the process has asked for and not begun."""
        _time.pack_into(self._memory, _VOID, time.monotonic())

    def close(self) -> None:
        """Let go of the memory."""
        self._memory.close()


def create(rows: int) -> int:
    """The file descriptor of an empty board, under no name, and where the system can, on no disk."""
    size = _HEAD.size + rows * _ROW.size
    if hasattr(os, "memfd_create"):
        fd = os.memfd_create("queueapi-board")
        os.truncate(fd, size)
        return fd
    with tempfile.TemporaryFile() as file:
        file.write(bytes(size))  # not a hole: on a full disk, writing to that would kill the process
        file.flush()
        return os.dup(file.fileno())


def _at(row: int) -> int:
    return _HEAD.size + row * _ROW.size
