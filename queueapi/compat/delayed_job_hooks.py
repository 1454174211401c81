"""What a DelayedJob payload may say of its job, and is told of it."""

from __future__ import annotations

import dataclasses
import datetime as dt
import inspect
from collections.abc import Callable
from typing import Any

from queueapi.claims import Claimed
from queueapi.compat.performing import ON_PURPOSE, current_attempt, is_last, judge, with_fitting
from queueapi.errors import WorkerLost


class Worker:
    """The settings, for the whole process: ``Worker.delay_jobs = False``.

    Attributes:
        delay_jobs: False: what is pushed runs at once, in the caller, and raises there. Or a function of the row.
        max_attempts: of jobs that do not say.
        max_run_time: seconds; a job may say less. None: no limit.
        default_priority, default_queue_name: of jobs that do not say.
        queue_attributes: ``{"mail": {"priority": -10}}``.
    """

    delay_jobs: bool | Callable[[Any], bool] = True
    max_attempts: int = 25
    max_run_time: float | dt.timedelta | None = None
    default_priority: int = 0
    default_queue_name: str | None = None
    queue_attributes: dict[str, dict[str, int]] = {}  # noqa: RUF012 (a setting)


@dataclasses.dataclass
class JobRow:
    """What hooks are given. What ``enqueue`` changes of the first four is what is pushed."""

    payload_object: Any
    queue: str | None = None
    priority: int | None = None
    run_at: dt.datetime | None = None
    max_attempts: int | None = None
    id: int | None = None
    attempts: int = 0
    others: dict[str, Any] = dataclasses.field(default_factory=dict)

    def said(self) -> dict[str, Any]:
        """The options of its push."""
        words = {name: getattr(self, name) for name in ("queue", "priority", "run_at", "max_attempts")}
        return {**words, **self.others}


def option_words(target: Any, options: dict[str, Any]) -> dict[str, Any]:
    """The options of a push: what it says, else what the object says, else the worker's."""
    said = {name: _asked(value, target) for name, value in options.items()}
    queue = said.pop("queue", None) or _of(target, "queue_name") or Worker.default_queue_name
    attributes = Worker.queue_attributes.get(queue or "default", {})
    priority = said.pop("priority", None)
    words = {
        "queue": queue,
        "priority": attributes.get("priority", Worker.default_priority) if priority is None else priority,
        "run_at": said.pop("run_at", None),
        "max_attempts": said.pop("max_attempts", None) or _of(target, "max_attempts") or Worker.max_attempts,
    }
    limits = [limit for limit in (_of(target, "max_run_time"), Worker.max_run_time) if limit is not None]
    if limits and "timeout" not in said:
        said["timeout"] = min(map(_seconds, limits))
    return {**words, "others": said}


def _seconds(value: Any) -> float:
    return float(value.total_seconds() if isinstance(value, dt.timedelta) else value)


def _asked(value: Any, target: Any) -> Any:
    return with_fitting(value, target) if inspect.isroutine(value) else value


def _of(target: Any, name: str) -> Any:
    """What the object says, if it does. A class says nothing: its methods want an object."""
    found = None if isinstance(target, type) else getattr(target, name, None)
    return found() if callable(found) else found


def tell(target: Any, hook: str, *words: Any) -> None:
    """Call the object's hook, if it has one, with as many of the words as it takes."""
    method = None if isinstance(target, type) else getattr(target, hook, None)
    if inspect.ismethod(method) or inspect.isfunction(method):
        with_fitting(method, *words)


def invoke(target: Any, perform: Callable[[], Any]) -> Any:
    """The attempt, in DelayedJob's order: before, perform, success or error, after; and failure after the last."""
    attempt = current_attempt()
    row = _row(target, attempt, attempt.attempt - 1)
    try:
        try:
            tell(target, "before", row)
            result = perform()
            tell(target, "success", row)
            return result
        except ON_PURPOSE:
            raise
        except BaseException as error:
            tell(target, "error", row, error)
            raise
        finally:
            tell(target, "after", row)
    except ON_PURPOSE:
        raise
    except BaseException as error:
        row.attempts = attempt.attempt
        if is_last(attempt):
            tell(target, "failure", row)
        else:
            _reschedule(target, error, attempt.attempt)
        raise


def tell_lost(error: BaseException, target: Callable[[], Any]) -> None:
    """Call ``failure`` of what was lost with its worker in its last attempt; of all else :func:`invoke` has told."""
    if isinstance(error, WorkerLost):
        attempt = current_attempt()
        found = target()
        tell(found, "failure", _row(found, attempt, attempt.attempt))


def _row(target: Any, attempt: Claimed, attempts: int) -> JobRow:
    return JobRow(target, attempt.queue, attempt.priority, None, attempt.max_attempts, attempt.id, attempts)


def _reschedule(target: Any, error: BaseException, attempts: int) -> None:
    if not hasattr(target, "reschedule_at") or isinstance(target, type):
        return
    now = dt.datetime.now(dt.UTC)
    judge(error, max(0.0, (target.reschedule_at(now, attempts) - now).total_seconds()))
