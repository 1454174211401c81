"""What people look at: queues, workers, what runs, and one job in full."""

from __future__ import annotations

from typing import Any

import msgspec

from queueapi.postgres.sessions import Dedicated
from queueapi.postgres.statements import Rows

# As many running jobs as a person looks through.
RUNNING = 20
# So many jobs that have ended are counted, the latest: that takes a tenth of a second.
ENDED = 100_000


class Glance:
    """Reads, and changes nothing.

    Args:
        session: where the statements run.
    """

    def __init__(self, session: Dedicated) -> None:
        self._run = session.run

    def queues(self) -> Rows:
        """(queue, state, number, age of the oldest in seconds, whether there may be more) of all jobs."""
        return self._run("count_jobs", {"latest": ENDED})

    def workers(self) -> Rows:
        """(name, queues, slots, seconds up, seconds since seen, jobs held) of all processes."""
        return self._run("list_workers", {})

    def pauses(self, what: str) -> list[str]:
        """The names of the queues, or kinds, that are paused."""
        return [name for whose, name, _ in self._run("list_paused", {}) if whose == what]

    def running(self, limit: int = RUNNING) -> Rows:
        """(id, kind, queue, attempt, of how many, worker, seconds, done, total, message) of what runs."""
        return self._run("list_running", {"limit": limit})

    def job(self, job_id: int) -> dict[str, Any] | None:
        """All that is known of a job."""
        for facts, args, result, error in self._run("show_job", {"id": job_id}):
            found: dict[str, Any] = msgspec.json.decode(facts)
            for name, text in (("args", args), ("result", result), ("error", error)):
                if text is not None:
                    found[name] = _read(text)
            return found
        return None


def _read(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError, ValueError):  # written by hand: shown as it is
        return text
