"""When a job may run."""

from __future__ import annotations

import datetime as dt

from queueapi.errors import SettingsError


def when(run_at: dt.datetime | None, delay: float | dt.timedelta | None) -> tuple[str | None, float]:
    """(ISO time, seconds): a time is the caller's, a delay is counted on the database's clock."""
    if run_at is not None and delay is not None:
        raise SettingsError(f"run_at={run_at} and delay={delay} exclude each other: give one")
    if run_at is not None:
        if not isinstance(run_at, dt.datetime) or run_at.utcoffset() is None:
            raise SettingsError(f"run_at={run_at!r} says no timezone: use datetime.now(timezone.utc) or a zoneinfo")
        return run_at.isoformat(), 0.0
    seconds = delay.total_seconds() if isinstance(delay, dt.timedelta) else delay or 0.0
    if not isinstance(seconds, (int, float)) or not 0 <= seconds <= 3_155_760_000:
        raise SettingsError(f"delay={delay!r} must be between 0 seconds and 100 years")
    return None, float(seconds)
