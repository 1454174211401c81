"""Tables of what people look at: rows of text, which print themselves in plain lines. Pure.

A terminal may draw them better: see ``queueapi/cli/terminal.py``.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec

from queueapi.controls import LimitStatus
from queueapi.records import JobStatus
from queueapi.states import State
from queueapi.ticks import CronStatus

# Shown also when no queue has any; the others only when one has.
_ALWAYS: Final = (State.AVAILABLE, State.RUNNING, State.DONE, State.DEAD)
_BAR: Final = 10
# Of what one limit holds back, no more are counted: see list_limits.sql.
UNCOUNTED: Final = 10_000


class Table:
    """Cells under their heads. What came out of a job cannot begin a line in it, or move a cursor.

    Attributes:
        right: which columns are of numbers.
        empty: what to say if there is no row.
    """

    def __init__(self, head: Sequence[str], rows: Iterable[Sequence[str]], empty: str) -> None:
        self.head = list(head)
        self.rows = [[_printable(cell) for cell in row] for row in rows]
        self.empty = empty
        columns = range(len(self.head))
        self.right = [all(row[n][:1].isdigit() or row[n] == "–" for row in self.rows) for n in columns]

    def __str__(self) -> str:
        if not self.rows:
            return self.empty
        lines = [self.head, *self.rows]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        return "\n".join(
            "  ".join(
                cell.rjust(width) if right else cell.ljust(width)
                for cell, width, right in zip(line, widths, self.right, strict=True)
            ).rstrip()
            for line in lines
        )


def queues_table(counts: Iterable[tuple[Any, ...]], paused: Sequence[str] = ()) -> Table:
    """Jobs by queue and state, of (queue, state, number, age of the oldest, whether there may be more)."""
    queues: dict[str, dict[str, int]] = {}
    waits: dict[str, float] = {}
    uncounted: set[State] = set()
    for queue, state, number, age, more in counts:
        queues.setdefault(queue, {})[state] = number
        if more:
            uncounted.update((State.DONE, State.CANCELLED))
        if state == State.AVAILABLE:
            waits[queue] = age
    for queue in paused:
        queues.setdefault(queue, {})
    states = [state for state in State if state in _ALWAYS or any(found.get(state) for found in queues.values())]
    rows = [
        [
            f"{queue} (paused)" if queue in paused else queue,
            *(f"{found.get(state, 0):,}{'+' if state in uncounted else ''}" for state in states),
            span(waits.get(queue)),
        ]
        for queue, found in sorted(queues.items())
    ]
    return Table(["queue", *states, "latency"], rows, "no jobs yet")


def workers_table(workers: Iterable[tuple[Any, ...]]) -> Table:
    """Worker processes, of (name, queues, slots, seconds up, seconds since seen, jobs held)."""
    rows = [
        [name, " ".join(queues), f"{held} of {slots}", span(up), "yes" if seen < 30 else f"silent for {span(seen)}"]
        for name, queues, slots, up, seen, held in workers
    ]
    return Table(["worker", "queues", "busy", "up", "alive"], rows, "no workers: start  queueapi-work MODULE")


def running_table(running: Iterable[tuple[Any, ...]]) -> Table:
    """What runs, of the columns of list_running.sql."""
    rows = [
        [str(id_), kind, queue, f"{attempt} of {most}", span(seconds), _progress(done, total, message)]
        for id_, kind, queue, attempt, most, _, seconds, done, total, message in running
    ]
    return Table(["job", "kind", "queue", "attempt", "runs for", "progress"], rows, "nothing runs")


def dead_table(jobs: Iterable[JobStatus]) -> Table:
    """Dead jobs, and what each died of."""
    rows = [
        [str(job.id), job.queue, job.kind, f"{job.attempt} of {job.max_attempts}", _cause(job.error)] for job in jobs
    ]
    return Table(["id", "queue", "kind", "attempts", "died of"], rows, "no dead jobs")


def limits_table(limits: Iterable[LimitStatus]) -> Table:
    """Limits, and how far each is used up."""
    rows = []
    for limit in limits:
        allowed = f"{limit.slots:,} at once" if limit.slots is not None else f"{limit.starts:,} in {span(limit.per)}"
        used = limit.running if limit.slots is not None else limit.used
        waiting = f"{limit.waiting:,}{'+' if limit.waiting >= UNCOUNTED else ''}"
        name = limit.key.partition(":")[2]
        rows.append([name, allowed, f"{used:,.3g}", waiting, "by hand" if limit.by_hand else "its class"])
    return Table(["limit", "allows", "used", "waiting", "said by"], rows, "no limits were used lately")


def crons_table(crons: Iterable[CronStatus]) -> Table:
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
    return Table(["name", "expression", "timezone", "next", "last", "last job", "state"], rows, empty)


def job_lines(job: dict[str, Any]) -> Iterator[str]:
    """All that is known of a job, a line for each thing; the traceback, if there is one, at the end."""
    width = max(map(len, job))
    error = job.get("error")
    for name, value in job.items():
        if name == "progress" and isinstance(value, dict):
            value = _progress(value.get("done"), value.get("total"), value.get("message"))
        elif name == "error":
            value = _cause(value)
        elif not isinstance(value, str) or name in ("args", "result"):
            value = msgspec.json.encode(value).decode()
        yield f"{name.ljust(width)}  {_printable(value)}"
    if isinstance(error, dict) and isinstance(error.get("traceback"), str):
        yield ""
        yield from (_printable(line) for line in error["traceback"].rstrip().splitlines())


def span(seconds: float | None) -> str:
    """A time in the unit that people would say it in."""
    if seconds is None:
        return "–"
    for unit, size in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.1f} s"


def _progress(done: float | None, total: float | None, message: str | None) -> str:
    if done is None:
        return "–"
    words = f"  {message[:40]}" if message else ""
    if not total or total <= 0:
        return f"{done:,.10g}{words}"
    part = min(1.0, max(0.0, done / total))
    full = int(part * _BAR)
    return f"{'━' * full}{'╌' * (_BAR - full)} {part:4.0%}{words}"


def _moment(at: dt.datetime | None, timezone: str) -> str:
    if at is None:
        return "–"
    try:
        at = at.astimezone(ZoneInfo(timezone))
    except (LookupError, ValueError, OSError):  # not known here
        pass
    return f"{at:%Y-%m-%d %H:%M:%S %z}"


def _cause(error: Any) -> str:
    """One line of it."""
    text = f"{error.get('type')}: {error.get('message')}" if isinstance(error, dict) else str(error)
    line = _printable(text[:1000])
    return line if len(line) <= 100 else f"{line[:99]}…"


def _printable(text: str) -> str:
    return text if text.isprintable() else "".join(sign if sign.isprintable() else " " for sign in text)
