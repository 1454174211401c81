"""DelayedJob's words.

::

    from queueapi.compat.delayed_job import delay, delayable, enqueue, handle_asynchronously

    delay(tweet, queue="tracking").publish(at="noon")     # a model goes by reference, see locators

    @delayable
    class Device:                                         # a dataclass goes by its fields
        serial: str

        @handle_asynchronously(priority=20, run_at=lambda: in_five_minutes())
        def deliver(self): ...

    Device("x1").deliver()                                # is pushed
    Device("x1").deliver_without_delay()                  # runs

    enqueue(NewsletterJob(text, emails), queue="mail")    # anything delayable with perform()
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import functools
import inspect
import logging
from collections.abc import Callable
from typing import Any, ClassVar, Final, TypeVar, dataclass_transform, overload

from queueapi import application
from queueapi.compat import writing
from queueapi.compat.delayed_job_hooks import JobRow, Worker, invoke, option_words, tell, tell_lost
from queueapi.compat.locators import Gone, locate_sqlalchemy, register_locator
from queueapi.compat.performing import Judged, add_kind
from queueapi.errors import NotAJob, UnknownKind
from queueapi.executor import UNKNOWN_KIND_DELAY
from queueapi.handles import Handle
from queueapi.inprocess import SynchronousQueue
from queueapi.verdicts import Discard, Snooze

C = TypeVar("C", bound=type)

_log = logging.getLogger("queueapi")

# DelayedJob's own: 6 seconds after the first failure, 20 days in all.
_POLICY: Final = Judged(steps=lambda _, attempt: 5 + attempt**4)


@dataclasses.dataclass
class _Call:
    """A method call that was put off."""

    target: ClassVar[type]
    object: Any
    method: str
    args: list[Any]
    kwargs: dict[str, Any]

    def run(self) -> Any:
        found, args, kwargs = _found([self.object, self.args, self.kwargs])
        return invoke(found, lambda: _undelayed(found, self.method)(*args, **kwargs))

    def on_dead(self, error: BaseException) -> None:
        """See :func:`tell_lost`."""
        tell_lost(error, lambda: _found([self.object])[0])


@dataclasses.dataclass
class _Payload:
    """An object with ``perform()``."""

    target: ClassVar[type]
    payload: Any

    def run(self) -> Any:
        (found,) = _found([self.payload])
        return invoke(found, found.perform)

    def on_dead(self, error: BaseException) -> None:
        """See :func:`tell_lost`."""
        tell_lost(error, lambda: _found([self.payload])[0])


class PerformableMethod:
    """What ``delay(x).method()`` is registered as."""


_CALL: Final = add_kind(PerformableMethod, _Call, _POLICY, name="delayed_job.method")
_payloads: Final[dict[type, type]] = {}


def _found(values: list[Any]) -> Any:
    try:
        return writing.read(values)
    except Gone as error:
        raise Discard(str(error)) from error
    except UnknownKind as error:  # as with a kind that nobody knows yet: it waits for the deploy that does
        _log.warning("%s; the job waits for a worker that does", error)
        raise Snooze(UNKNOWN_KIND_DELAY) from error


@dataclass_transform()
def delayable(cls: C) -> C:
    """Let the class's objects be sent by their fields, and itself by its name; with ``perform()``, be enqueued."""
    if "__init__" not in cls.__dict__ and inspect.get_annotations(cls) and not dataclasses.is_dataclass(cls):
        dataclasses.dataclass(cls)
    writing.known(cls)
    if callable(getattr(cls, "perform", None)):
        _payloads[cls] = add_kind(cls, _Payload, _POLICY)
    return cls


def delay(target: Any, **options: Any) -> Any:
    """``delay(x, queue="mail").method(1)`` has a worker call ``x.method(1)``; it returns a handle.

    Args:
        target: what a locator knows, or what is delayable: an object, or the class.
        options: ``queue``, ``priority``, ``run_at``, and all that a push takes: ``conn=`` and ``session=``, too.
    """
    return _Delayed(target, options)


class _Delayed:
    def __init__(self, target: Any, options: dict[str, Any]) -> None:
        self._target, self._options = target, options

    def __getattr__(self, method: str) -> Callable[..., Handle]:
        if method.startswith("_"):
            raise AttributeError(f"{method} is private, and cannot be delayed")
        if not callable(getattr(self._target, method, None)):
            raise AttributeError(f"{type(self._target).__qualname__} has no method {method!r}")

        def push(*args: Any, **kwargs: Any) -> Handle:
            return _push_call(self._target, method, args, kwargs, self._options)

        return push


@overload
def handle_asynchronously(method: Callable[..., Any], /) -> Any: ...
@overload
def handle_asynchronously(**options: Any) -> Callable[[Callable[..., Any]], Any]: ...
def handle_asynchronously(method: Callable[..., Any] | None = None, /, **options: Any) -> Any:
    """Above a method: to call it pushes the call. ``method_without_delay`` is the method itself.

    A function among the options is asked at every call: with the object, if it takes one argument.
    """
    if method is not None:
        return _Asynchronous(method, {})
    return lambda function: _Asynchronous(function, options)


class _Asynchronous:
    def __init__(self, function: Callable[..., Any], options: dict[str, Any]) -> None:
        functools.update_wrapper(self, function)  # type: ignore[arg-type]
        self._function, self._options = function, options

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name
        setattr(owner, f"{name}_without_delay", self._function)
        setattr(owner, f"{name}_with_delay", self)
        writing.known(owner)

    def __get__(self, target: Any, owner: type | None = None) -> Any:
        if target is None:
            return self

        @functools.wraps(self._function)
        def push(*args: Any, **kwargs: Any) -> Handle:
            return _push_call(target, self._name, args, kwargs, self._options)

        return push


def _undelayed(target: Any, method: str) -> Any:
    return getattr(target, f"{method}_without_delay", None) or getattr(target, method)


def _push_call(target: Any, method: str, args: Any, kwargs: Any, options: dict[str, Any]) -> Handle:
    parts = (
        writing.written(target, f"what delay() was given for {method}()"),
        method,
        [writing.written(arg, f"argument {number + 1} of {method}()") for number, arg in enumerate(args)],
        {name: writing.written(arg, f"{name} of {method}()") for name, arg in kwargs.items()},
    )
    return _push(_CALL(*parts), target, options)


def enqueue(payload: Any, **options: Any) -> Handle:
    """Push an object with ``perform()``, whose class is ``@delayable``.

    Raises:
        NotAJob: it has no ``perform()``, or no worker knows its class. A TypeError.
    """
    name = type(payload).__qualname__
    if not callable(getattr(payload, "perform", None)):
        raise NotAJob(f"{name} has no perform(): write one, or push a call of another method by delay()")
    if type(payload) not in _payloads:
        raise NotAJob(f"no worker knows {name}: put @delayable above it")
    return _push(_payloads[type(payload)](writing.written(payload, f"this {name}")), payload, options)


def _push(job: object, target: Any, options: dict[str, Any]) -> Handle:
    row = JobRow(payload_object=target, **option_words(target, options))
    tell(target, "enqueue", row)
    said = {name: value for name, value in row.said().items() if value is not None}
    at_once = not _delayed(row)
    if at_once:
        for name in ("run_at", "delay", "conn", "session"):
            said.pop(name, None)
    return (SynchronousQueue() if at_once else application.own).push(job, **said)


def _delayed(row: JobRow) -> bool:
    says = Worker.delay_jobs
    return bool(says(row)) if callable(says) else says


def in_seconds(seconds: float) -> dt.datetime:
    """``run_at=lambda: in_seconds(300)``: what Rails writes as 5.minutes.from_now."""
    return dt.datetime.now(dt.UTC) + dt.timedelta(seconds=seconds)


__all__ = [
    "JobRow",
    "Worker",
    "delay",
    "delayable",
    "enqueue",
    "handle_asynchronously",
    "in_seconds",
    "locate_sqlalchemy",
    "register_locator",
]
