"""How many jobs of a class, or of a key, run at once or begin in a time, on all workers together.

``limit=5``: five of the class. ``limit=("tenant", 5)``: five for each value of the field ``tenant``.
``limit=Concurrency(5, by=…)`` and ``limit=Rate(100, per=60)`` say it in full; a list says several.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from queueapi.errors import SettingsError
from queueapi.times import seconds

By = str | Callable[[Any], object] | None


@dataclass(frozen=True, slots=True)
class Concurrency:
    """At most so many run at once.

    Args:
        slots: how many.
        by: for each value of this field, or of this function of the job; None: of them all together.
        name: default the job's kind; classes with the same name share the limit.
    """

    slots: int
    by: By = None
    name: str | None = None

    def __post_init__(self) -> None:
        _check_count("slots", self.slots)


@dataclass(frozen=True, slots=True)
class Rate:
    """At most so many begin in each period.

    Args:
        starts: how many.
        per: seconds.
        bucket: False: a window, which allows ``starts`` at once and then none until it ends. True: they refill evenly.
        by, name: as in :class:`Concurrency`.
    """

    starts: int
    per: float | dt.timedelta
    by: By = None
    name: str | None = None
    bucket: bool = False

    def __post_init__(self) -> None:
        _check_count("starts", self.starts)
        if seconds("per", self.per) <= 0:
            raise SettingsError(f"per is {self.per!r}, and must be more than 0 seconds")


Limit = Concurrency | Rate
Limits = int | tuple[str, int] | Limit | Sequence[Limit] | None


def parsed(limit: Limits) -> tuple[Limit, ...]:
    """What a class said, as limits: the tightest first. That is what a job waits for that may not begin, so that few
    wait for the others: each tenant's jobs behind that tenant's limit, not all of them behind the one of all.

    >>> parsed([Concurrency(50), Concurrency(2, by="tenant")])[0].slots
    2

    Raises:
        SettingsError: it cannot be read.
    """
    return tuple(sorted(_parsed(limit), key=_allows))


def _parsed(limit: Limits) -> Sequence[Limit]:
    if limit is None:
        return ()
    if isinstance(limit, int) and not isinstance(limit, bool):
        return (Concurrency(limit),)
    if isinstance(limit, (Concurrency, Rate)):
        return (limit,)
    if isinstance(limit, tuple) and len(limit) == 2 and isinstance(limit[0], str) and isinstance(limit[1], int):
        return (Concurrency(limit[1], by=limit[0]),)
    if isinstance(limit, (list, tuple)) and all(isinstance(one, (Concurrency, Rate)) for one in limit):
        return limit
    raise SettingsError(
        f"limit={limit!r} must be a number, a field and a number, a Concurrency, a Rate, or a list of these two"
    )


def keys(kind: str, limits: Sequence[Limit], job: object) -> tuple[str, ...]:
    """What counts the job, a key for each of its limits, in their order."""
    return tuple(dict.fromkeys(key_of(kind, limit, job) for limit in limits))


def key_of(kind: str, limit: Limit, job: object) -> str:
    """``name`` or ``name:value``, with what kind of limit it is before it, so that two of a name are two.

    >>> key_of("shop.Import", Concurrency(5), None)
    'at-once:shop.Import'
    """
    name = base(kind, limit)
    if limit.by is None:
        return name
    value = str(limit.by(job) if callable(limit.by) else getattr(job, limit.by))
    if len(value) > _LONGEST:  # it stands in indexes, whose entries have an end
        value = hashlib.sha256(value.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{name}:{value}"


def base(kind: str, limit: Limit) -> str:
    """The key of a limit without its value."""
    return f"{_AT_ONCE if isinstance(limit, Concurrency) else _RATE}:{limit.name or kind}"


def room(limits: Sequence[Limit]) -> int | None:
    """So many jobs of the same keys may begin at once; None without limits."""
    return min(map(_allows, limits), default=None)


def _allows(limit: Limit) -> int:
    return limit.slots if isinstance(limit, Concurrency) else limit.starts


_AT_ONCE, _RATE = "at-once", "rate"
_LONGEST = 200


def _check_count(name: str, value: object) -> None:
    if type(value) is not int or not 1 <= value <= 1_000_000:
        raise SettingsError(f"{name} is {value!r}, and must be a whole number from 1 to 1,000,000")
