"""Pauses, limits and schedules, changed while everything runs: ``pause_kind(Import)``, ``set_limit(Import, slots=2)``,
``crontab.pause("nightly")``.

What is said here stands in the database: it holds on all workers at once, and after a restart, until it is taken back.
"""

from __future__ import annotations

import datetime as dt
from typing import Any, Final

from queueapi import limits
from queueapi.application import current
from queueapi.controls import Controls, LimitStatus, Pause, controls_of
from queueapi.crontabs import Crontab
from queueapi.errors import SettingsError, UnknownKind
from queueapi.kinds import Kind, kinds
from queueapi.names import checked_name
from queueapi.times import seconds

crontab: Final = Crontab(current)


def pause_kind(kind: Any) -> bool:
    """Let no job of this class begin any more, on any worker, until :func:`resume_kind`; False if it was so already.

    What runs goes on. What a worker has fetched ahead may still begin, for a tenth of a second.

    Args:
        kind: the class, the function, or the name that stands in the rows.

    ::

        queueapi.pause_kind(ChargeCard)     # the payment provider is down; everything else goes on
        queueapi.resume_kind(ChargeCard)
    """
    return _controls("pause_kind()").pause("kind", _name(kind))


def resume_kind(kind: Any) -> bool:
    """Let the jobs of this class begin again, those that waited first; False if it was not paused."""
    return _controls("resume_kind()").resume("kind", _name(kind))


def paused() -> list[Pause]:
    """What is paused: queues (``queue['mail'].pause()``) and kinds."""
    return _controls("paused()").paused()


def set_limit(
    name: Any,
    *,
    slots: int | None = None,
    starts: int | None = None,
    per: float | dt.timedelta | None = None,
    bucket: bool = False,
) -> None:
    """Say how many may run at once, or begin in a time, whatever the class says, until :func:`forget_limit`. Holds at
    once, for what already waits as well; what runs is not stopped.

    Args:
        name: the class that has a limit, or the limit's name (its ``name=``, or else the kind); with ``:VALUE`` after
            it, that of one value of its ``by=``.
        slots: so many at once. starts, per, bucket: so many in so many seconds, as in :class:`queueapi.Rate`.

    Raises:
        SettingsError: neither is said, or a number is none; or the class has no such limit to change.

    ::

        queueapi.set_limit(Import, slots=2)                      # fewer at once, from now on
        queueapi.set_limit("shop.Import:42", slots=20)           # more for this tenant
        queueapi.set_limit("mail-provider", starts=100, per=60)
    """
    said: list[limits.Limit] = []
    if slots is not None:
        said.append(limits.Concurrency(slots))
    if starts is not None and per is not None:
        said.append(limits.Rate(starts, per, bucket=bucket))
    if not said or (starts is None) != (per is None):
        raise SettingsError("say what the limit is: slots=5, or starts=100 and per=60")
    controls = _controls("set_limit()")
    found = [(key, limit) for limit in said for key in _keys(name, limit)]
    for key, one in found:  # all of them are there
        if isinstance(one, limits.Concurrency):
            controls.set_limit(key, one.slots, None, None, False)
        else:
            controls.set_limit(key, None, one.starts, seconds("per", one.per), one.bucket)


def forget_limit(name: Any) -> bool:
    """Let what the class says count again; False if nothing else was said."""
    keys = [key for limit in _EACH for key in _keys(name, limit, any_sort=True)]
    return _controls("forget_limit()").forget_limits(keys)


def list_limits() -> list[LimitStatus]:
    """The limits that were used lately or said at run time, and how far each is used up."""
    return _controls("list_limits()").limits()


_EACH: Final = (limits.Concurrency(1), limits.Rate(1, 1))


def _controls(doing: str) -> Controls:
    return controls_of(current(), doing)


def _kind(of: Any) -> Kind | None:
    """The kind, if this process knows it."""
    if isinstance(of, str):
        try:
            return kinds.named(of)
        except UnknownKind:
            return None
    cls = of if isinstance(of, type) else getattr(of, "_class", None)
    return None if cls is None else kinds.registered(cls)


def _name(of: Any) -> str:
    found = _kind(of)
    return found.name if found else checked_name("kind", of)


def _keys(name: Any, said: limits.Limit, any_sort: bool = False) -> set[str]:
    """What the limits of that sort are counted by."""
    kind = _kind(name)
    if kind is None:
        if not isinstance(name, str) or not name:
            raise SettingsError(f"{name!r} is neither a job's class nor a limit's name")
        return {limits.base(name, said)}
    keys = [limits.base(kind.name, limit) for limit in kind.limits if type(limit) is type(said)]
    sort = type(said).__name__
    if not keys and not any_sort:
        raise SettingsError(f"{kind.name} has no {sort} that could be changed: its class must say one, limit={sort}(…)")
    if len(keys) > 1 and not any_sort:
        raise SettingsError(f"{kind.name} has more than one {sort}: give each a name= in the class, and say that")
    return set(keys)
