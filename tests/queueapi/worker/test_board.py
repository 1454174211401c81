"""The board that a process and its supervisor share."""

from __future__ import annotations

import os
import time

from queueapi.worker.board import NOBODY, Board, create

Boards = tuple[Board, Board]


def test_what_the_process_has_begun_is_seen_by_the_supervisor_until_it_is_written_down(boards: Boards) -> None:
    process, supervisor = boards
    before = time.monotonic()
    process.hold(5, 100)
    process.hold(6, 100)
    assert {(held.id, held.token, held.lost) for held in supervisor.held()} == {(5, 100, False), (6, 100, False)}
    assert all(before <= held.since <= time.monotonic() for held in supervisor.held())
    process.free([(5, 100)])
    assert [held.id for held in supervisor.held()] == [6]


def test_a_job_that_was_never_held_can_be_freed(boards: Boards) -> None:
    process, supervisor = boards
    process.hold(5, 100)
    process.free([(5, 101), (6, 100)])
    assert [held.id for held in supervisor.held()] == [5]


def test_two_attempts_at_one_job_have_a_row_each(boards: Boards) -> None:
    process, supervisor = boards
    process.hold(5, 100)
    process.hold(5, 200)
    process.free([(5, 100)])
    assert [(held.id, held.token) for held in supervisor.held()] == [(5, 200)]


def test_rows_are_used_again_and_more_jobs_than_rows_are_no_error() -> None:
    fd = create(2)
    board = Board(fd)
    os.close(fd)
    for job in range(1, 100):
        board.hold(job, 1)
        board.free([(job, 1)])
    for job in (1, 2, 3):
        board.hold(job, 1)
    assert {held.id for held in board.held()} == {1, 2}
    board.free([(3, 1), (2, 1)])
    board.hold(4, 1)
    assert {held.id for held in board.held()} == {1, 4}


def test_the_largest_ids_and_tokens_fit(boards: Boards) -> None:
    process, supervisor = boards
    process.hold(2**63 - 1, 2**63 - 1)
    assert [(held.id, held.token) for held in supervisor.held()] == [(2**63 - 1, 2**63 - 1)]


def test_a_lost_lease_is_told_to_the_process(boards: Boards) -> None:
    process, supervisor = boards
    process.hold(5, 100)
    process.hold(6, 100)
    before = process.losses
    (held,) = [held for held in supervisor.held() if held.id == 6]
    supervisor.mark_lost(held)
    assert process.losses > before
    assert {held.id: held.lost for held in process.held()} == {5: False, 6: True}


def test_a_loss_that_is_told_too_late_does_not_hit_the_next_job_on_that_row(boards: Boards) -> None:
    process, supervisor = boards
    process.hold(5, 100)
    (seen,) = supervisor.held()
    process.free([(5, 100)])
    process.hold(6, 100)  # of the same claim, on the same row
    supervisor.mark_lost(seen)
    assert [(held.id, held.lost) for held in process.held()] == [(6, False)]


def test_beats_turns_and_what_is_void_cross_over(boards: Boards) -> None:
    process, supervisor = boards
    assert (supervisor.beats, supervisor.turned, process.void) == (0, 0.0, 0.0)
    process.beat()
    process.beat()
    before = time.monotonic()
    process.turn()
    supervisor.make_void()
    assert supervisor.beats == 2
    assert before <= supervisor.turned <= process.void <= time.monotonic()


def test_deadlines_stand_beside_their_jobs_until_they_are_taken_back(boards: Boards) -> None:
    process, supervisor = boards
    assert supervisor.limited() == []
    process.hold(5, 100)
    row = process.hold(6, 100)
    before = time.monotonic()
    process.limit(row, 60.0)
    (held,) = supervisor.limited()
    assert held.id == 6
    assert before + 60 <= held.deadline <= time.monotonic() + 60
    process.unlimit(row)
    assert supervisor.limited() == []
    assert {held.id for held in supervisor.held()} == {5, 6}


def test_a_row_that_is_used_again_has_no_deadline_of_the_job_before(boards: Boards) -> None:
    process, supervisor = boards
    row = process.hold(5, 100)
    process.limit(row, 60.0)
    process.unlimit(row)
    process.free([(5, 100)])
    assert process.hold(6, 100) == row
    process.limit(process.hold(7, 100), 60.0)
    assert [held.id for held in supervisor.limited()] == [7]


def test_the_word_crosses_over(boards: Boards) -> None:
    process, supervisor = boards
    assert supervisor.speaker() is None
    first, second = process.hold(5, 100), process.hold(6, 100)
    for row, speaker in ((second, 6), (first, 5)):
        process.give_word(row)
        held = supervisor.speaker()
        assert held is not None
        assert held.id == speaker
    process.give_word(NOBODY)
    assert supervisor.speaker() is None


def test_a_job_for_which_there_was_no_row_has_neither_deadline_nor_word() -> None:
    fd = create(1)
    board = Board(fd)
    os.close(fd)
    board.hold(1, 1)
    board.give_word(NOBODY)
    row = board.hold(2, 1)
    board.limit(row, 0.0)
    assert (row, board.limited(), board.speaker()) == (NOBODY, [], None)
    board.unlimit(row)
    board.close()
