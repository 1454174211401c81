"""Who is charged with the end of a process."""

from __future__ import annotations

import json

from queueapi.worker.blame import blame
from queueapi.worker.board import NOBODY, Board

Boards = tuple[Board, Board]


def test_who_had_the_word_is_charged_and_nobody_else(boards: Boards) -> None:
    process, supervisor = boards
    rows = [process.hold(id_, 1) for id_ in (5, 6, 7)]
    process.give_word(rows[1])
    (one,) = blame(supervisor, "SIGSEGV", [], stopped=False)
    assert (one.id, one.how, json.loads(one.error)["type"]) == (6, "killed", "WorkerLost")
    last = json.loads(one.last or "")
    assert (last["type"], "3 times" in last["message"], "SIGSEGV" in last["message"]) == ("ProcessKilled", True, True)


def test_a_job_that_has_just_begun_has_the_word(boards: Boards) -> None:
    process, supervisor = boards
    process.hold(5, 1)
    process.hold(6, 1)
    assert [(one.id, one.how) for one in blame(supervisor, "SIGKILL", [], stopped=False)] == [(6, "killed")]


def test_when_nobody_had_it_all_that_ran_are_charged_and_none_is_counted_a_killer(boards: Boards) -> None:
    process, supervisor = boards
    for id_ in (5, 6):
        process.hold(id_, 1)
    process.give_word(NOBODY)
    for ended in ("SIGKILL", "SIGSEGV"):
        charged = blame(supervisor, ended, [], stopped=False)
        assert sorted((one.id, one.how) for one in charged) == [(5, "lost"), (6, "lost")]


def test_who_was_alone_did_it_unless_it_may_have_come_from_outside(boards: Boards) -> None:
    process, supervisor = boards
    process.hold(5, 1)
    process.give_word(NOBODY)
    assert [one.how for one in blame(supervisor, "SIGSEGV", [], stopped=False)] == ["killed"]
    assert [one.how for one in blame(supervisor, "exit code 3", [], stopped=False)] == ["killed"]
    assert [one.how for one in blame(supervisor, "SIGKILL", [], stopped=False)] == ["lost"]


def test_the_word_of_a_job_that_is_written_down_is_nobodys(boards: Boards) -> None:
    process, supervisor = boards
    process.hold(5, 1)
    process.give_word(process.hold(6, 1))
    process.free([(6, 1)])
    assert [(one.id, one.how) for one in blame(supervisor, "SIGKILL", [], stopped=False)] == [(5, "lost")]


def test_what_we_stopped_ourselves_is_not_charged(boards: Boards) -> None:
    process, supervisor = boards
    process.hold(5, 1)
    assert blame(supervisor, "SIGKILL", [], stopped=True) == []


def test_for_a_hard_timeout_only_the_late_are_charged_also_while_we_stop(boards: Boards) -> None:
    process, supervisor = boards
    process.hold(5, 1)
    late = process.hold(6, 1)
    process.limit(late, 0.0)
    process.give_word(late - 1)
    for stopped in (False, True):
        (one,) = blame(supervisor, "SIGKILL", supervisor.limited(), stopped)
        assert (one.id, one.how, json.loads(one.error)["type"]) == (6, "late", "HardTimeout")


def test_what_ended_between_the_look_and_the_kill_is_not_charged(boards: Boards) -> None:
    process, supervisor = boards
    row = process.hold(5, 1)
    process.limit(row, 0.0)
    late = supervisor.limited()
    process.unlimit(row)
    assert blame(supervisor, "SIGKILL", late, stopped=False) == []
