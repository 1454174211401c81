"""What ``run()`` can raise to say how its attempt ends. Nothing here is an error of the house."""

from __future__ import annotations

import datetime as dt

from queueapi.times import seconds


class Retry(Exception):
    """The attempt failed, and the job is to be tried again: ``raise Retry(60)``, or ``raise Retry(60) from error``.

    It is charged: after the last attempt the job is dead.

    Args:
        delay: in so many seconds; None as the class says.
    """

    def __init__(self, delay: float | dt.timedelta | None = None, reason: str = "") -> None:
        super().__init__(reason or "the job asked for another attempt")
        self.delay = None if delay is None else seconds("delay", delay)


class Snooze(Exception):
    """It is too early: ``raise Snooze(300)`` puts the job back, and the attempt is not charged.

    Args:
        delay: for so many seconds.
    """

    def __init__(self, delay: float | dt.timedelta) -> None:
        super().__init__("the job put itself off")
        self.delay = seconds("delay", delay)


class Discard(Exception):
    """There is no sense in it any more: ``raise Discard("the record is gone")``. The job is cancelled, and kept as long
    as a result, with the reason."""

    def __init__(self, reason: str = "") -> None:
        super().__init__(reason or "the job discarded itself")
