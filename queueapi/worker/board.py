"""What a process is running, in memory that it shares with its supervisor.

The process writes, at the cost of half a microsecond a job; the supervisor reads. So leases are renewed for what
is really running, by somebody whom no job can block; and when a process is killed, what it was running is still
on the board.
"""

from __future__ import annotations

import mmap
import os
import struct
import tempfile
import time
from typing import Final, NamedTuple

_HEAD: Final = struct.Struct("<q")  # beats of the process's own clock
_SLOT: Final = struct.Struct("<qqdq")  # id (0: free), token, since when, 1 if the lease was found lost


class Held(NamedTuple):
    """A running job as the board shows it. ``since`` is on the monotonic clock that processes share."""

    slot: int
    id: int
    token: int
    since: float
    lost: bool


class Board:
    """One process's board: a head and a line for every slot.

    Args:
        fd: the shared file, as :func:`create` made it.
        slots: how many lines.
    """

    def __init__(self, fd: int, slots: int) -> None:
        self._slots = slots
        self._memory = mmap.mmap(fd, _HEAD.size + slots * _SLOT.size)

    def hold(self, slot: int, job_id: int, token: int) -> None:
        """This slot begins that job."""
        _SLOT.pack_into(self._memory, _HEAD.size + slot * _SLOT.size, job_id, token, time.monotonic(), 0)

    def free(self, slot: int) -> None:
        """This slot has ended its job."""
        _SLOT.pack_into(self._memory, _HEAD.size + slot * _SLOT.size, 0, 0, 0.0, 0)

    def beat(self) -> None:
        """The process is given time to run."""
        _HEAD.pack_into(self._memory, 0, self.beats + 1)

    @property
    def beats(self) -> int:
        """How often it was."""
        beats: int = _HEAD.unpack_from(self._memory, 0)[0]
        return beats

    def held(self) -> list[Held]:
        """What runs now. Read beside the writer: a line may mix two jobs, and then names none that exists."""
        lines = (_SLOT.unpack_from(self._memory, _HEAD.size + slot * _SLOT.size) for slot in range(self._slots))
        return [Held(slot, id_, token, since, bool(lost)) for slot, (id_, token, since, lost) in enumerate(lines) if id_]

    def mark_lost(self, held: Held) -> None:
        """Tell the process that this job is no longer its own."""
        offset = _HEAD.size + held.slot * _SLOT.size
        id_, token, since, _ = _SLOT.unpack_from(self._memory, offset)
        if (id_, token) == (held.id, held.token):
            _SLOT.pack_into(self._memory, offset, id_, token, since, 1)

    def close(self) -> None:
        """Let go of the memory."""
        self._memory.close()


def create(slots: int) -> int:
    """The file descriptor of an empty board, on no disk and under no name."""
    with tempfile.TemporaryFile() as file:
        file.truncate(_HEAD.size + slots * _SLOT.size)
        return os.dup(file.fileno())
