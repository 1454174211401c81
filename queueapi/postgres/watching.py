"""Who wants to know about which job. Whoever waits registers here first, then reads the row, then waits."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from queueapi.postgres.sessions import Session

# The NOTIFY channel on which jobs with news are told, as ids with commas between them.
CHANNEL = "queueapi_jobs"


class Watching:
    """One watcher's registrations. A watcher that dies is forgotten when its time is up.

    Args:
        session: where the statements run.
        watcher: whose they are.
    """

    def __init__(self, session: Session, watcher: UUID) -> None:
        self._run = session.run
        self._watcher = watcher

    def stay(self, seconds: float) -> None:
        """Count as alive for so long."""
        self._run("renew_watcher", {"watcher": self._watcher, "seconds": seconds})

    def watch(self, ids: Iterable[int]) -> None:
        """From the commit of this on, news of these jobs are told."""
        self._run("watch_jobs", {"watcher": self._watcher, "ids": list(ids)})

    def unwatch(self, ids: Iterable[int]) -> None:
        """No more news of these."""
        self._run("unwatch_jobs", {"watcher": self._watcher, "ids": list(ids)})

    def leave(self) -> None:
        """Watch nothing any more."""
        self._run("forget_watcher", {"watcher": self._watcher})
