"""Sidekiq's words.

::

    from queueapi.compat.sidekiq import Worker, sidekiq_options

    @sidekiq_options(queue="critical", retry=5)          # or  class HardWorker(Worker, queue="critical", retry=5)
    class HardWorker(Worker):
        def perform(self, name, count): ...

        def retry_in(self, count, exception): ...        # seconds, "discard", "kill", or None: the usual delay
        def retries_exhausted(self, job, exception): ...

    HardWorker.perform_async("bob", 5)
    HardWorker.perform_in(300, "bob", 5)
    HardWorker.set(queue="low").perform_async("bob", 5)
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar, Final, TypeVar

from queueapi import application
from queueapi.compat.performing import add_kind, as_json
from queueapi.compat.sidekiq_jobs import POLICY, Performed, attempts, job_hash
from queueapi.compat.sidekiq_middleware import Middleware, client_middleware, server_middleware
from queueapi.errors import NotAJob
from queueapi.handles import Handle
from queueapi.inprocess import SynchronousQueue
from queueapi.kinds import address_of
from queueapi.options import Options

C = TypeVar("C", bound=type)

_jobs: Final[dict[type, Any]] = {}
# What Sidekiq's web page shows, or where its Redis is: nothing here depends on them.
_UNUSED: Final = frozenset({"backtrace", "tags", "pool", "retry_queue"})
_OURS: Final = frozenset({"retry", "dead", "unique_for", "unique_until", "wait", "wait_until", "sync"})
# A number of seconds beyond this is a point in time: Sidekiq's own line.
_MOMENT: Final = 1_000_000_000


class Worker:
    """The base class: write ``perform(self, *args)``. Sidekiq calls it Job, too.

    Options, here as keywords of the class or by :func:`sidekiq_options`: ``queue``, ``retry`` (True: 25 times, a
    number, False), ``dead`` (False: not kept when the retries are used up), ``expires_in``, ``unique_for`` with
    ``unique_until`` (``success`` or ``start``), and all else that a push takes. Subclasses inherit them.
    """

    __options__: ClassVar[dict[str, Any]] = {}
    jid: str

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__()
        cls.__options__ = {**cls.__options__, **_checked(options)}
        if callable(getattr(cls, "perform", None)):
            _jobs[cls] = add_kind(cls, Performed, POLICY)

    @classmethod
    def set(cls, **options: Any) -> Setter:
        """The class with other options, for one push: also ``wait``, ``wait_until`` and ``sync``."""
        return Setter(cls, {**cls.__options__, **_checked(options)})

    @classmethod
    def perform_async(cls, *args: Any) -> Handle | None:
        """Have a worker call ``perform(*args)``; None if middleware did not let it through."""
        return cls.set().perform_async(*args)

    @classmethod
    def perform_in(cls, when: float | dt.timedelta | dt.datetime, *args: Any) -> Handle | None:
        """The same in so many seconds, or at a time: a datetime, or seconds since 1970. What is past is now."""
        return cls.set().perform_in(when, *args)

    perform_at = perform_in

    @classmethod
    def perform_bulk(cls, items: Iterable[Sequence[Any]], **options: Any) -> list[Handle]:
        """One job for each list of arguments, all stored or none. ``at``: a time, or one for each;
        ``spread_interval``: over so many seconds from now."""
        return cls.set().perform_bulk(items, **options)

    @classmethod
    def perform_inline(cls, *args: Any) -> Any:
        """Run it here and now, both middleware chains around it; what ``perform`` returns, and raises."""
        return cls.set().perform_inline(*args)

    perform_sync = perform_inline


Job = Worker


def sidekiq_options(**options: Any) -> Callable[[C], C]:
    """Above a worker's class: its options."""

    def decorate(cls: C) -> C:
        cls.__options__ = {**cls.__options__, **_checked(options)}  # type: ignore[attr-defined]
        return cls

    return decorate


class Setter:
    """A worker's class with options of one push."""

    def __init__(self, cls: type[Worker], options: dict[str, Any]) -> None:
        self._cls, self._options = cls, options

    def set(self, **options: Any) -> Setter:
        """See :meth:`Worker.set`."""
        return Setter(self._cls, {**self._options, **_checked(options)})

    def perform_async(self, *args: Any) -> Handle | None:
        """See :meth:`Worker.perform_async`."""
        if self._options.get("sync"):
            self.perform_inline(*args)
            return None
        wait = self._options.get("wait_until", self._options.get("wait"))
        return self._push(args, {} if wait is None else _time(wait))

    def perform_in(self, when: float | dt.timedelta | dt.datetime, *args: Any) -> Handle | None:
        """See :meth:`Worker.perform_in`."""
        return self._push(args, _time(when))

    perform_at = perform_in

    def perform_bulk(
        self, items: Iterable[Sequence[Any]], at: Any = None, spread_interval: float = 0, batch_size: int = 1000
    ) -> list[Handle]:
        """See :meth:`Worker.perform_bulk`. ``batch_size`` does not matter: all are stored in one transaction."""
        items = list(items)
        times = list(at) if isinstance(at, (list, tuple)) else [at] * len(items)
        if spread_interval:
            times = [spread_interval * number / len(items) for number in range(len(items))]
        going = []
        for args, when in zip(items, times, strict=True):
            job, queue = self._job(args)
            if job is not None:
                job._said = queue, 0.0 if when is None else _seconds(when)
                going.append(job)
        said = {**self._said(), "queue": lambda job: job._said[0], "delay": lambda job: job._said[1]}
        return list(application.own.push_all(going, **said)) if going else []

    def perform_inline(self, *args: Any) -> Any:
        """See :meth:`Worker.perform_inline`."""
        job, _ = self._job(args)
        return None if job is None else SynchronousQueue().push(job, max_attempts=1).result()

    perform_sync = perform_inline

    def _push(self, args: tuple[Any, ...], when: dict[str, Any]) -> Handle | None:
        job, queue = self._job(args)
        return None if job is None else application.own.push(job, queue=queue, **{**self._said(), **when})

    def _job(self, args: Sequence[Any]) -> tuple[Any, str]:
        """The job and its queue, as client middleware leaves them; None and the queue if it stops it."""
        if self._cls not in _jobs:
            raise NotAJob(f"{address_of(self._cls)} has no perform(): write one")
        queue = self._options.get("queue") or "default"
        job = job_hash(self._cls, as_json(args, self._cls.__qualname__), queue)
        passed: list[bool] = []
        client_middleware.invoke(self._cls, job, queue, lambda: passed.append(True))
        extra = {name: value for name, value in job.items() if name not in ("class", "args", "queue")}
        made = _jobs[self._cls](as_json(job["args"], self._cls.__qualname__), extra)
        return (made if passed else None), job["queue"]

    def _said(self) -> dict[str, Any]:
        said = {name: value for name, value in self._options.items() if name not in _OURS and name != "queue"}
        said["max_attempts"] = attempts(self._options.get("retry"))
        if self._options.get("unique_for"):
            said["unique"] = lambda job: job.args
            said["unique_until"] = "start" if self._options.get("unique_until") == "start" else "end"
        return said


def _checked(options: dict[str, Any]) -> dict[str, Any]:
    for name in options:
        if name not in Options._fields and name not in _OURS and name not in _UNUSED:
            raise TypeError(f"there is no option {name!r}; there are {', '.join(sorted(_OURS))}, and those of a push")
    if "retry" in options:
        attempts(options["retry"])
    return {name: value for name, value in options.items() if name not in _UNUSED}


def _time(when: Any) -> dict[str, Any]:
    return {"run_at": when} if isinstance(when, dt.datetime) else {"delay": _seconds(when)}


def _seconds(when: Any) -> float:
    """From now on."""
    if isinstance(when, dt.timedelta):
        return max(0.0, when.total_seconds())
    if isinstance(when, dt.datetime):
        return max(0.0, (when - dt.datetime.now(dt.UTC)).total_seconds())
    return max(0.0, float(when) - time.time() if when >= _MOMENT else float(when))


__all__ = ["Job", "Middleware", "Setter", "Worker", "client_middleware", "server_middleware", "sidekiq_options"]
