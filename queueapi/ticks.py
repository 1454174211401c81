"""When a schedule is due: cron expressions, in a timezone. Pure.

Summer time is as Debian's cron has it, by cronsim: a time that the clocks skip comes when they have skipped it, and
one that they show twice comes once. What repeats every hour or oftener goes by the time that passes.
"""

from __future__ import annotations

import datetime as dt
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from queueapi.errors import SettingsError
from queueapi.records import NewJob

# Seconds after which a tick was missed: a worker that starts again is back by then, and so is PostgreSQL.
LATE: Final = 30.0

_WORDS: Final = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}


class Cron(NamedTuple):
    """A schedule as its row has it. ``job`` is what a tick pushes; the others: see :func:`queueapi.cron`."""

    name: str
    expression: str
    timezone: str
    catch_up: bool
    job: NewJob


class CronStatus(NamedTuple):
    """A schedule as a person sees it, in the order of list_crons.sql's columns.

    Attributes:
        last_at, last_id: of its last push; None: there was none.
        known: a living worker process knows it; without one it pushes nothing.
    """

    name: str
    expression: str
    timezone: str
    kind: str
    queue: str
    next_at: dt.datetime
    last_at: dt.datetime | None
    last_id: int | None
    paused: bool
    known: bool


class Tick(NamedTuple):
    """What became of a tick.

    Attributes:
        id: of the job; None: none was pushed.
        late: seconds.
        error: why it could not be pushed.
    """

    name: str
    kind: str
    id: int | None
    late: float
    error: Exception | None = None


def next_tick(expression: str, timezone: str, after: dt.datetime) -> dt.datetime:
    """The first time later than that, in UTC.

    Raises:
        SettingsError: the expression cannot be read, or is of no time at all; or there is no such timezone.
    """
    try:
        ticks = CronSim(_WORDS.get(expression.strip().lower(), expression), after.astimezone(_zone(timezone)))
    except CronSimError as error:
        raise SettingsError(
            f"the cron expression {expression!r} cannot be read: {str(error).lower()}; "
            "it is minute, hour, day, month, weekday, as in  0 6 * * MON-FRI"
        ) from None
    for tick in ticks:
        # In the hour that the clocks show twice, the tick of the first may be behind us in the second.
        if (found := tick.astimezone(dt.UTC)) > after:
            return found
    raise SettingsError(f"the cron expression {expression!r} never comes: there is no such day in fifty years")


def is_wanted(cron: Cron, due: dt.datetime, now: dt.datetime) -> bool:
    """Whether a tick that is dealt with only now shall push. If not all were missed, the last of them does."""
    if cron.catch_up or (now - due).total_seconds() <= LATE:
        return True
    return next_tick(cron.expression, cron.timezone, now - dt.timedelta(seconds=LATE)) <= now


def _zone(name: str) -> dt.tzinfo:
    if name == "UTC":  # needs no database of zones
        return dt.UTC
    try:
        return ZoneInfo(name)
    except (LookupError, ValueError, OSError):  # not there; not a name; a folder of zones
        raise SettingsError(
            f"there is no timezone {name!r}: give one such as Europe/Moscow "
            "(where the system has none at all, install the package tzdata)"
        ) from None
