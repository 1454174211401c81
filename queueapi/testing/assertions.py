"""Assertions about what was pushed, which say what was pushed instead."""

from __future__ import annotations

from typing import Any, Final

from queueapi.jobs import JobFunction
from queueapi.queues import Queue

# So many jobs are shown by a failure.
_SHOWN: Final = 20


def assert_pushed(queue: Queue, job: Any, /, times: int | None = None, **fields: Any) -> Any:
    """Assert that such a job waits in the queue, and give the first of them::

        mail = assert_pushed(test_queue["mail"], SendMail, to="ada@example.org")

    Args:
        queue: a TestQueue, or a queue on PostgreSQL that no worker works. ``queue["mail"]`` looks there alone.
        job: its class, or the function that @job stands above.
        times: exactly so many of them; default at least one.
        fields: what it holds; those not named may hold anything.
    """
    __tracebackhide__ = True
    waiting = queue.jobs
    found = [one for one in waiting if _fits(one, _class_of(job), fields)]
    if len(found) == times or (times is None and found):
        return found[0] if found else None
    wanted = _call(_class_of(job), fields)
    how = f"no {wanted} was" if not found else f"{wanted} was {len(found)} times"
    expected = "" if times is None else f", and not {times} times"
    raise AssertionError(f"{how} pushed to {queue!r}{expected}. {_told(waiting, _class_of(job), fields)}")


def assert_not_pushed(queue: Queue, job: Any = None, /, **fields: Any) -> None:
    """Assert that no such job waits in the queue; without a class, that none waits at all."""
    __tracebackhide__ = True
    waiting = queue.jobs
    if job is None:
        if waiting:
            raise AssertionError(f"something was pushed to {queue!r}. {_told(waiting, object, {})}")
    elif any(_fits(one, _class_of(job), fields) for one in waiting):
        wanted = _call(_class_of(job), fields)
        raise AssertionError(f"{wanted} was pushed to {queue!r}. {_told(waiting, _class_of(job), fields)}")


def _class_of(job: Any) -> type:
    cls = job.job_class if isinstance(job, JobFunction) else job
    if not isinstance(cls, type):
        raise TypeError(f"{job!r} is no job class: name that, and what it holds: assert_pushed(queue, Report, month=3)")
    return cls


_NOTHING: Final = object()


def _fits(job: Any, cls: type, fields: dict[str, Any]) -> bool:
    return isinstance(job, cls) and all(getattr(job, name, _NOTHING) == value for name, value in fields.items())


def _told(waiting: list[Any], cls: type, fields: dict[str, Any]) -> str:
    """What is there instead, those of the class first, and where each differs."""
    if not waiting:
        return "Nothing waits there"
    ordered = sorted(waiting, key=lambda one: not isinstance(one, cls))
    lines = [f"  {_short(one)}{_difference(one, cls, fields)}" for one in ordered[:_SHOWN]]
    if len(waiting) > _SHOWN:
        lines.append(f"  and {len(waiting) - _SHOWN} more")
    return "\n".join([f"{len(waiting)} waiting:", *lines])


def _difference(job: Any, cls: type, fields: dict[str, Any]) -> str:
    if not isinstance(job, cls):
        return ""
    other = [name for name, value in fields.items() if getattr(job, name, _NOTHING) != value]
    return f"   <- differs in {', '.join(other)}" if other else ""


def _call(cls: type, fields: dict[str, Any]) -> str:
    return f"{cls.__qualname__}({', '.join(f'{name}={value!r}' for name, value in fields.items())})"


def _short(job: Any) -> str:
    text = repr(job)
    return text if len(text) <= 200 else f"{text[:199]}…"
