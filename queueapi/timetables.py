"""Schedules as they are declared: which job is pushed when, by the clock. Worker processes tell the database of them,
and there they are the crontab: see ``crontabs.py``."""

from __future__ import annotations

import datetime as dt
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Literal, NamedTuple, TypeVar, Unpack

from queueapi.errors import NotAJob, SettingsError
from queueapi.jobs import JobFunction
from queueapi.kinds import kinds
from queueapi.names import checked_name
from queueapi.newjobs import new_job
from queueapi.options import Options, Pushed, options
from queueapi.ticks import Cron, next_tick

T = TypeVar("T")
Args = Sequence[Any] | Mapping[str, Any]
CatchUp = bool | Literal["once", "skip"]

_CATCH_UP: Final = {"once": True, "skip": False, True: True, False: False}


class Schedule(NamedTuple):
    """What was declared. ``make`` gives the job, which is of class ``cls``."""

    name: str
    expression: str
    timezone: str
    catch_up: bool
    make: Callable[[], object]
    cls: type
    options: Options


class Timetable:
    """The schedules of this process. Filled at import, read when a worker starts."""

    def __init__(self) -> None:
        self._by_name: dict[str, Schedule] = {}

    def add(self, schedule: Schedule) -> None:
        """Take up a schedule.

        Raises:
            SettingsError: another has its name. The same, imported again, takes its own place.
        """
        other = self._by_name.get(schedule.name)
        if other and not _is_same(other, schedule):
            raise SettingsError(
                f"two schedules are called {schedule.name!r}: give one of them another name, as in  "
                f'cron("{schedule.expression}", name="{schedule.name}-2")'
            )
        self._by_name[schedule.name] = schedule

    def crons(self, max_args: int) -> list[Cron]:
        """All of them, with the jobs that they push.

        Raises:
            SettingsError: one of the jobs cannot be pushed; the sentence names the schedule.
        """
        return [_cron(schedule, max_args) for schedule in self._by_name.values()]

    def clear(self) -> None:
        """Forget all."""
        self._by_name.clear()


timetable: Final = Timetable()


def cron(
    expression: str,
    *,
    tz: str | dt.tzinfo = "UTC",
    name: str | None = None,
    args: Args = (),
    catch_up: CatchUp = "once",
    **said: Unpack[Pushed],
) -> Callable[[T], T]:
    """Have a job pushed by the clock; above a job's class, or a function made a job by @job::

        @queueapi.cron("0 6 * * *", tz="Europe/Moscow")
        class DailyReport(Job): ...

    Each tick is pushed once, however many workers run. While none runs nothing is: afterwards, what was missed is
    made up for by one push, if ``catch_up`` is ``once``, or by none (``skip``: what comes 30 seconds late is missed).

    Args:
        expression: minute, hour, day, month, weekday, as in crontab(5); six fields begin with the second. Or @hourly,
            @daily, @weekly, @monthly, @yearly.
        tz: the timezone that the expression is meant in.
        name: one of its own; default the job's kind.
        args: what the job is made of: a sequence, or a mapping. Values: what depends on the time, ``run()`` looks at.
        said: options of the push. A function among them, or among the class's, is asked when a worker starts.

    Raises:
        SettingsError: at once, and in one sentence, whatever of this cannot be.
    """

    def decorate(target: T) -> T:
        cls, make = _class_and_maker(target, args)
        kind = kinds.registered(cls)
        if kind is None:
            raise NotAJob(f"{cls.__qualname__} is not a job yet: put @cron above @job")
        _declare(kind.name if name is None else name, expression, tz, catch_up, make, cls, said)
        return target

    return decorate


def schedule(
    name: str,
    job: object,
    expression: str,
    *,
    tz: str | dt.tzinfo = "UTC",
    catch_up: CatchUp = "once",
    **said: Unpack[Pushed],
) -> None:
    """Have that very job pushed by the clock. As :func:`cron`; in a module that the workers import."""
    if kinds.registered(type(job)) is None:
        kinds.of(job)  # says what is wrong
    _declare(name, expression, tz, catch_up, lambda: job, type(job), said)


def _declare(
    name: str,
    expression: str,
    tz: str | dt.tzinfo,
    catch_up: CatchUp,
    make: Callable[[], object],
    cls: type,
    said: Mapping[str, Any],
) -> None:
    checked_name("schedule", name)
    if not isinstance(expression, str):
        raise SettingsError(f"the cron expression {expression!r} is no text: give one such as  0 6 * * *")
    timezone = tz if isinstance(tz, str) else getattr(tz, "key", None) or str(tz)
    next_tick(expression, timezone, dt.datetime.now(dt.UTC))
    if not isinstance(catch_up, (str, bool)) or catch_up not in _CATCH_UP:
        raise SettingsError(f"catch_up is {catch_up!r}, and must be one of once, skip, True, False")
    if said.get("run_at") is not None:
        raise SettingsError(f"the schedule {name!r} has a run_at=, but its expression says when: leave one out")
    timetable.add(Schedule(name, expression, timezone, _CATCH_UP[catch_up], make, cls, options(said)))


def _class_and_maker(target: Any, args: Args) -> tuple[type, Callable[[], object]]:
    cls = target.job_class if isinstance(target, JobFunction) else target
    if not isinstance(cls, type):
        raise NotAJob(f"{cls!r} is no job: @cron stands above a job's class, or above @job")
    if callable(args):
        raise SettingsError(f"args={args!r} is a function, but ticks come where your code is not: give values")
    words, named = ((), args) if isinstance(args, Mapping) else (tuple(args), {})
    try:
        inspect.signature(cls).bind(*words, **named)
    except TypeError as error:
        raise SettingsError(
            f"{cls.__qualname__} cannot be made by the clock, of args={args!r}: {error}; give args=, or defaults"
        ) from None
    return cls, lambda: cls(*words, **named)


def _is_same(one: Schedule, other: Schedule) -> bool:
    if one.cls is other.cls:
        return one[:3] == other[:3]
    return (one.cls.__module__, one.cls.__qualname__) == (other.cls.__module__, other.cls.__qualname__)


def _cron(schedule: Schedule, max_args: int) -> Cron:
    try:
        made = schedule.make()
        job = new_job(kinds.of(made), made, schedule.options, None, max_args)
    except Exception as error:
        raise SettingsError(f"the schedule {schedule.name!r} cannot push its job: {error}") from error
    if job.run_at is not None:
        raise SettingsError(f"the schedule {schedule.name!r} says when, and so does its job's run_at=: leave one out")
    return Cron(schedule.name, schedule.expression, schedule.timezone, schedule.catch_up, job)
