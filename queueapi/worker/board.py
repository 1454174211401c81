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

_HEAD: Final = struct.Struct("<qddqqq")
# Where its words stand; what they mean, their properties say.
_BEATS, _TURNED, _VOID, _LOSSES, _WORD, _DEADLINES = 0, 8, 16, 24, 32, 40
# id (0: free), token, since when, the id again if the lease was found lost, and the deadline
_ROW: Final = struct.Struct("<qqdqd")
_LOST, _DEADLINE = 24, 32
_HEAD_SIZE, _ROW_SIZE = _HEAD.size, _ROW.size
NOBODY: Final = 0
_number: Final = struct.Struct("<q")
_time: Final = struct.Struct("<d")


class Held(NamedTuple):
    """A job as the board shows it.

    Attributes:
        since: on the monotonic clock that processes share.
        deadline: when it is to be ended by force, on that clock; 0: never.
    """

    row: int
    id: int
    token: int
    since: float
    lost: bool
    deadline: float = 0.0


class Board:
    """One process's board: a head, and a row for every job from its beginning until its outcome is written down.

    Every word has one writer: the process writes rows, beats, turns and who has the word, the supervisor losses and
    ``void``.

    Args:
        fd: the shared file, as :func:`create` made it.
    """

    def __init__(self, fd: int) -> None:
        self._memory = mmap.mmap(fd, os.fstat(fd).st_size)
        self._size = (len(self._memory) - _HEAD.size) // _ROW.size
        self._rows: dict[tuple[int, int], int] = {}  # (id, token) -> its row
        self._free = list(range(self._size))
        self._words = memoryview(self._memory)[: _HEAD.size].cast("q")

    # -- the process's side

    def hold(self, job_id: int, token: int, now: float | None = None) -> int:
        """That job begins, and has the word. The number of its row, from 1."""
        # No row left cannot be, by the limits of the consumer; such a job would have its claim's lease and no more.
        if not self._free:
            return NOBODY
        row = self._rows[job_id, token] = self._free.pop()
        since = time.monotonic() if now is None else now
        _ROW.pack_into(self._memory, _HEAD_SIZE + row * _ROW_SIZE, job_id, token, since, 0, 0.0)
        self._words[_WORD // 8] = row + 1
        return row + 1

    def limit(self, number: int, seconds: float) -> None:
        """The job in the row of that number is to be ended by force, so long from now."""
        if number != NOBODY:
            _time.pack_into(self._memory, _at(number - 1) + _DEADLINE, time.monotonic() + seconds)
            self._words[_DEADLINES // 8] += 1

    def unlimit(self, number: int) -> None:
        """Undo :meth:`limit`: it has ended, and only its outcome is to be written down."""
        if number != NOBODY:
            _time.pack_into(self._memory, _at(number - 1) + _DEADLINE, 0.0)
            self._words[_DEADLINES // 8] -= 1

    def give_word(self, number: int) -> None:
        """From now on the job in the row of that number runs, or nobody. At every switch: 30 ns."""
        self._words[_WORD // 8] = number

    def free(self, jobs: Iterable[tuple[int, int]]) -> None:
        """How these (id, token) ended is written down; those that were never held do not matter."""
        for job in jobs:
            row = self._rows.pop(job, None)
            if row is not None:
                _ROW.pack_into(self._memory, _at(row), 0, 0, 0.0, 0, 0.0)
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
        return [
            Held(n, id_, token, since, lost == id_, deadline)
            for n, (id_, token, since, lost, deadline) in enumerate(rows)
            if id_
        ]

    def speaker(self) -> Held | None:
        """The job that had the word last: of a dead process, the one that ran when it died. None: it was none."""
        row = self._words[_WORD // 8] - 1
        return next((held for held in self.held() if held.row == row), None)

    def limited(self) -> list[Held]:
        """What has a deadline. Costs nothing where nothing has."""
        return [held for held in self.held() if held.deadline] if self._words[_DEADLINES // 8] else []

    def mark_lost(self, held: Held) -> None:
        """Tell the process that this job is no longer its own. If the row has another by now, nobody is meant."""
        _number.pack_into(self._memory, _at(held.row) + _LOST, held.id)
        _number.pack_into(self._memory, _LOSSES, self.losses + 1)

    def make_void(self) -> None:
        """Make void what the process has asked for and not begun."""
        _time.pack_into(self._memory, _VOID, time.monotonic())

    def close(self) -> None:
        """Let go of the memory."""
        self._words.release()
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
    return _HEAD_SIZE + row * _ROW_SIZE
