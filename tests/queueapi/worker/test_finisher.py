"""Outcomes are written, whatever the database does meanwhile, and progress beside them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import psycopg
import pytest

from queueapi.claims import Claimed
from queueapi.errors import StoreUnavailable
from queueapi.events import Events
from queueapi.postgres.connection import Connection, connect
from queueapi.postgres.sessions import Dedicated
from queueapi.postgres.statements import Rows
from queueapi.postgres.store import Store
from queueapi.records import Outcome
from queueapi.states import State
from queueapi.worker.board import Board
from queueapi.worker.finisher import BATCH, Finisher

from .conftest import WORKER, Claim, Heard, Sql, until


class Line(Dedicated):
    """A connection that can be cut, before a statement or between it and its answer."""

    def __init__(self, open_: Callable[[], Connection]) -> None:
        super().__init__(open_)
        self.cut_before = self.cut_after = False
        self.statements: list[str] = []

    def run(self, verb: str, params: Mapping[str, Any]) -> Rows:
        if self.cut_before:
            raise StoreUnavailable("cut before")
        rows = super().run(verb, params)
        self.statements.append(verb)
        if self.cut_after:
            self.cut_after = False
            self.close()
            raise StoreUnavailable("cut after")
        return rows


@pytest.fixture
def line(dsn: str) -> Iterator[Line]:
    line = Line(lambda: connect(dsn, "tests", 5))
    yield line
    line.close()


@pytest.fixture
def finisher(line: Line, boards: tuple[Board, Board], events: Events) -> Finisher:
    return Finisher(line, 3600.0, boards[0], events)


def done(job: Claimed, result: str | None = "1") -> Outcome:
    return Outcome(job.id, job.token, State.DONE, result)


def test_what_was_added_is_written_told_and_taken_off_the_board(
    claim: Claim, finisher: Finisher, boards: tuple[Board, Board], heard: Heard, sql: Sql
) -> None:
    written: list[int] = []
    finisher.on_written = lambda: written.append(finisher.waiting)
    finisher.start()
    jobs = claim(3)
    for job in jobs:
        boards[0].hold(job.id, job.token)
    finisher.add(done(jobs[0]), jobs[0])
    finisher.add(Outcome(jobs[1].id, jobs[1].token, State.SCHEDULED, error="{}", delay=60.0), jobs[1])
    until(lambda: len(heard.of("finished")) == 2, "both are told")
    assert [held.id for held in boards[1].held()] == [jobs[2].id]
    assert sql("select id, state from queueapi.finished") == [(jobs[0].id, "done")]
    assert sql("select id, state from queueapi.jobs order by id") == [
        (jobs[1].id, "scheduled"),
        (jobs[2].id, "running"),
    ]
    assert written[-1] == 0
    assert finisher.flush(5.0)


def test_a_lost_lease_is_said_and_nothing_is_changed(
    claim: Claim, finisher: Finisher, boards: tuple[Board, Board], heard: Heard, sql: Sql
) -> None:
    ours, lost = claim(2)
    boards[0].hold(lost.id, lost.token)
    sql("update queueapi.jobs set token = 5 where id = %s", lost.id)
    finisher.add(done(ours), ours)
    finisher.add(done(lost), lost)
    assert finisher.flush(5.0)
    assert [fields["job"].id for fields in heard.of("lease_lost")] == [lost.id]
    assert [fields["job"].id for fields in heard.of("finished")] == [ours.id]
    assert sql("select id, state, token from queueapi.jobs") == [(lost.id, "running", 5)]
    assert boards[1].held() == []


def test_outcomes_wait_for_the_database_and_stay_on_the_board_meanwhile(
    claim: Claim, finisher: Finisher, line: Line, boards: tuple[Board, Board], heard: Heard, sql: Sql
) -> None:
    (job,) = claim(1)
    boards[0].hold(job.id, job.token)
    line.cut_before = True
    finisher.start()
    finisher.add(done(job), job)
    until(lambda: heard.of("store_lost"), "the outage is told")
    assert finisher.waiting == 1
    assert [held.id for held in boards[1].held()] == [job.id], "its lease must be renewed"
    line.cut_before = False
    until(lambda: heard.of("finished"), "it is written")
    assert sql("select state from queueapi.finished") == [("done",)]
    assert finisher.flush(5.0)


def test_an_answer_that_was_cut_off_is_neither_written_twice_nor_called_lost(
    claim: Claim, finisher: Finisher, line: Line, heard: Heard, sql: Sql
) -> None:
    finished, retried = claim(2)
    line.cut_after = True
    finisher.add(done(finished), finished)
    finisher.add(Outcome(retried.id, retried.token, State.SCHEDULED, error="{}", delay=60.0), retried)
    assert finisher.flush(5.0)
    line.cut_after = True  # and with the answer to the second statement missing
    other, again = claim(2)
    finisher = Finisher(line, 3600.0, finisher._board, finisher._events)
    finisher.add(Outcome(again.id, again.token, State.SCHEDULED, error="{}", delay=60.0), again)
    finisher.add(done(other), other)
    assert finisher.flush(5.0)
    assert heard.of("lease_lost") == []
    assert len(heard.of("finished")) == 4
    assert sql("select id, count(*) from queueapi.finished group by 1 order by 1") == [(finished.id, 1), (other.id, 1)]
    assert sql("select state, count(*) from queueapi.jobs group by 1") == [("scheduled", 2)]


def test_a_lease_that_was_really_lost_while_the_line_was_cut_is_said(
    claim: Claim, finisher: Finisher, line: Line, heard: Heard, sql: Sql
) -> None:
    (job,) = claim(1)
    line.cut_before = True
    finisher.start()
    finisher.add(done(job), job)
    until(lambda: heard.of("store_lost"), "it was tried")
    sql("update queueapi.jobs set token = 5")
    line.cut_before = False
    until(lambda: heard.of("lease_lost"), "the loss is said")
    assert sql("select count(*) from queueapi.finished") == [(0,)]
    assert finisher.flush(5.0)


def test_a_flush_gives_up_in_its_time_and_says_so(claim: Claim, finisher: Finisher, line: Line) -> None:
    (job,) = claim(1)
    line.cut_before = True
    finisher.start()
    finisher.add(done(job), job)
    began = time.monotonic()
    assert not finisher.flush(0.3)
    assert time.monotonic() - began < 3


def test_a_batch_is_bounded_in_number_and_in_bytes(claim: Claim, finisher: Finisher, line: Line, sql: Sql) -> None:
    for job in claim(BATCH + 1):
        finisher.add(done(job), job)
    assert finisher.waiting == BATCH + 1
    assert finisher.flush(20.0)
    assert line.statements.count("finish_jobs") == 2


def test_large_outcomes_weigh_more_and_are_written_in_portions(
    claim: Claim, line: Line, finisher: Finisher, sql: Sql
) -> None:
    for job in claim(20):
        finisher.add(done(job, f'"{"x" * 999_000}"'), job)
    assert finisher.waiting > 1000, "enough that no more is claimed"
    assert finisher.flush(20.0)
    assert finisher.waiting == 0
    assert line.statements.count("finish_jobs") == 3
    assert sql("select count(*) from queueapi.finished") == [(20,)]


def test_what_never_began_is_returned_and_nobody_calls_it_lost(
    claim: Claim, finisher: Finisher, heard: Heard, sql: Sql
) -> None:
    job, taken = claim(2)
    sql("update queueapi.jobs set state = 'available', token = null, lease_until = null where id = %s", taken.id)
    for one in (job, taken):
        finisher.add(Outcome(one.id, one.token, State.AVAILABLE, charged=False), one, begun=False)
    assert finisher.flush(5.0)
    assert {name for name, _ in heard.events} == {"returned"}
    assert sql("select id, attempt from queueapi.jobs where state = 'available' order by id") == [
        (job.id, 0),
        (taken.id, 1),
    ]


def test_progress_is_stored_and_the_last_word_is_not_left_out(claim: Claim, finisher: Finisher, sql: Sql) -> None:
    first, second = claim(2)
    finisher.start()
    reporters = [finisher.reporter(first), finisher.reporter(second)]
    reporters[0].report(1, 10, "whole numbers")
    reporters[1].report(0.5, 2.5, "and others in one statement")
    reporters[0].report(7, 10, "the last, right after one that was stored")
    until(
        lambda: sql("select done, total from queueapi.progress order by job_id") == [(7.0, 10.0), (0.5, 2.5)],
        "the last word of both is stored",
        3,
    )
    assert finisher.flush(5.0)


ODD_NUMBERS = [True, 10**400, float("nan"), float("inf"), "9", None, object()]
ODD_WORDS = ["\0", "\ud83d", 5, b"x", object(), "x" * 100_000, None]


def test_whatever_a_job_reports_stops_neither_it_nor_its_neighbours(
    claim: Claim, finisher: Finisher, heard: Heard, sql: Sql
) -> None:
    neighbour, *odd = claim(1 + len(ODD_NUMBERS))
    finisher.reporter(neighbour).report(1, 2, "fine")
    for job, number, words in zip(odd, ODD_NUMBERS, ODD_WORDS, strict=True):
        finisher.reporter(job).report(number, number, words)  # type: ignore[arg-type]
    finisher._write_progress()
    assert sql("select count(*) from queueapi.progress") == [(1 + len(odd),)]
    assert sql("select done, total, message from queueapi.progress where job_id = %s", neighbour.id) == [(1, 2, "fine")]
    assert sql("select max(length(message)) from queueapi.progress") == [(1000,)]
    assert heard.events == []


def test_progress_of_a_finished_job_is_forgotten(claim: Claim, finisher: Finisher, sql: Sql) -> None:
    (job,) = claim(1)
    finisher.reporter(job).report(1, 2, None)
    finisher._write_progress()
    assert sql("select count(*) from queueapi.progress") == [(1,)]
    finisher.add(done(job), job)
    assert finisher.flush(5.0)
    assert sql("select count(*) from queueapi.progress") == [(0,)]


def test_progress_that_met_an_outage_is_stored_after_it(
    claim: Claim, finisher: Finisher, line: Line, heard: Heard, sql: Sql
) -> None:
    (job,) = claim(1)
    line.cut_before = True
    finisher.start()
    finisher.reporter(job).report(3, 4, None)
    until(lambda: heard.of("store_lost"), "it was tried")
    line.cut_before = False
    until(lambda: sql("select done from queueapi.progress") == [(3.0,)], "it is stored")
    assert finisher.flush(5.0)


def test_watchers_are_told_even_if_the_answer_to_the_finish_was_cut_off(
    dsn: str, claim: Claim, finisher: Finisher, line: Line, sql: Sql
) -> None:
    (job,) = claim(1)
    sql("insert into queueapi.watches values (%s, gen_random_uuid())", job.id)
    with psycopg.connect(dsn, autocommit=True) as ear:
        ear.execute("listen queueapi_jobs")
        line.cut_after = True
        finisher.add(done(job), job)
        assert finisher.flush(5.0)
        assert [notice.payload for notice in ear.notifies(timeout=5, stop_after=1)] == [str(job.id)]


def test_a_lost_outcome_beside_its_successors_is_told_apart_and_takes_no_progress_away(
    claim: Claim, store: Store, finisher: Finisher, heard: Heard, sql: Sql
) -> None:
    (stale,) = claim(1)
    finisher.reporter(stale).report(1, 10, None)
    finisher._write_progress()
    store.reschedule([Outcome(stale.id, stale.token, State.AVAILABLE, charged=False)])
    (ours,) = store.claim(["default"], 1, 2000, WORKER, 30.0)
    finisher.reporter(ours).report(4, 10, None)
    finisher.reporter(stale).report(2, 10, None)
    finisher._write_progress()
    finisher.add(done(stale), stale)
    finisher._write()
    assert sql("select token, done from queueapi.progress") == [(ours.token, 4.0)]
    assert [fields["job"] for fields in heard.of("lease_lost")] == [stale]

    finisher.add(done(stale), stale)
    finisher.add(done(ours), ours)
    assert finisher.flush(5.0)
    assert [fields["job"] for fields in heard.of("lease_lost")] == [stale, stale]
    assert [fields["job"] for fields in heard.of("finished")] == [ours]
    assert sql("select count(*) from queueapi.progress") == [(0,)]
