"""Leases are kept for what works, lost by what does not, and said to be lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from uuid import UUID

import pytest

from queueapi.claims import Claimed
from queueapi.errors import StoreUnavailable
from queueapi.events import Events
from queueapi.postgres.connection import Connection, connect
from queueapi.postgres.sessions import Dedicated
from queueapi.postgres.store import Store
from queueapi.postgres.upkeep import Upkeep
from queueapi.records import Outcome
from queueapi.states import State
from queueapi.worker.board import Board, create
from queueapi.worker.lease import LeaseKeeper, ProcessView, Stuck

from .conftest import WORKER, Claim, Heard, Sql, until

Boards = tuple[Board, Board]


@pytest.fixture
def spinning() -> Iterator[int]:
    """The pid of a process that computes and beats nowhere."""
    process = subprocess.Popen([sys.executable, "-c", "print(flush=True)\nwhile True: pass"], stdout=subprocess.PIPE)
    assert process.stdout
    process.stdout.readline()
    yield process.pid
    process.send_signal(signal.SIGCONT)
    process.kill()
    process.wait()
    process.stdout.close()


@pytest.fixture
def keeper(upkeep: Upkeep, boards: Boards, events: Events) -> Iterator[LeaseKeeper]:
    processes = [ProcessView(os.getpid(), WORKER, boards[1])]
    keeper = LeaseKeeper(upkeep, 0.3, lambda: processes, events)
    yield keeper
    keeper.loop.stop()


Aged = Callable[[Claimed], ProcessView]


@pytest.fixture
def aged(monkeypatch: pytest.MonkeyPatch) -> Aged:
    """A process that began that job a minute ago, has beaten since, and waits."""

    def run(job: Claimed) -> ProcessView:
        fd = create(1)
        board = Board(fd)
        os.close(fd)
        with monkeypatch.context() as patch:
            before = time.monotonic() - 60
            patch.setattr(time, "monotonic", lambda: before)
            board.hold(job.id, job.token)
        board.beat()
        return ProcessView(0, WORKER, board)

    return run


def test_a_process_that_uses_the_processor_works_and_a_stopped_one_does_not(spinning: int, boards: Boards) -> None:
    view = ProcessView(spinning, WORKER, boards[1])
    assert view.works(within=60)  # nothing is known of the time before the first look
    os.kill(spinning, signal.SIGSTOP)
    until(lambda: not view.works(within=0.1), "it has not worked for a moment")
    assert view.works(within=60), "a look does not use up what it sees"
    os.kill(spinning, signal.SIGCONT)
    until(lambda: view.works(within=0.1), "it works again")


def test_a_process_that_beats_works_whatever_the_kernel_says(boards: Boards) -> None:
    process, supervisor = boards
    view = ProcessView(0, WORKER, supervisor)
    until(lambda: not view.works(within=0.01), "it has not worked for a moment")
    process.beat()
    assert view.works(within=0.01)


def test_a_renewal_that_failed_is_made_up_for_at_once_though_the_process_just_waits(
    dsn: str, claim: Claim, aged: Aged, events: Events, sql: Sql
) -> None:
    outage = [StoreUnavailable("away")]

    def open_() -> Connection:
        if outage:
            raise outage.pop()
        return connect(dsn, "tests", 5)

    session = Dedicated(open_)
    (job,) = claim(1)
    view = aged(job)
    keeper = LeaseKeeper(Upkeep(session), 60.0, lambda: [view], events)
    with pytest.raises(StoreUnavailable):
        keeper._tick()
    keeper._tick()
    assert sql("select token from queueapi.leases") == [(job.token,)]
    session.close()


def test_a_stale_run_is_ended_though_its_successor_runs_under_the_same_supervisor(
    claim: Claim, store: Store, upkeep: Upkeep, events: Events, heard: Heard, aged: Aged
) -> None:
    (stale,) = claim(1)
    store.reschedule([Outcome(stale.id, stale.token, State.AVAILABLE, charged=False)])
    (ours,) = store.claim(["default"], 1, 2000, UUID(int=8), 30.0)
    first, second = aged(stale), aged(ours)
    keeper = LeaseKeeper(upkeep, 30.0, lambda: [first, second], events)
    keeper._tick()
    assert [held.lost for held in first.board.held()] == [True]
    assert [held.lost for held in second.board.held()] == [False]
    assert heard.of("renewal_lost") == [{"id": stale.id}]


def test_what_is_under_way_outlives_its_first_lease(
    claim: Claim, keeper: LeaseKeeper, boards: Boards, upkeep: Upkeep, sql: Sql
) -> None:
    running, forgotten = claim(2, lease=0.3)
    boards[0].hold(running.id, running.token)
    keeper.loop.start()
    until(lambda: sql("select count(*) from queueapi.leases where expires_at > now()") == [(1,)], "it is renewed")
    until(lambda: sql("select now() > max(lease_until) from queueapi.jobs") == [(True,)], "the first leases are over")
    with_own_connection = sql("""
        select id from queueapi.jobs where not exists
        (select from queueapi.leases where job_id = id and leases.token = jobs.token and expires_at > now())
    """)
    assert with_own_connection == [(forgotten.id,)]


def test_what_was_lost_is_marked_once_and_said_once(
    claim: Claim, keeper: LeaseKeeper, boards: Boards, heard: Heard, sql: Sql
) -> None:
    (job,) = claim(1)
    boards[0].hold(job.id, job.token)
    sql("update queueapi.jobs set token = token + 1")
    keeper.loop.start()
    until(lambda: boards[0].losses, "the process is told")
    assert [held.lost for held in boards[0].held()] == [True]
    keeper.loop.wake()
    until(lambda: heard.of("renewal_lost"), "it is said")
    keeper.loop.stop()
    assert heard.of("renewal_lost") == [{"id": job.id}]


def test_a_stuck_process_loses_what_it_has_not_begun_and_keeps_what_it_has(
    claim: Claim, upkeep: Upkeep, boards: Boards, events: Events, heard: Heard, store: Store, sql: Sql,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    process, supervisor = boards
    begun, *waiting = claim(4)
    others = store.claim(["default"], 1, 1, UUID(int=8), 30.0)
    asked = time.monotonic()
    process.hold(begun.id, begun.token)
    process.turn()
    monkeypatch.setattr(Stuck, "AFTER", 0.0)
    stuck = Stuck(upkeep, lambda: [ProcessView(1, WORKER, supervisor)], events)
    stuck.release()
    assert sql("select id, state, attempt from queueapi.jobs order by id") == [
        (begun.id, "running", 1),
        *((job.id, "available", 0) for job in waiting),
    ]
    assert others == []
    assert process.void > asked, "the process can see that it has lost them"
    stuck.release()
    assert heard.of("stuck") == [{"pid": 1, "jobs": 3}], "said once, however long it lasts"


def test_what_a_process_claims_after_it_was_stuck_stays_its_own(
    claim: Claim, upkeep: Upkeep, boards: Boards, sql: Sql
) -> None:
    before = upkeep.clock()
    boards[1].make_void()
    (job,) = claim(1)
    assert upkeep.release_unbegun(WORKER, [], before) == []
    assert sql("select id, state from queueapi.jobs") == [(job.id, "running")]


def test_neither_a_starting_nor_a_busy_process_is_stuck(
    claim: Claim, upkeep: Upkeep, boards: Boards, events: Events, sql: Sql
) -> None:
    claim(2)
    stuck = Stuck(upkeep, lambda: [ProcessView(1, WORKER, boards[1])], events)
    stuck.release()  # it has not come round once: it is still starting
    boards[0].turn()
    stuck.release()
    assert sql("select distinct state from queueapi.jobs") == [("running",)]
    assert boards[0].void == 0.0
