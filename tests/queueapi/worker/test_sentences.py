"""The sentences of a worker."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from queueapi.claims import Claimed
from queueapi.records import Outcome
from queueapi.serializer import error_dumps
from queueapi.states import State
from queueapi.ticks import Tick
from queueapi.worker.sentences import _SENTENCES, Sentences

JOB = Claimed(7, 1, "default", "mail.Send", "{}", 2, 25)
ERROR = error_dumps("SMTPError", "mailbox full")


def outcome(state: State, error: str | None = None, charged: bool = True) -> Outcome:
    return Outcome(7, 1, state, error=error, delay=31.0, charged=charged)


EVENTS: list[tuple[str, dict[str, Any], int, str]] = [
    ("finished", {"outcome": outcome(State.DEAD, ERROR), "job": JOB}, logging.ERROR,
     "job 7 (mail.Send) is dead after attempt 2 of 25: SMTPError: mailbox full"),
    ("finished", {"outcome": outcome(State.SCHEDULED, ERROR), "job": JOB}, logging.WARNING,
     "job 7 (mail.Send) failed in attempt 2 of 25: SMTPError: mailbox full; next try in 31 s"),
    ("finished", {"outcome": outcome(State.SCHEDULED, ERROR, charged=False), "job": JOB}, logging.WARNING,
     "job 7 (mail.Send) was returned: SMTPError: mailbox full"),
    ("finished", {"outcome": outcome(State.CANCELLED, ERROR), "job": JOB}, logging.INFO,
     "job 7 (mail.Send) was discarded in attempt 2: SMTPError: mailbox full"),
    ("finished", {"outcome": outcome(State.CANCELLED, error_dumps("Expired", "too late")), "job": JOB}, logging.INFO,
     "job 7 (mail.Send) is given up: Expired: too late"),
    ("finished", {"outcome": outcome(State.SCHEDULED, charged=False), "job": JOB}, logging.INFO,
     "job 7 (mail.Send) put itself off for 31 s, the attempt is not charged"),
    ("finished", {"outcome": outcome(State.AVAILABLE, charged=False), "job": JOB}, logging.INFO,
     "job 7 (mail.Send) was returned unfinished, the attempt is not charged"),
    ("lease_lost", {"outcome": outcome(State.DONE), "job": JOB}, logging.WARNING,
     "job 7 (mail.Send): the lease was lost before it ended, so its outcome changed nothing"),
    ("renewal_lost", {"id": 7}, logging.WARNING, "job 7: its lease is lost, the run is being stopped"),
    ("rescued", {"row": (7, "default", "mail.Send", "available", False)}, logging.WARNING,
     "job 7 (mail.Send) is rescued: its lease ran out"),
    ("released", {"row": (7, "default", "mail.Send", "available", False)}, logging.WARNING,
     "job 7 (mail.Send) is released: its process has ended"),
    ("rescued", {"row": (7, "default", "mail.Send", "dead", False)}, logging.ERROR,
     "job 7 (mail.Send) is dead: its worker was lost in the last attempt"),
    ("released", {"row": (7, "default", "mail.Send", "dead", error_dumps("ProcessKilled", "it did"), False)},
     logging.ERROR, "job 7 (mail.Send) is dead: it did"),
    ("released", {"row": (7, "default", "mail.Send", "dead", error_dumps("WorkerLost", "gone"), False)},
     logging.ERROR, "job 7 (mail.Send) is dead: its worker was lost in the last attempt"),
    ("hard_timeout", {"id": 7, "pid": 9}, logging.ERROR,
     "job 7 is past its hard_timeout and does not end: its worker process 9 is killed"),
    ("outcome_refused", {"id": 7, "state": State.DONE, "error": "no"}, logging.ERROR,
     "job 7 ended as done, but how cannot be stored, so it is set aside: no"),
    ("stranded", {"id": 7, "reason": "job:5"}, logging.WARNING,
     "job 7 is blocked by job:5, which is not there, so it will never begin: queueapi cancel 7"),
    ("stuck", {"pid": 9, "jobs": 3}, logging.WARNING,
     "worker process 9 is kept from all else by a job that computes without a pause; "
     "3 that had not begun go to others"),
    ("ticked", {"tick": Tick("nightly", "mail.Send", 7, 90.4)}, logging.INFO,
     "schedule nightly pushed job 7 (mail.Send), 90 s late"),
    ("ticked", {"tick": Tick("nightly", "mail.Send", None, 90.4)}, logging.INFO,
     "schedule nightly pushed nothing, 90 s late: what was missed is not made up for"),
    ("ticked", {"tick": Tick("nightly", "mail.Send", None, 0.0, ValueError("no room"))}, logging.ERROR,
     "schedule nightly could not push its job (mail.Send), so this tick is left out: no room"),
    ("store_lost", {"who": "consumer", "error": "gone"}, logging.ERROR, "consumer: gone; trying again"),
    ("store_back", {"who": "consumer", "tries": 3}, logging.INFO, "consumer: PostgreSQL is back after 3 tries"),
    ("loop_failed", {"who": "it", "error": KeyError("x")}, logging.ERROR, "it failed and goes on: KeyError('x')"),
    ("ready", {"processes": 2, "slots": 20, "queues": ("a", "b")}, logging.INFO, "ready: 2 × 20 slots on a, b"),
    ("process_died", {"pid": 9, "how": "SIGKILL", "delay": 2.0}, logging.ERROR,
     "worker process 9 ended by itself (SIGKILL); another takes its place in 2 s"),
    ("outgrown", {"pid": 9, "memory": 600 * 2**20, "limit": 500 * 2**20}, logging.INFO,
     "worker process 9 has 600 MB of memory, more than 500: it finishes what it runs, and another takes its place"),
    ("reloading", {"file": "/app/jobs.py"}, logging.INFO, "/app/jobs.py has changed: starting anew"),
    ("quiet", {}, logging.INFO, "quiet: no more jobs are claimed until CONT"),
    ("resumed", {}, logging.INFO, "jobs are claimed again"),
    ("start_failed", {"error": "no memory", "delay": 30.0}, logging.ERROR,
     "no worker process can be started: no memory; next try in 30 s"),
    ("stopping", {"grace": 30.0}, logging.INFO, "stopping: running jobs have 30 s to finish"),
    ("stopping_now", {}, logging.INFO, "stopping now"),
    ("killed", {"pid": 9}, logging.WARNING, "worker process 9 did not stop in time and was killed"),
    ("stopped", {"seconds": 1.2}, logging.INFO, "stopped after 1 s"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "fields", "level", "sentence"), EVENTS, ids=[f"{e[0]}-{e[2]}" for e in EVENTS])
def test_every_event_has_its_sentence(
    name: str, fields: dict[str, Any], level: int, sentence: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    Sentences(verbose=False)(name, fields)
    assert [(record.levelno, record.getMessage()) for record in caplog.records] == [(level, sentence)]


QUIET: dict[str, dict[str, Any]] = {"finished": {"outcome": outcome(State.DONE), "job": JOB}, "returned": {"job": JOB}}


@pytest.mark.parametrize(("name", "sentence"), [("finished", "is done"), ("returned", "was returned before it began")])
def test_what_went_well_is_told_to_the_verbose_only(name: str, sentence: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    Sentences(verbose=False)(name, QUIET[name])
    assert caplog.messages == []
    Sentences(verbose=True)(name, QUIET[name])
    assert caplog.messages == [f"job 7 (mail.Send) {sentence}"]


def test_no_sentence_is_left_untold_here() -> None:
    assert {event[0] for event in EVENTS} | set(QUIET) == set(_SENTENCES)


def test_an_event_without_a_sentence_is_nothing(caplog: pytest.LogCaptureFixture) -> None:
    Sentences(verbose=True)("something new", {})
    assert caplog.messages == []


def test_a_message_cannot_begin_a_line_or_move_the_cursor_or_fill_the_disk(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    error = error_dumps("Error", "first\r\n2026-01-01T00:00:00Z INFO all is well\x1b[2J\u202e" + "x" * 10_000)
    Sentences(verbose=False)("finished", {"outcome": outcome(State.DEAD, error), "job": JOB})
    (message,) = caplog.messages
    assert message.isprintable()
    assert len(message) < 1100


def test_machines_find_the_numbers_and_the_job_by_name(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    Sentences(verbose=False)("finished", {"outcome": outcome(State.DEAD, ERROR), "job": JOB})
    Sentences(verbose=False)("killed", {"pid": 9})
    assert [record.fields for record in caplog.records] == [  # type: ignore[attr-defined]
        {"event": "finished", "job": 7, "kind": "mail.Send", "queue": "default", "attempt": 2, "state": "dead"},
        {"event": "killed", "pid": 9},
    ]
