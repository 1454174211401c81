"""Every sentence that a worker logs: one voice, in one place. The code only says what happened."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import msgspec

from queueapi.claims import Claimed
from queueapi.records import Outcome
from queueapi.states import State
from queueapi.ticks import Tick

Fields = dict[str, Any]
log = logging.getLogger("queueapi.worker")


class Sentences:
    """A subscriber that turns events into log lines.

    Args:
        verbose: also tell of every job that went well; at thousands a second nobody reads that.
    """

    def __init__(self, verbose: bool) -> None:
        self._verbose = verbose

    def __call__(self, name: str, fields: Fields) -> None:
        sentence = _SENTENCES.get(name)
        if sentence is None:
            return
        level, text = sentence(fields)
        if level > logging.DEBUG or self._verbose:
            extra = {"fields": {"event": name, **_facts(fields)}}
            log.log(max(level, logging.INFO), "%s", _one_line(text), extra=extra)


def _facts(fields: Fields) -> Fields:
    """What machines ask for by name; everything else is in the sentence."""
    facts: Fields = {name: value for name, value in fields.items() if isinstance(value, (int, float))}
    if isinstance(job := fields.get("job"), Claimed):
        facts |= {"job": job.id, "kind": job.kind, "queue": job.queue, "attempt": job.attempt}
    if isinstance(outcome := fields.get("outcome"), Outcome):
        facts["state"] = outcome.state.value
    return facts


def _one_line(text: str) -> str:
    """Names and messages come out of rows and jobs: none of them may begin a new line, or move a cursor."""
    text = text if len(text) <= 1000 else f"{text[:1000]} …"
    return text if text.isprintable() else "".join(sign if sign.isprintable() else " " for sign in text)


def _finished(fields: Fields) -> tuple[int, str]:
    job: Claimed = fields["job"]
    outcome: Outcome = fields["outcome"]
    what = f"job {job.id} ({job.kind})"
    if outcome.state is State.DONE:
        return logging.DEBUG, f"{what} is done"
    if outcome.state is State.DEAD:
        return logging.ERROR, f"{what} is dead after attempt {job.attempt} of {job.max_attempts}: {_error(outcome)}"
    if outcome.state is State.CANCELLED and msgspec.json.decode(outcome.error or "{}").get("type") in _GIVEN_UP:
        return logging.INFO, f"{what} is given up: {_error(outcome)}"
    if outcome.state is State.CANCELLED:
        return logging.INFO, f"{what} was discarded in attempt {job.attempt}: {_error(outcome)}"
    if outcome.charged:
        return logging.WARNING, (
            f"{what} failed in attempt {job.attempt} of {job.max_attempts}: {_error(outcome)}; "
            f"next try in {outcome.delay:.0f} s"
        )
    if outcome.state is State.SCHEDULED and not outcome.error:
        return logging.INFO, f"{what} put itself off for {outcome.delay:.0f} s, the attempt is not charged"
    if outcome.error:
        return logging.WARNING, f"{what} was returned: {_error(outcome)}"
    return logging.INFO, f"{what} was returned unfinished, the attempt is not charged"


# Not by the job itself.
_GIVEN_UP = ("Cancelled", "Expired")


def _error(outcome: Outcome) -> str:
    error = msgspec.json.decode(outcome.error or "{}")
    return f"{error.get('type')}: {error.get('message')}"


def _lease_lost(fields: Fields) -> tuple[int, str]:
    job: Claimed = fields["job"]
    what = f"job {job.id} ({job.kind})"
    return logging.WARNING, f"{what}: the lease was lost before it ended, so its outcome changed nothing"


def _renewal_lost(fields: Fields) -> tuple[int, str]:
    return logging.WARNING, f"job {fields['id']}: its lease is lost, the run is being stopped"


def _rescued(fields: Fields) -> tuple[int, str]:
    return _lost(fields, "is rescued: its lease ran out")


def _released(fields: Fields) -> tuple[int, str]:
    return _lost(fields, "is released: its process has ended")


def _lost(fields: Fields, how: str) -> tuple[int, str]:
    id_, _, kind, state, *more = fields["row"]
    why = msgspec.json.decode(more[0]) if len(more) > 1 and more[0] else {}  # of one whose process was seen to end
    if state == "dead":
        what = f"job {id_} ({kind}) is dead"
        if why.get("type") in ("ProcessKilled", "HardTimeout"):
            return logging.ERROR, f"{what}: {why['message']}"
        return logging.ERROR, f"{what}: its worker was lost in the last attempt"
    return logging.WARNING, f"job {id_} ({kind}) {how}"


def _ticked(fields: Fields) -> tuple[int, str]:
    tick: Tick = fields["tick"]
    what = f"schedule {tick.name}"
    if tick.error is not None:
        return logging.ERROR, f"{what} could not push its job ({tick.kind}), so this tick is left out: {tick.error}"
    late = f", {tick.late:.0f} s late" if tick.late >= 1 else ""
    if tick.id is None:
        return logging.INFO, f"{what} pushed nothing{late}: what was missed is not made up for"
    return logging.DEBUG if not late else logging.INFO, f"{what} pushed job {tick.id} ({tick.kind}){late}"


_SENTENCES: dict[str, Callable[[Fields], tuple[int, str]]] = {
    "finished": _finished,
    "lease_lost": _lease_lost,
    "renewal_lost": _renewal_lost,
    "rescued": _rescued,
    "released": _released,
    "returned": lambda f: (logging.DEBUG, f"job {f['job'].id} ({f['job'].kind}) was returned before it began"),
    "outcome_refused": lambda f: (
        logging.ERROR,
        f"job {f['id']} ended as {f['state']}, but how cannot be stored, so it is set aside: {f['error']}",
    ),
    "stuck": lambda f: (
        logging.WARNING,
        f"worker process {f['pid']} is kept from all else by a job that computes without a pause; "
        f"{f['jobs']} that had not begun go to others",
    ),
    "hard_timeout": lambda f: (
        logging.ERROR,
        f"job {f['id']} is past its hard_timeout and does not end: its worker process {f['pid']} is killed",
    ),
    "start_failed": lambda f: (
        logging.ERROR,
        f"no worker process can be started: {f['error']}; next try in {f['delay']:.0f} s",
    ),
    "ticked": _ticked,
    "stranded": lambda f: (
        logging.WARNING,
        f"job {f['id']} is blocked by {f['reason']}, which is not there, so it will never begin: "
        f"queueapi cancel {f['id']}",
    ),
    "store_lost": lambda f: (logging.ERROR, f"{f['who']}: {f['error']}; trying again"),
    "store_back": lambda f: (logging.INFO, f"{f['who']}: PostgreSQL is back after {f['tries']} tries"),
    "loop_failed": lambda f: (logging.ERROR, f"{f['who']} failed and goes on: {f['error']!r}"),
    "ready": lambda f: (
        logging.INFO,
        f"ready: {f['processes']} × {f['slots']} slots on {', '.join(f['queues'])}",
    ),
    "process_died": lambda f: (
        logging.ERROR,
        f"worker process {f['pid']} ended by itself ({f['how']}); another takes its place in {f['delay']:.0f} s",
    ),
    "outgrown": lambda f: (
        logging.INFO,
        f"worker process {f['pid']} has {f['memory'] / 2**20:,.0f} MB of memory, more than {f['limit'] / 2**20:,.0f}: "
        "it finishes what it runs, and another takes its place",
    ),
    "reloading": lambda f: (logging.INFO, f"{f['file']} has changed: starting anew"),
    "quiet": lambda _: (logging.INFO, "quiet: no more jobs are claimed until CONT"),
    "resumed": lambda _: (logging.INFO, "jobs are claimed again"),
    "stopping": lambda f: (logging.INFO, f"stopping: running jobs have {f['grace']:.0f} s to finish"),
    "stopping_now": lambda _: (logging.INFO, "stopping now"),
    "killed": lambda f: (logging.WARNING, f"worker process {f['pid']} did not stop in time and was killed"),
    "stopped": lambda f: (logging.INFO, f"stopped after {f['seconds']:.0f} s"),
}
