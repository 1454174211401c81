"""resque-scheduler's words for when, as a cron expression."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final
from zoneinfo import ZoneInfo

from queueapi.errors import SettingsError

# How many of it make the next larger one; each so many of it; each one of it.
_UNITS: Final = {
    "s": (60, "*/{} * * * * *", "* * * * * *"),
    "m": (60, "*/{} * * * *", "* * * * *"),
    "h": (24, "0 */{} * * *", "0 * * * *"),
    "d": (1, "0 0 * * *", "0 0 * * *"),
}
_LARGER: Final = {"s": "m", "m": "h", "h": "d"}


def cron_of(name: str, entry: Mapping[str, Any]) -> tuple[str, str]:
    """Expression and timezone.

    Raises:
        SettingsError: neither ``cron`` nor ``every`` can be read.
    """
    if "cron" not in entry:
        return _every(name, entry.get("every")), "UTC"
    text = str(entry["cron"])
    *fields, last = text.split()
    return (" ".join(fields), last) if len(fields) >= 5 and _is_zone(last) else (text, "UTC")


def _is_zone(text: str) -> bool:
    try:
        ZoneInfo(text)
    except (ValueError, KeyError, OSError):
        return False
    return True


def _every(name: str, every: Any) -> str:
    """``every: 20h`` would begin anew at each deploy, which is resque-scheduler's own warning: only what the clock can
    say is taken."""
    text = every[0] if isinstance(every, (list, tuple)) and every else every
    match = re.fullmatch(r"(\d+)([smhd])", str(text))
    count, unit = (int(match[1]), match[2]) if match else (0, "d")
    whole, several, one = _UNITS[unit]
    if count and count == whole and unit in _LARGER:
        return _UNITS[_LARGER[unit]][2]
    if count < 1 or whole % count:
        raise SettingsError(f"the schedule {name!r} says every={every!r}, which is no even part of the clock: say cron")
    return one if count == 1 else several.format(count)
