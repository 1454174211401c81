"""States in words: in Python, and the same in JavaScript."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from sample_app.web.words import describe
from tests.sample_app.conftest import node

STATIC = Path(__file__).parents[2] / "sample_app" / "static"
NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
ERROR = {"type": "MailServerAway", "message": "the mail server does not answer"}


def job(state: str, **more: Any) -> dict[str, Any]:
    plain = {"id": "17", "kind": "k", "state": state, "attempt": 1, "max_attempts": 3}
    return plain | {"progress": None, "error": None, "run_at": None} | more


def progress(done: float, total: float | None, message: str | None) -> dict[str, Any]:
    return {"done": done, "total": total, "message": message}


CASES = [
    (job("available"), "Waiting: Waiting for a worker."),
    (job("running"), "Running: A worker has begun."),
    (job("running", progress=progress(12300, 50000, None)), "Running: 12,300 of 50,000."),
    (job("running", progress=progress(12300, None, None)), "Running: 12,300 so far."),
    (job("running", progress=progress(1, 2, "12,300 of 50,000 lines read")), "Running: 12,300 of 50,000 lines read."),
    (job("running", attempt=2, progress=progress(7, 5, "almost…")), "Running: Try 2 of 3: Almost…"),
    (job("scheduled", attempt=0, run_at="2026-03-04T05:06:19+00:00"), "Planned: Starts in 12 s."),
    (job("scheduled", attempt=0, run_at="2026-03-04T07:06:07+02:00"), "Planned: Starts at any moment."),
    (job("scheduled", attempt=0, run_at="2026-03-04T05:10:08+00:00"), "Planned: Starts in 5 minutes."),
    (job("scheduled", attempt=0), "Planned: Starts soon."),
    (
        job("scheduled", attempt=1, error=ERROR, run_at="2026-03-04T05:06:18.5+00:00"),
        "Failed for now: Tried once: the mail server does not answer. Next try in 12 s.",
    ),
    (
        job("scheduled", attempt=3, error={"type": "KeyError", "message": ""}, run_at="2026-03-04T05:00:00+00:00"),
        "Failed for now: Tried 3 times: KeyError. Next try at any moment.",
    ),
    (
        job("dead", attempt=2, error=ERROR),
        "Failed: Tried twice: the mail server does not answer. It will not be tried again.",
    ),
    (job("dead", attempt=1), "Failed: Tried once: it did not say why. It will not be tried again."),
    (job("cancelled"), "Cancelled: It was taken back before it ran."),
    (job("done", result=None), "Done: Everything is done."),
    (job("done", result="text"), "Done: Everything is done."),
    (
        job("done", result={"imported": 49900, "bad": 100, "bad_rows": [{"line": 1}], "ok": True}),
        "Done: Everything is done: imported 49,900, bad 100.",
    ),
]


@pytest.mark.parametrize(("status", "expected"), CASES)
def test_every_state_is_said_in_words(status: dict[str, Any], expected: str) -> None:
    words = describe(status, NOW)
    assert f"{words.state}: {words.sentence}" == expected
    assert words.final == (status["state"] in ("done", "dead", "cancelled"))


def test_the_bar_shows_how_far_it_is_and_never_more_than_all() -> None:
    far = describe(job("running", progress=progress(7, 5, None)), NOW)
    unknown = describe(job("running", progress=progress(7, None, None)), NOW)
    done = describe(job("done"), NOW)
    assert (far.value, far.maximum) == (5, 5)
    assert (unknown.value, unknown.maximum) == (None, None)
    assert (done.value, done.maximum) == (1, 1)


def test_the_browser_says_the_same() -> None:
    statuses = [status for status, _ in CASES] + [job("running", progress=progress(7, 5, None))]
    program = f"""
        const now = {NOW.timestamp() * 1000};
        const describe = new Function({json.dumps((STATIC / "words.js").read_text())} + '; return words.describe;')();
        console.log(JSON.stringify({json.dumps(statuses)}.map(status => describe(status, now))));
    """
    assert node(program) == [dataclasses.asdict(describe(status, NOW)) for status in statuses]
