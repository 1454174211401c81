"""Sentry, and whoever else wants exceptions themselves: what an attempt fails of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from queueapi.claims import Claimed
from queueapi.middleware.chain import AroundPerform
from queueapi.verdicts import Discard, Retry, Snooze


def report_errors(report: Callable[..., Any], last_only: bool = False) -> AroundPerform:
    """``around_perform(report_errors(sentry_sdk.capture_exception))``.

    What a job says on purpose (``Retry``, ``Snooze``, ``Discard``) is no error, and neither is it that a worker
    interrupts it.

    Args:
        report: called with the exception. What it raises itself is the attempt's failure then.
        last_only: only what the last attempt fails of.
    """

    def reporting_errors(job: Any, attempt: Claimed, call: Callable[[], Any]) -> Any:
        try:
            return call()
        except (Retry, Snooze, Discard):
            raise
        except Exception as error:
            if not last_only or attempt.attempt >= attempt.max_attempts:
                report(error)
            raise

    return reporting_errors
