"""The states of a job and the legal moves between them: the only definition of either.

The tests draw every move of the SQL against this table (tests/queueapi/test_states.py).
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class State(StrEnum):
    """Where a job is. The first four stand in ``queueapi.jobs``, the last three in ``queueapi.finished``."""

    SCHEDULED = "scheduled"  # waits for its time: pushed with a delay, or between two attempts
    AVAILABLE = "available"  # waits for a worker
    BLOCKED = "blocked"  # waits for another job, for a limit or for the end of a pause
    RUNNING = "running"  # claimed: one worker holds the lease
    DONE = "done"  # run() returned
    DEAD = "dead"  # attempts used up; kept until somebody decides
    CANCELLED = "cancelled"  # taken back, told to stop, begun too late, or given up as pointless

    @property
    def final(self) -> bool:
        """Whether the job has left the live table."""
        return self in FINAL


FINAL: Final = frozenset({State.DONE, State.DEAD, State.CANCELLED})

# None = not there yet.  Who moves it stands beside the move.
MOVES: Final[dict[State | None, frozenset[State]]] = {
    None: frozenset({State.SCHEDULED, State.AVAILABLE, State.BLOCKED}),  # push
    State.SCHEDULED: frozenset({State.AVAILABLE, State.CANCELLED}),  # promote; cancel
    State.BLOCKED: frozenset({State.AVAILABLE, State.SCHEDULED, State.CANCELLED}),  # unblock; cancel
    # claim; cancel; and parked with those that a limit or a pause kept from beginning
    State.AVAILABLE: frozenset({State.RUNNING, State.CANCELLED, State.BLOCKED}),
    State.RUNNING: frozenset(
        {
            State.DONE,  # finish
            State.DEAD,  # finish; rescue, when the lost attempt was the last
            State.CANCELLED,  # finish, when it discarded itself, was cancelled or begun too late
            State.SCHEDULED,  # retry
            State.AVAILABLE,  # hand back; rescue
            State.BLOCKED,  # claimed, and not admitted: a limit is reached, or its kind is paused
        }
    ),
    State.DONE: frozenset(),
    State.DEAD: frozenset({State.AVAILABLE, State.CANCELLED}),  # retry, discard: by hand
    State.CANCELLED: frozenset(),
}
