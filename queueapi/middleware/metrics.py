"""Figures for whatever collects them: how often each kind of job ended how, and how long it took."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

from queueapi.claims import Claimed
from queueapi.interrupts import Interruption
from queueapi.middleware.chain import AroundPerform
from queueapi.verdicts import Discard, Retry, Snooze

Ended = Literal["done", "failed", "retry", "snoozed", "discarded", "interrupted"]


class Measured(NamedTuple):
    """One attempt. ``seconds`` is what ``run()`` took, with what stands inside of this in the chain."""

    kind: str
    queue: str
    attempt: int
    ended: Ended
    seconds: float


def measure(observe: Callable[[Measured], object]) -> AroundPerform:
    """``around_perform(measure(observe))``, for example with prometheus_client::

        SECONDS = Histogram("job_seconds", "Attempts at jobs", ["kind", "ended"])
        around_perform(measure(lambda it: SECONDS.labels(it.kind, it.ended).observe(it.seconds)))

    Args:
        observe: called at the end of each attempt, whatever that is. What it raises fails the attempt: let it not.
    """

    def measured(job: Any, attempt: Claimed, call: Callable[[], Any]) -> Any:
        begun, ended = time.monotonic(), "done"
        try:
            return call()
        except BaseException as error:
            ended = next((word for type_, word in _ENDS if isinstance(error, type_)), "failed")
            raise
        finally:
            took = time.monotonic() - begun
            observe(Measured(attempt.kind, attempt.queue, attempt.attempt, ended, took))  # type: ignore[arg-type]

    return measured


_ENDS = ((Retry, "retry"), (Snooze, "snoozed"), (Discard, "discarded"), (Interruption, "interrupted"))
