"""The supervisor ends by force what is past its hard timeout."""

from __future__ import annotations

from queueapi.events import Events
from queueapi.worker.board import Board
from queueapi.worker.deadlines import EVERY, PATIENCE, enforce

from .conftest import Heard

Boards = tuple[Board, Board]


class Process:
    """As much of a child as is needed: its board, and whether it was killed."""

    pid = 4711

    def __init__(self, board: Board) -> None:
        self.board = board
        self.late: list[object] = []
        self.kills = 0

    def kill(self) -> None:
        self.kills += 1


def test_nothing_happens_to_what_has_no_deadline_or_time_left(boards: Boards, events: Events) -> None:
    mine, supervisors = boards
    process = Process(supervisors)
    mine.hold(5, 1)
    assert enforce([process], events) == EVERY  # type: ignore[list-item]
    mine.limit(mine.hold(6, 1), 3600.0)
    assert enforce([process], events) == EVERY  # type: ignore[list-item]
    assert process.kills == 0


def test_it_looks_again_when_the_next_deadline_is_due(boards: Boards, events: Events) -> None:
    mine, supervisors = boards
    mine.limit(mine.hold(6, 1), 0.2 - PATIENCE)
    assert 0 < enforce([Process(supervisors)], events) <= 0.2  # type: ignore[list-item]


def test_who_is_late_is_killed_once_and_named(boards: Boards, events: Events, heard: Heard) -> None:
    mine, supervisors = boards
    process = Process(supervisors)
    mine.hold(5, 1)
    mine.limit(mine.hold(6, 1), -PATIENCE)
    for _ in range(2):
        enforce([process], events)  # type: ignore[list-item]
    assert process.kills == 1
    assert heard.of("hard_timeout") == [{"id": 6, "pid": 4711}]
    assert [job.id for job in process.late] == [6]  # type: ignore[attr-defined]
