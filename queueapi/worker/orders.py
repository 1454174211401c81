"""What the supervisor tells a process when it starts it, how it starts it, and what the two say on their line."""

from __future__ import annotations

from typing import Final
from uuid import UUID

import msgspec

# What the supervisor runs. The patch comes before every import of ours: psycopg chooses how to wait as it is loaded.
BOOT: Final = "from gevent import monkey; monkey.patch_all(); from queueapi.worker.process import main; main()"

# The process: "I work"; or "I cannot", and why, and then it ends: to start it again would not help.
READY, REFUSED = b"R", b"!"
# The supervisor: "stop now". To stop gently is SIGTERM, however often it comes: systemd sends it to all at once, and
# the supervisor passes on its own.
NOW: Final = b"N"
# Either end closing tells the other that its partner is gone.


class Given(msgspec.Struct):
    """Settings from the command line; the rest is in the environment, passwords above all."""

    queues: tuple[str, ...]
    concurrency: int
    grace: float
    lease: float
    poll: float
    verbose: bool


class Orders(msgspec.Struct):
    """Everything that one process needs to know.

    Attributes:
        worker: the identity of this process, new at every start: pids are used again.
        line_fd: a socket to the supervisor.
        board_fd: the shared memory.
    """

    worker: UUID
    name: str
    modules: list[str]
    line_fd: int
    board_fd: int
    burst: bool
    settings: Given
