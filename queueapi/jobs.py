"""What a job is: a class with ``run()``, known under a kind; and what it can say while it runs.

Kinds are looked up here and nowhere else: a name found in a row is never imported.
"""

from __future__ import annotations

import dataclasses
import inspect
import re
import threading
import typing
from collections.abc import Callable, Iterable, Iterator
from functools import update_wrapper
from typing import Any, Final, Generic, ParamSpec, TypeVar, dataclass_transform, overload

from queueapi.errors import KindTaken, NotAJob, SettingsError, UnknownKind
from queueapi.records import Options
from queueapi.reporting import report, walk

T = TypeVar("T")
P = ParamSpec("P")
R = TypeVar("R")

# What may stand in a queue's or a kind's name: it travels through URLs, process titles and logs.
_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:<>-]{0,199}", re.ASCII)
# Attributes that a field would hide.
_RESERVED: Final = frozenset({"run", "progress"})


def checked_name(what: str, name: object) -> str:
    """The name, if it can be one.

    Raises:
        SettingsError: it is empty, too long, or has other characters than letters, digits and ``_ . : < > -``.
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise SettingsError(
            f"{name!r} cannot be the name of a {what}: use up to 200 letters, digits, and _ . : -, "
            "and begin with a letter, a digit or _"
        )
    return name


@dataclasses.dataclass(frozen=True, slots=True)
class Kind:
    """A job class as the queue knows it.

    Attributes:
        name: what stands in the rows.
        cls: what ``run()`` is called on.
        schema: the type that the arguments are read as: ``cls`` itself, or a dataclass of the same fields for a
            class that only has an ``__init__``.
        options: as given on the class.
    """

    name: str
    cls: type
    schema: type
    options: Options


class Kinds:
    """The registry. Filled by decorators and base classes at import, read at push and at claim."""

    def __init__(self) -> None:
        self._by_name: dict[str, Kind] = {}
        self._by_class: dict[type, Kind] = {}
        self._lock = threading.Lock()

    def add(self, kind: Kind) -> None:
        """Register a kind.

        Raises:
            KindTaken: another class has that name. The same class, imported again, replaces itself.
        """
        with self._lock:
            other = self._by_name.get(kind.name)
            if other and _address(other.cls) != _address(kind.cls):
                raise KindTaken(
                    f"{_address(kind.cls)} and {_address(other.cls)} both claim the kind {kind.name!r}: "
                    'give one of them another, as in  class Report(Job, kind="monthly_report")'
                )
            self._by_name[kind.name] = kind
            self._by_class[kind.cls] = kind

    def of(self, job: object) -> Kind:
        """The kind of a job object.

        Raises:
            NotAJob: its class is not registered, or lives where no worker can import it.
        """
        kind = self._by_class.get(type(job))
        if kind is None:
            raise NotAJob(_why_not(job))
        if kind.name.startswith("__main__."):
            raise NotAJob(
                f"{kind.cls.__qualname__} is defined in the script that is running, where no worker can import it: "
                "move it to a module, or give it a kind of its own"
            )
        return kind

    def named(self, name: str) -> Kind:
        """The kind that a row names.

        Raises:
            UnknownKind: nothing is registered under it.
        """
        try:
            return self._by_name[name]
        except KeyError:
            raise UnknownKind(f"no job is registered under the kind {name!r}") from None

    def __len__(self) -> int:
        return len(self._by_name)


kinds: Final = Kinds()


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
    """

    def __init_subclass__(
        cls,
        *,
        kind: str | None = None,
        queue: str | None = None,
        priority: int | None = None,
        max_attempts: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init_subclass__(**kwargs)
        for name in _RESERVED & cls.__dict__.get("__annotations__", {}).keys():
            raise SettingsError(f"{cls.__qualname__} has a field named {name!r}, which jobs need themselves: rename it")
        dataclasses.dataclass(cls)
        cls.__job_options__ = _merge(getattr(cls, "__job_options__", Options()), queue, priority, max_attempts)
        if cls.run is not Job.run:
            _register(cls, cls, kind, cls.__job_options__)

    __job_options__: typing.ClassVar[Options] = Options()

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
    if total is None and hasattr(done, "__len__"):
        total = len(done)
    return walk(done, total, message)


class JobFunction(Generic[P, R]):
    """A function that can be pushed: ``queue.push(send.job("a@b"))``. Called, it is the plain function."""

    def __init__(self, function: Callable[P, R], kind: str | None, options: Options) -> None:
        update_wrapper(self, function)
        self._function = function
        self._class = _class_of(function)
        _register(self._class, self._class, kind, options)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        return self._function(*args, **kwargs)

    def job(self, *args: P.args, **kwargs: P.kwargs) -> Any:
        """A job object that will call the function with these arguments."""
        return self._class(*args, **kwargs)


@overload
def job(target: type[T], /) -> type[T]: ...
@overload
def job(target: Callable[P, R], /) -> JobFunction[P, R]: ...
@overload
def job(
    *,
    kind: str | None = None,
    queue: str | None = None,
    priority: int | None = None,
    max_attempts: int | None = None,
) -> Callable[[Any], Any]: ...
def job(
    target: Any = None,
    /,
    *,
    kind: str | None = None,
    queue: str | None = None,
    priority: int | None = None,
    max_attempts: int | None = None,
) -> Any:
    """Make a job of any class with ``run()``, or of a function. The keywords are those of :class:`Job`.

    Raises:
        NotAJob: a class without ``run()``, or a function whose arguments cannot be stored by name.
        KindTaken: another class has the kind.
    """
    options = _merge(Options(), queue, priority, max_attempts)

    def decorate(target: Any) -> Any:
        if not isinstance(target, type):
            return JobFunction(target, kind, options)
        if not callable(getattr(target, "run", None)):
            raise NotAJob(f"{target.__qualname__} has no run(): a job is a class with run(), or a function")
        if "__init__" not in target.__dict__ and target.__dict__.get("__annotations__"):
            dataclasses.dataclass(target)
        _register(target, _schema_of(target), kind, options)
        return target

    return decorate if target is None else decorate(target)


def _register(cls: type, schema: type, kind: str | None, options: Options) -> None:
    name = checked_name("kind", kind or _address(cls))
    kinds.add(Kind(name, cls, schema, options))


def _merge(base: Options, queue: str | None, priority: int | None, max_attempts: int | None) -> Options:
    given = Options(queue, priority, max_attempts)
    return Options(*(new if new is not None else old for new, old in zip(checked(given), base, strict=True)))


def checked(options: Options) -> Options:
    """The options, if they can be kept.

    Raises:
        SettingsError: a name or number that the table has no room for.
    """
    if options.queue is not None:
        checked_name("queue", options.queue)
    for name, value, least in (("priority", options.priority, -32768), ("max_attempts", options.max_attempts, 1)):
        if value is not None and (type(value) is not int or not least <= value <= 32767):
            raise SettingsError(f"{name} is {value!r}, and must be a whole number from {least} to 32767")
    return options


def _address(cls: type) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"


def _why_not(job: object) -> str:
    name = type(job).__qualname__
    if isinstance(job, JobFunction):
        return f"{job.__name__} is a function: push a call of it, as in  queue.push({job.__name__}.job(...))"
    if isinstance(job, type):
        return f"{job.__qualname__} is a class: push an object of it, as in  queue.push({job.__qualname__}(...))"
    if isinstance(job, Job):
        return f"{name} has no run(), so there is nothing to do: write one"
    return f"{name} is not a job: derive it from queueapi.Job, or put @queueapi.job above it"


def _class_of(function: Callable[..., Any]) -> type:
    """A dataclass with the function's parameters as fields, whose ``run()`` calls it."""
    fields = _fields_of(function, inspect.signature(function))
    names = [name for name, *_ in fields]

    def run(self: Any) -> Any:
        return function(**{name: getattr(self, name) for name in names})

    cls = dataclasses.make_dataclass(function.__name__, fields, namespace={"run": run})
    cls.__module__, cls.__qualname__, cls.__doc__ = function.__module__, function.__qualname__, function.__doc__
    return cls


def _schema_of(cls: type) -> type:
    """What msgspec reads: the class, if it declares its fields; else a dataclass of its ``__init__``'s parameters."""
    if dataclasses.is_dataclass(cls) or hasattr(cls, "__struct_fields__") or hasattr(cls, "__attrs_attrs__"):
        return cls
    signature = inspect.signature(cls)
    return dataclasses.make_dataclass(cls.__name__, _fields_of(cls.__init__, signature))


def _fields_of(function: Callable[..., Any], signature: inspect.Signature) -> list[Any]:
    hints = typing.get_type_hints(function, include_extras=True)
    fields: list[Any] = []
    for name, parameter in signature.parameters.items():
        if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            raise NotAJob(f"{function.__qualname__} takes {parameter}, which cannot be stored by name: name each argument")
        default = () if parameter.default is parameter.empty else (_default(parameter.default),)
        fields.append((name, hints.get(name, Any), *default))
    return fields


def _default(value: Any) -> Any:
    if isinstance(value, (list, dict, set)):  # dataclasses refuse these, functions do not
        return dataclasses.field(default_factory=value.copy)
    return dataclasses.field(default=value)


__all__ = ["Job", "JobFunction", "Kind", "Kinds", "checked", "checked_name", "job", "kinds", "progress"]
