"""How far a batch is, in words."""

from __future__ import annotations

import pytest

from queueapi.figures import Figures
from queueapi.states import State


@pytest.mark.parametrize(
    ("figures", "state", "event"),
    [
        (Figures(1, 3, 3, 0, 0, complete=False, succeeded=False), State.RUNNING, "progress"),
        (Figures(1, 3, 1, 1, 0, complete=False, succeeded=False), State.RUNNING, "progress"),
        (Figures(1, 3, 0, 0, 0, complete=False, succeeded=False), State.RUNNING, "progress"),  # about to complete
        (Figures(1, 3, 0, 1, 0, complete=False, succeeded=False), State.RUNNING, "progress"),
        (Figures(1, 3, 0, 0, 0, complete=True, succeeded=True), State.DONE, "done"),
        (Figures(1, 3, 0, 1, 1, complete=True, succeeded=False), State.DEAD, "failed"),
        (Figures(1, 3, 0, 0, 1, complete=True, succeeded=False), State.CANCELLED, "cancelled"),
        (Figures(1, 3, 1, 1, 0, complete=True, succeeded=False), State.RUNNING, "progress"),  # one of two is retried
        (Figures(1, 3, 0, 0, 0, complete=True, succeeded=False), State.RUNNING, "progress"),  # it was, and is done
        (Figures(1, 0, 0, 0, 0, complete=True, succeeded=True), State.DONE, "done"),
    ],
)
def test_a_batch_is_in_one_of_a_jobs_states(figures: Figures, state: State, event: str) -> None:
    assert (figures.state, figures.event) == (state, event)


def test_what_a_page_gets_has_all_that_it_gets_of_a_job() -> None:
    figures = Figures(7, 10, 2, 1, 3, complete=False, succeeded=False)
    summary = {"id": "7", "total": 10, "pending": 2, "done": 4, "dead": 1, "cancelled": 3}
    assert figures.data() == {
        "id": "7",
        "kind": "batch",
        "state": "running",
        "attempt": 1,
        "max_attempts": 1,
        "progress": {"done": 8, "total": 10, "message": "4 of 10 failed"},
        "error": None,
        "run_at": None,
        "batch": summary,
    }
    ended = figures._replace(pending=0, complete=True)
    assert ended.data()["error"] == {"type": "BatchFailed", "message": "4 of 10 failed"}
    good = Figures(7, 2, 0, 0, 0, complete=True, succeeded=True)
    assert good.data()["result"] == good.summary()
    assert good.data()["progress"] == {"done": 2, "total": 2, "message": None}
