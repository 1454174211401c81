"""Plain tables for the terminal: what ``queueapi status`` prints. Pure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from queueapi.records import JobStatus
from queueapi.states import State
from queueapi.ticks import CronStatus

_STATES = [state.value for state in State]


def queues_table(counts: Iterable[tuple[Any, ...]]) -> str:
    """Jobs by queue and state, of (queue, state, number, age of the oldest)."""
    queues: dict[str, dict[str, int]] = {}
    waits: dict[str, float] = {}
    for queue, state, number, age in counts:
        queues.setdefault(queue, {})[state] = number
        if state == State.AVAILABLE:
            waits[queue] = age
    rows = [
        [queue, *(f"{states.get(state, 0):,}" for state in _STATES), _span(waits.get(queue))]
        for queue, states in sorted(queues.items())
    ]
    return _table(["queue", *_STATES, "oldest waits"], rows, "no jobs yet")


def workers_table(workers: Iterable[tuple[Any, ...]]) -> str:
    """Worker processes, of (name, queues, slots, seconds up, seconds since seen, jobs held)."""
    rows = [
        [name, ", ".join(queues), f"{held} of {slots}", _span(up), "yes" if seen < 30 else f"silent for {_span(seen)}"]
        for name, queues, slots, up, seen, held in workers
    ]
    return _table(["worker", "queues", "busy", "up", "alive"], rows, "no workers: start  queueapi-work MODULE")


def dead_table(jobs: Iterable[JobStatus]) -> str:
    """Dead jobs, and what each died of."""
    rows = [
        [str(job.id), job.queue, job.kind, f"{job.attempt} of {job.max_attempts}", _cause(job.error)] for job in jobs
    ]
    return _table(["id", "queue", "kind", "attempts", "died of"], rows, "no dead jobs")


def crons_table(crons: Iterable[CronStatus]) -> str:
    """Schedules, with their times in their own timezones."""
    rows = [
        [
            cron.name,
            cron.expression,
            cron.timezone,
            _moment(cron.next_at, cron.timezone) if cron.known and not cron.paused else "–",
            _moment(cron.last_at, cron.timezone),
            "–" if cron.last_id is None else str(cron.last_id),
            "paused" if cron.paused else "on" if cron.known else "no worker has it",
        ]
        for cron in crons
    ]
    empty = "no schedules: put @queueapi.cron above a job, and start its worker"
    return _table(["name", "expression", "timezone", "next", "last", "last job", "state"], rows, empty)


def _moment(at: dt.datetime | None, timezone: str) -> str:
    if at is None:
        return "–"
    try:
        at = at.astimezone(ZoneInfo(timezone))
    except (LookupError, ValueError, OSError):  # not known here
        pass
    return f"{at:%Y-%m-%d %H:%M:%S %z}"


def _cause(error: Any) -> str:
    """One line of it; what came out of a job must not move a cursor."""
    text = f"{error.get('type')}: {error.get('message')}" if isinstance(error, dict) else str(error)
    line = "".join(sign if sign.isprintable() else " " for sign in text[:1000])
    return line if len(line) <= 100 else f"{line[:99]}…"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], empty: str) -> str:
    if not rows:
        return empty
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]
    numeric = [all(row[column][:1].isdigit() or row[column] == "–" for row in rows) for column in range(len(head))]
    lines = []
    for row in [head, *rows]:
        cells = [
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(row, widths, numeric, strict=True)
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def _span(seconds: float | None) -> str:
    if seconds is None:
        return "–"
    for unit, size in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.1f} s"
