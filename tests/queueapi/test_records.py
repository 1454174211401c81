"""A job's state as a browser gets it."""

from __future__ import annotations

from typing import Any

import pytest

from queueapi.records import JobStatus
from queueapi.states import State

QUEUED = JobStatus(2**60, "kind", "mail", State.AVAILABLE, 0, 25, None, None, None, None)
ERROR = {"type": "OSError", "message": "no route", "traceback": "line 1, in secret.py"}


@pytest.mark.parametrize(
    ("changes", "event"),
    [
        ({}, "queued"),
        ({"state": State.SCHEDULED, "run_at": "2030-01-01T00:00:00+00:00"}, "queued"),
        ({"state": State.SCHEDULED, "attempt": 1, "error": ERROR}, "retrying"),
        ({"attempt": 1, "error": ERROR}, "retrying"),
        ({"state": State.RUNNING, "attempt": 1}, "running"),
        ({"state": State.RUNNING, "attempt": 1, "progress": {"done": 1}}, "progress"),
        ({"state": State.DONE, "result": 1}, "done"),
        ({"state": State.DEAD, "error": ERROR}, "failed"),
        ({"state": State.CANCELLED}, "cancelled"),
    ],
)
def test_the_event_says_what_happened_last(changes: dict[str, Any], event: str) -> None:
    assert QUEUED._replace(**changes).event == event


def test_the_id_is_text_since_the_numbers_of_javascript_end_at_two_to_the_53() -> None:
    assert QUEUED.data()["id"] == str(2**60)


def test_the_traceback_stays_behind() -> None:
    data = QUEUED._replace(state=State.DEAD, error=ERROR).data()
    assert data["error"] == {"type": "OSError", "message": "no route"}
    assert "secret" not in repr(data)


def test_only_a_done_job_has_a_result_even_if_that_is_none() -> None:
    assert "result" not in QUEUED.data()
    assert QUEUED._replace(state=State.DONE).data()["result"] is None
