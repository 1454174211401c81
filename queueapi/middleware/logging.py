"""A line for every push, every beginning and every end, with what log aggregators search for."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

from queueapi.claims import Claimed
from queueapi.middleware.chain import around_perform, around_push


def log_jobs(logger: logging.Logger | str = "queueapi.jobs", level: int = logging.INFO) -> None:
    """Log every attempt and every push of this process.

    The records have ``job_id``, ``job_kind``, ``job_queue``, ``job_attempt`` and, at the end, ``job_seconds``.
    """
    to = logging.getLogger(logger) if isinstance(logger, str) else logger

    def logged(job: Any, attempt: Claimed, call: Callable[[], Any]) -> Any:
        extra: dict[str, Any] = {
            "job_id": attempt.id,
            "job_kind": attempt.kind,
            "job_queue": attempt.queue,
            "job_attempt": attempt.attempt,
        }
        to.log(level, "job %s: %s begins, attempt %s", attempt.id, attempt.kind, attempt.attempt, extra=extra)
        begun, ended = time.monotonic(), "ended"
        try:
            return call()
        except BaseException as error:
            ended = f"raised {type(error).__name__}"
            raise
        finally:
            extra["job_seconds"] = took = round(time.monotonic() - begun, 6)
            to.log(level, "job %s: %s %s after %.3f s", attempt.id, attempt.kind, ended, took, extra=extra)

    def pushed(job: Any, options: dict[str, Any], push: Callable[..., Any]) -> Any:
        handle = push()
        to.log(level, "pushed %s%s", type(job).__qualname__, "" if handle is None else f" as job {handle.id}")
        return handle

    around_perform(logged)
    around_push(pushed)
