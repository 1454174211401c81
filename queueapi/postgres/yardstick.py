"""What a benchmark reads and takes away again: its own jobs, and no others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from queueapi.postgres.sessions import Dedicated

_AT_ONCE: Final = 1000


class Yardstick:
    """Jobs of one queue that is nobody else's.

    Args:
        session: where the statements run.
        queue: its name.
    """

    def __init__(self, session: Dedicated, queue: str) -> None:
        self._run = session.run
        self._queue = queue

    def time(self, ids: Sequence[int]) -> tuple[int, float | None]:
        """How many of the jobs are done, and the seconds from the first claim to the last outcome."""
        ((done, seconds),) = self._run("time_scratch", {"ids": list(ids)})
        return done, seconds

    def forget(self, ids: Sequence[int]) -> None:
        """Take away all that there is of them."""
        for start in range(0, len(ids), _AT_ONCE):
            self._run("forget_scratch", {"ids": list(ids[start : start + _AT_ONCE]), "queue": self._queue})
