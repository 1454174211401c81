"""When a job may run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from queueapi.errors import SettingsError
from queueapi.later import Later

if TYPE_CHECKING:
    import datetime as dt
else:
    dt = Later("datetime")

# 100 years: what is longer is a slip of the finger.
LONGEST = 3_155_760_000


def moment(run_at: object) -> str:
    """A time, as ISO 8601.

    Raises:
        SettingsError: it is none, or says no timezone.
    """
    if not isinstance(run_at, dt.datetime) or run_at.utcoffset() is None:
        raise SettingsError(f"run_at={run_at!r} says no timezone: use datetime.now(timezone.utc) or a zoneinfo")
    return run_at.isoformat()


def seconds(name: str, value: object) -> float:
    """A delay in seconds.

    Raises:
        SettingsError: it is none that a job can wait.
    """
    number = value.total_seconds() if isinstance(value, dt.timedelta) else value
    # NaN is between nothing, and True is no number of seconds.
    if not isinstance(number, (int, float)) or isinstance(number, bool) or not 0 <= number <= LONGEST:
        raise SettingsError(f"{name}={value!r} must be between 0 seconds and 100 years")
    return float(number)
