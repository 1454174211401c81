"""What is raised into a running job, at its next switch or progress call, by whoever runs it.

All but SoftTimeout are no ``Exception``: a job that catches all errors does not catch these, and may still clean up in
``finally``. Each is raised once; what a job does not let through, it has decided itself.
"""

from __future__ import annotations

from queueapi.claims import Claimed


class Interruption(BaseException):
    """The attempt is to end now.

    Args:
        claimed: the attempt that is meant. What a job raises itself, or has kept from another, is a failure like any
            other: an uncharged one would come back for ever.
    """

    says = "interrupted by its worker"

    def __init__(self, claimed: Claimed | None = None) -> None:
        super().__init__(self.says)
        self.claimed = claimed

    def means(self, claimed: Claimed) -> bool:
        """Whether it was raised by whoever runs this attempt, for this attempt."""
        return self.claimed is claimed


class Interrupted(Interruption):
    """The worker stops, or its lease is lost: the attempt is given back, uncharged."""


class Cancelled(Interruption):
    """Somebody called ``handle.cancel()``: the job ends as cancelled, whatever it raises from now on."""

    says = "somebody cancelled it while it ran"


class HardTimeout(Interruption):
    """``hard_timeout=`` is over: the attempt has failed. A job that does not end at once takes its process with it."""

    says = "it ran longer than its hard_timeout"


class SoftTimeout(TimeoutError):
    """``timeout=`` is over. The job may catch it and do something else instead; else the attempt has failed of it."""

    def __init__(self, seconds: float = 0.0) -> None:
        super().__init__(f"it ran longer than its timeout of {seconds:g} s")
