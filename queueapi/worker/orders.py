"""What the supervisor tells a process when it starts it, how it starts it, and what the two say on their line."""

from __future__ import annotations

import signal
from typing import Final
from uuid import UUID

import msgspec

# What the supervisor runs. The patch comes before every import of ours: psycopg chooses how to wait as it is loaded.
BOOT: Final = "from gevent import monkey; monkey.patch_all(); from queueapi.worker.process import main; main()"
# For  queueapi-work --check: all that a process does before it connects.
CHECK: Final = "from gevent import monkey; monkey.patch_all(); from queueapi.worker.importing import check; check()"

# The process, a line for each: "I work"; or "I cannot", and why, and then it ends: to start it again would not help;
# "I end when what runs has ended, replace me"; "these are the files that I was made of", in JSON.
READY, REFUSED, RETIRING, FILES = b"R", b"!", b"E", b"F"
# The supervisor, a byte each: "stop now"; "end when what runs has ended"; "claim no more"; "claim again". To stop
# gently is SIGTERM, however often it comes: systemd sends it to all at once, and the supervisor passes on its own.
# And "there are jobs".
NOW, RETIRE, QUIET, RESUME, JOBS = b"N", b"E", b"Q", b"C", b"J"
# Either end closing tells the other that its partner is gone.

# Signals that the supervisor passes on in its own way; but a terminal and ``systemctl kill`` send them to all, and what
# is not caught would stop or end a process.
FOR_THE_SUPERVISOR: Final = (signal.SIGTSTP, signal.SIGUSR2, signal.SIGTTIN)

# A supervisor looks once a second for all its processes, and tells them when there are jobs. Behind that, their own
# safety polls are for when it cannot look: so many seconds apart, or as they are set if that is not often.
LOOK, ALONE = 1.0, 5.0


def is_looked_for(poll: float) -> bool:
    """Whether the supervisor looks for its processes, if the safety poll is set to that."""
    return poll <= LOOK


def own_poll(poll: float) -> float:
    """Seconds between the safety polls of a process, if they are set to that."""
    return ALONE if is_looked_for(poll) else poll


class Given(msgspec.Struct):
    """Settings from the command line; the rest is in the environment, passwords above all."""

    queues: tuple[str, ...]
    concurrency: int
    grace: float
    lease: float
    poll: float
    max_jobs: int
    log_format: str
    verbose: bool


class Orders(msgspec.Struct):
    """Everything that one process needs to know.

    Attributes:
        worker: the identity of this process, new at every start: pids are used again.
        name: what logs and ``ps`` call it: ``worker 1``.
        modules: to import jobs from; ``module:attribute`` for an application.
        line_fd: a socket to the supervisor.
        board_fd: the shared memory.
        watched: say which files it was made of.
        quiet: claim nothing until told.
    """

    worker: UUID
    name: str
    modules: list[str]
    line_fd: int
    board_fd: int
    burst: bool
    watched: bool
    quiet: bool
    settings: Given
