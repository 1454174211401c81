"""What a job is: a class with ``run()``, or a function; and what it can say while it runs."""

from __future__ import annotations

import typing
from collections.abc import Callable, Iterable, Iterator, Sized
from functools import update_wrapper
from typing import (
    TYPE_CHECKING,
    Any,
    Final,
    Generic,
    NamedTuple,
    ParamSpec,
    TypeVar,
    Unpack,
    dataclass_transform,
    overload,
)

from queueapi.errors import NotAJob, SettingsError
from queueapi.kinds import Kind, address_of, kinds
from queueapi.later import Later
from queueapi.names import checked_name
from queueapi.options import NOTHING, Declared, Options, merged, options
from queueapi.reporting import report, walk
from queueapi.retry import DEFAULT, Policy, attempts, policy

if TYPE_CHECKING:
    import dataclasses
    import inspect

    from queueapi import limits
    from queueapi.limits import Limit
else:
    dataclasses, inspect, limits = Later("dataclasses"), Later("inspect"), Later("queueapi.limits")

T = TypeVar("T")
P = ParamSpec("P")
R = TypeVar("R")

# Attributes that a field would hide.
_RESERVED: Final = frozenset({"run", "progress", "on_retry", "on_dead"})


class Declaration(NamedTuple):
    """All that was said of a class, with what its base said."""

    kind: str | None
    options: Options
    policy: Policy
    limits: tuple[Limit, ...]


NONE: Final = Declaration(None, NOTHING, DEFAULT, ())


@dataclass_transform()
class Job:
    """The base class of jobs: declare fields, write ``run()``.

    A subclass is a dataclass by declaration. Options are given as class keywords::

        class ImportContacts(Job, queue="uploads", max_attempts=5):
            upload_id: int

            def run(self): ...

    Keywords:
        kind: the registered name; default ``module.Class``. Give one, and the class may move.
        queue: default ``default``. priority: lower runs first; default 0. max_attempts: default 25.
        retry: how long to wait after a failed attempt: seconds, a list of them (which, if nothing else is said, is also
            how many attempts there are, and whose last repeats), or ``f(exception, attempt)``. Default: a curve from
            seconds to days.
        retry_on: only these exceptions are tried again, all others leave the job dead at once. A class, several, or
            a dict of them with a ``retry`` each.
        discard_on: these exceptions end the job at once, as cancelled.
        limit: how many run at once, or begin in a time, on all workers: see :mod:`queueapi.limits`.

    And all that a push may say: see :class:`queueapi.options.Pushed`. A function among them is called at push, with the
    job or with nothing. What a subclass does not say, its base says for it.

    Two methods that a job may have are called when an attempt has failed, in its worker, before the outcome is
    stored: ``on_retry(exception, delay)`` and ``on_dead(exception)``. What they raise is logged and changes nothing.
    If the worker itself is lost in the last attempt, another calls ``on_dead``, with a :class:`WorkerLost`.
    """

    def __init_subclass__(cls, **declared: Unpack[Declared]) -> None:
        super().__init_subclass__()
        dataclasses.dataclass(cls)
        for name in _RESERVED.intersection(inspect.get_annotations(cls)):
            raise SettingsError(f"{cls.__qualname__} has a field named {name!r}, which jobs need themselves: rename it")
        cls.__job__ = _declaration(cls.__job__, declared)
        if cls.run is not Job.run and "__abstract__" not in cls.__dict__:
            _register(cls, cls, cls.__job__)

    __job__: typing.ClassVar[Declaration] = NONE

    def run(self) -> Any:
        """The work. What it returns is the job's result; what it raises fails the attempt."""
        raise NotImplementedError(f"{type(self).__qualname__} has no run()")

    @overload
    def progress(self, done: Iterable[T], total: float | None = None, message: str | None = None) -> Iterator[T]: ...
    @overload
    def progress(self, done: float, total: float | None = None, message: str | None = None) -> None: ...
    def progress(self, done: Any, total: float | None = None, message: str | None = None) -> Any:
        """Say how far the job is. See :func:`queueapi.progress`."""
        return progress(done, total, message)


@overload
def progress(done: Iterable[T], total: float | None = None, message: str | None = None) -> Iterator[T]: ...
@overload
def progress(done: float, total: float | None = None, message: str | None = None) -> None: ...
def progress(done: Any, total: float | None = None, message: str | None = None) -> Any:
    """Say how far the running job is; call it as often as you like.

    With a number: ``progress(40, 100, "reading")``. With an iterable: ``for row in progress(rows):`` counts by
    itself, out of ``len(rows)`` if it has one. It is stored a few times a second, and shown to whoever holds the
    job's ticket. Outside a job it does nothing.

    Raises:
        TypeError: ``done`` is neither a number nor an iterable.
    """
    if isinstance(done, (int, float)):
        return report(done, total, message)
    if not isinstance(done, Iterable):
        raise TypeError(f"progress() takes a number or an iterable, not {done!r}")
    if total is None and isinstance(done, Sized):
        total = len(done)
    return walk(done, total, message)


class JobFunction(Generic[P, R]):
    """A function that can be pushed: ``queue.push(send.job("a@b"))``. Called, it is the plain function."""

    def __init__(self, function: Callable[P, R], declaration: Declaration) -> None:
        self.__name__: str
        self.__qualname__: str
        update_wrapper(self, function)
        self._function = function
        self._class = _class_of(function)
        _register(self._class, self._class, declaration)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        return self._function(*args, **kwargs)

    @property
    def job_class(self) -> type:
        """The class of its jobs."""
        return self._class

    def job(self, *args: P.args, **kwargs: P.kwargs) -> Any:
        """A job object that will call the function with these arguments."""
        return self._class(*args, **kwargs)


# A class could hide behind a Callable, and then get the second signature: what it gets at run time is right.
@overload
@dataclass_transform()
def job(target: type[T], /) -> type[T]: ...  # type: ignore[overload-overlap]
@overload
def job(target: Callable[P, R], /) -> JobFunction[P, R]: ...
@overload
def job(**declared: Unpack[Declared]) -> Callable[[Any], Any]: ...
def job(target: Any = None, /, **declared: Unpack[Declared]) -> Any:
    """Make a job of any class with ``run()``, or of a function. The keywords are those of :class:`Job`.

    Raises:
        NotAJob: a class without ``run()``, or a function whose arguments cannot be stored by name.
        KindTaken: another class has the kind.
    """
    declaration = _declaration(NONE, declared)

    def decorate(target: Any) -> Any:
        if not isinstance(target, type):
            return JobFunction(target, declaration)
        if not callable(getattr(target, "run", None)):
            raise NotAJob(f"{target.__qualname__} has no run(): a job is a class with run(), or a function")
        if "__init__" not in target.__dict__ and inspect.get_annotations(target) and not _reads_itself(target):
            dataclasses.dataclass(target)
        _register(target, _schema_of(target), declaration)
        return target

    return decorate if target is None else decorate(target)


def _declaration(base: Declaration, declared: Declared) -> Declaration:
    said: dict[str, Any] = {**declared}
    kind, limit = said.pop("kind", None), said.pop("limit", None)
    retry, retry_on, discard_on = (said.pop(name, None) for name in ("retry", "retry_on", "discard_on"))
    said["max_attempts"] = attempts(said.get("max_attempts"), retry)
    return Declaration(
        kind,
        merged(base.options, options(said)),
        policy(base.policy, retry, retry_on, discard_on),
        base.limits if limit is None else limits.parsed(limit),
    )


def _register(cls: Any, schema: type, said: Declaration) -> None:
    name = checked_name("kind", said.kind or address_of(cls))
    _refuse_async(cls.run, cls.__qualname__)
    kinds.add(Kind(name, cls, schema, said.options, said.policy, said.limits))


def _refuse_async(function: Callable[..., Any], name: str) -> None:
    if inspect.iscoroutinefunction(inspect.unwrap(function)):
        raise NotAJob(f"{name} is async: write it plainly, it runs in a greenlet, where to wait costs nothing")


def _class_of(function: Callable[..., Any]) -> type:
    """A dataclass with the function's parameters as fields, whose ``run()`` calls it."""
    _refuse_async(function, function.__qualname__)
    fields = _fields_of(function, inspect.signature(function))
    names = [name for name, *_ in fields]

    def run(self: Any) -> Any:
        return function(**{name: getattr(self, name) for name in names})

    cls = dataclasses.make_dataclass(function.__name__, fields, namespace={"run": run})
    cls.__module__, cls.__qualname__, cls.__doc__ = function.__module__, function.__qualname__, function.__doc__
    return cls


def _schema_of(cls: type) -> type:
    """What msgspec reads: the class, if it declares its fields; else a dataclass of its ``__init__``'s parameters."""
    if dataclasses.is_dataclass(cls) or _reads_itself(cls):
        return cls
    signature = inspect.signature(cls)
    return dataclasses.make_dataclass(cls.__name__, _fields_of(inspect.getattr_static(cls, "__init__"), signature))


def _reads_itself(cls: type) -> bool:
    """Whether it is a msgspec Struct or an attrs class."""
    return hasattr(cls, "__struct_fields__") or hasattr(cls, "__attrs_attrs__")


def _fields_of(function: Callable[..., Any], signature: inspect.Signature) -> list[Any]:
    hints = typing.get_type_hints(function, include_extras=True)
    fields: list[Any] = []
    for name, parameter in signature.parameters.items():
        if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            raise NotAJob(
                f"{function.__qualname__} takes {parameter}, which cannot be stored by name: name each argument"
            )
        default = () if parameter.default is parameter.empty else (_default(parameter.default),)
        fields.append((name, hints.get(name, Any), *default))
    return fields


def _default(value: Any) -> Any:
    if isinstance(value, (list, dict, set)):  # dataclasses refuse these, functions do not
        return dataclasses.field(default_factory=value.copy)
    return dataclasses.field(default=value)
