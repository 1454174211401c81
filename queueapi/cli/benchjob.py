"""The job of ``queueapi bench``: it does nothing, so that what is measured is the queue."""

from __future__ import annotations

from queueapi.jobs import Job


class Nothing(Job, kind="queueapi.bench"):
    """Does nothing."""

    n: int

    def run(self) -> None:
        """See above."""
