"""Resque's words, with those of resque-scheduler, resque-retry, resque-throttle and resque-workers-lock.

::

    from queueapi.compat import resque

    class Archive(resque.Job):
        queue = "file_serve"

        @staticmethod
        def perform(repo_id, branch="master"): ...

    resque.enqueue(Archive, 7, "main")
    resque.enqueue_in(3600, Archive, 7)
    resque.schedule({"nightly": {"cron": "0 3 * * * Europe/Moscow", "class": Archive, "args": [7]}})

Options are attributes of the class: see :class:`Job`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any, ClassVar, Final

from queueapi import application, serializer, timetables
from queueapi.compat.performing import add_kind, as_json
from queueapi.compat.resque_jobs import (
    DontPerform,
    Performed,
    attempts_of,
    hooks,
    limits_of,
    policy_of,
    uniqueness_of,
)
from queueapi.compat.resque_schedules import cron_of
from queueapi.errors import NotAJob, NotUnique, SettingsError
from queueapi.handles import Handle
from queueapi.kinds import address_of, kinds
from queueapi.names import checked_name
from queueapi.states import State

_jobs: Final[dict[type, Any]] = {}


class NoQueueError(SettingsError):
    """The class says no queue."""


class ThrottledError(NotUnique):
    """Another of its kind was enqueued within ``can_run_every``: nothing was enqueued."""


class Job:
    """The base class: write ``perform(*args)``, plain, static or a classmethod, and say a ``queue``.

    Methods called by their prefix, in alphabetical order, with the job's arguments: ``before_enqueue_…`` (False: it is
    not enqueued), ``after_enqueue_…``, ``before_dequeue_…`` (False: it stays), ``after_dequeue_…``,
    ``before_perform_…`` (raises :class:`DontPerform`: it is discarded), ``around_perform_…`` (a generator: ``yield``
    performs), ``after_perform_…``, ``on_failure_…(exception, *args)``.

    resque-retry: ``retry_limit``, ``retry_delay`` (seconds, or a method of the exception), ``backoff_strategy`` (a
    list), ``retry_exceptions`` (a list, or a dict of delays), ``fatal_exceptions``, ``ignore_exceptions`` (tried again
    without being counted). Without any of them a job is tried once.

    resque-throttle: see :class:`ThrottledJob`. resque-workers-lock: see :class:`WorkersLock`.
    """

    queue: ClassVar[Any] = None

    def __init_subclass__(cls, **words: Any) -> None:
        super().__init_subclass__(**words)
        if callable(getattr(cls, "perform", None)):
            _jobs[cls] = add_kind(cls, Performed, policy_of(cls), limits=limits_of(cls))


class ThrottledJob(Job):
    """Enqueued at most once in ``can_run_every`` seconds, for each ``identifier(*args)``; else ThrottledError."""

    can_run_every: ClassVar[float | dt.timedelta] = 1800
    throttle_disabled: ClassVar[bool] = False

    @staticmethod
    def identifier(*args: Any) -> Any:
        """What is throttled apart: default nothing, so all jobs of the class together."""
        return None


class WorkersLock(Job):
    """One at a time runs for each ``lock_workers(*args)``, and one at a time waits or runs for each ``lock_enqueue``.

    Either may give False: then there is no such lock.
    """

    @classmethod
    def lock_workers(cls, *args: Any) -> Any:
        """Jobs of which this is equal do not run at the same time, whatever their class."""
        return [address_of(cls), *args]

    @classmethod
    def lock_enqueue(cls, *args: Any) -> Any:
        """While one of which this is equal waits or runs, another is not enqueued."""
        return list(args)


class Retry(Job):
    """``retry_limit`` is 1 and ``retry_delay`` 0, if nothing else is said."""

    retry_limit: ClassVar[int] = 1


class ExponentialBackoff(Job):
    """resque-retry's delays, if nothing else is said."""

    backoff_strategy: ClassVar[list[float]] = [0, 60, 600, 3600, 10_800, 21_600]


def enqueue(cls: type, *args: Any) -> Handle | None:
    """Have a worker call ``cls.perform(*args)``; None if a hook refused.

    Raises:
        NotAJob: no worker knows the class. A TypeError.
        NotSerializable: an argument would not come back from JSON as it is. A TypeError.
        NoQueueError, ThrottledError: see there.
    """
    return _enqueue(cls, args, {})


def enqueue_to(queue: str, cls: type, *args: Any) -> Handle | None:
    """The same, to another queue than the class says."""
    return _enqueue(cls, args, {"queue": queue})


def enqueue_in(seconds: float | dt.timedelta, cls: type, *args: Any) -> Handle | None:
    """The same, in so many seconds."""
    return _enqueue(cls, args, {"delay": seconds})


def enqueue_at(when: dt.datetime, cls: type, *args: Any) -> Handle | None:
    """The same, at that time."""
    return _enqueue(cls, args, {"run_at": when})


def enqueue_in_with_queue(queue: str, seconds: float | dt.timedelta, cls: type, *args: Any) -> Handle | None:
    """:func:`enqueue_in`, to another queue."""
    return _enqueue(cls, args, {"queue": queue, "delay": seconds})


def enqueue_at_with_queue(queue: str, when: dt.datetime, cls: type, *args: Any) -> Handle | None:
    """:func:`enqueue_at`, to another queue."""
    return _enqueue(cls, args, {"queue": queue, "run_at": when})


def dequeue(cls: type, *args: Any) -> int:
    """Take back what waits of the class with these arguments, or without any, all of it; how many jobs that were."""
    if any(hook(*args) is False for hook in hooks(cls, "before_dequeue")):
        return 0
    count = _take_back(cls, args, {State.AVAILABLE, State.BLOCKED})
    for hook in hooks(cls, "after_dequeue"):
        hook(*args)
    return count


def remove_delayed(cls: type, *args: Any) -> int:
    """Take back what is scheduled for later, as :func:`dequeue` does what waits."""
    return _take_back(cls, args, {State.SCHEDULED})


def schedule(entries: Mapping[str, Mapping[str, Any]]) -> None:
    """Declare recurring jobs: resque-scheduler's YAML, read. In a module that the workers import.

    Each has a ``cron`` (five fields, or six with seconds first, and a timezone behind them, if it is not UTC) or an
    ``every`` (such as 30s, 5m, 2h, 1d, of those that divide a minute, an hour or a day), a ``class`` (or its name),
    and may have ``args`` and ``queue``. A tick that was missed is not made up for. Hooks on enqueueing are not called.
    """
    for name, entry in entries.items():
        cls = _class_of(entry.get("class", name))
        args = entry.get("args", [])
        job = _job_of(cls)(as_json(args if isinstance(args, (list, tuple)) else [args], cls.__qualname__))
        expression, zone = cron_of(name, entry)
        said = {"queue": entry.get("queue") or _queue_of(cls), "max_attempts": attempts_of(cls)}
        timetables.schedule(name, job, expression, tz=zone, catch_up="skip", **said)  # type: ignore[arg-type]


def _enqueue(cls: type, args: tuple[Any, ...], said: dict[str, Any]) -> Handle | None:
    job = _job_of(cls)(as_json(args, cls.__qualname__))
    said = {"queue": _queue_of(cls) if "queue" not in said else said.pop("queue"), **said, **uniqueness_of(cls)}
    if any(hook(*args) is False for hook in hooks(cls, "before_enqueue")):
        return None
    try:
        handle = application.own.push(job, max_attempts=attempts_of(cls), **said)
    except NotUnique as error:
        raise ThrottledError(f"{cls.__qualname__} was enqueued less than can_run_every ago: {error}") from error
    for hook in hooks(cls, "after_enqueue"):
        hook(*args)
    return handle


def _take_back(cls: type, args: tuple[Any, ...], states: set[State]) -> int:
    backend = application.own.backend()
    job = _job_of(cls)(as_json(args, cls.__qualname__))
    kind = kinds.of(job)
    found = backend.find_waiting(kind.name, serializer.dumps(kind, job, backend.settings.max_args) if args else None)
    return sum(backend.cancel(id_) for id_, state in found if state in states)


def _job_of(cls: type) -> Any:
    if cls not in _jobs:
        raise NotAJob(f"no worker knows {address_of(cls)}: derive it from resque.Job, and write its perform()")
    return _jobs[cls]


def _class_of(given: Any) -> type:
    found = [cls for cls in _jobs if given in (cls, address_of(cls), cls.__qualname__)]
    if len(found) != 1:
        raise SettingsError(f"the class {given!r} of a schedule is that of {len(found)} jobs: give the class itself")
    return found[0]


def _queue_of(cls: Any) -> str:
    queue = cls.queue() if callable(cls.queue) else cls.queue
    if not queue:
        raise NoQueueError(f"{cls.__qualname__} says no queue: give it one, as in  queue = 'file_serve'")
    return checked_name("queue", queue)


__all__ = [
    "DontPerform", "ExponentialBackoff", "Job", "NoQueueError", "Retry", "ThrottledError", "ThrottledJob",
    "WorkersLock", "dequeue", "enqueue", "enqueue_at", "enqueue_at_with_queue", "enqueue_in", "enqueue_in_with_queue",
    "enqueue_to", "remove_delayed", "schedule",
]  # fmt: skip
