"""The registry of kinds.

Kinds are looked up here and nowhere else: a name found in a row is never imported.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final, NamedTuple

from queueapi.errors import KindTaken, NotAJob, UnknownKind
from queueapi.later import Later
from queueapi.options import Options
from queueapi.retry import DEFAULT, Policy

if TYPE_CHECKING:
    import inspect

    from queueapi.limits import Limit
else:
    inspect = Later("inspect")


class Kind(NamedTuple):
    """A job class as the queue knows it.

    Attributes:
        name: what stands in the rows.
        cls: what ``run()`` is called on.
        schema: the type that the arguments are read as: ``cls`` itself, or a dataclass of the same fields for a
            class that only has an ``__init__``.
        options: as given on the class.
        policy: what becomes of it when it fails.
        limits: how many may run.
    """

    name: str
    cls: type
    schema: type
    options: Options
    policy: Policy = DEFAULT
    limits: tuple[Limit, ...] = ()


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
            if other and address_of(other.cls) != address_of(kind.cls):
                raise KindTaken(
                    f"{address_of(kind.cls)} and {address_of(other.cls)} both claim the kind {kind.name!r}: "
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

    def registered(self, cls: type) -> Kind | None:
        """The kind of a class, if it has one."""
        return self._by_class.get(cls)

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


def address_of(cls: type) -> str:
    """Where the class stands: the kind of a job that is given none."""
    return f"{cls.__module__}.{cls.__qualname__}"


def _why_not(job: object) -> str:
    name = getattr(job, "__qualname__", type(job).__qualname__)
    if isinstance(job, type):
        return f"{name} is a class: push an object of it, as in  queue.push({name}(...))"
    if callable(getattr(job, "job", None)):
        return f"{name} is a function: push a call of it, as in  queue.push({name}.job(...))"
    if inspect.isroutine(job):
        return f"{name} is a function: put @queueapi.job above it, and push a call of it:  queue.push({name}.job(...))"
    if hasattr(job, "__job__"):
        return f"{name} has no run(), so there is nothing to do: write one"
    return f"{name} is not a job: derive it from queueapi.Job, or put @queueapi.job above it"
