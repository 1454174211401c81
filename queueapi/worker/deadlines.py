"""Ends jobs that have passed their hard timeout and would not end by themselves."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Final

from queueapi.events import Events
from queueapi.worker.child import Child

# A job that only waits for something ends by itself when its time is over: its process raises HardTimeout in it. What
# has not ended so much later computes, or is stuck in C, and shares its process with jobs that lose their time with it.
PATIENCE: Final = 1.0
# How often to look, in seconds, while there is nothing to look for.
EVERY: Final = 1.0


def enforce(children: Iterable[Child], events: Events) -> float:
    """Kill the processes of jobs that are past their deadline; seconds until it is time to look again."""
    wait = EVERY
    now = time.monotonic()
    for child in children:
        for job in child.board.limited():
            left = job.deadline + PATIENCE - now
            if left > 0:
                wait = min(wait, left)
            elif job not in child.late:
                child.late.append(job)
                events.emit("hard_timeout", id=job.id, pid=child.pid)
                child.kill()
    return wait
