"""When the worker looks again, and when it asks to be woken."""

from __future__ import annotations

import pytest

from queueapi.errors import StoreUnavailable
from queueapi.postgres.connection import Connection
from queueapi.postgres.sessions import Dedicated
from queueapi.postgres.store import Store
from queueapi.worker.sleeper import LADDER, PAUSE, RENEW, STREAK, Sleeper

from .conftest import Sql

POLL = 1.0


class Clock:
    """Stands still until it is moved."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sleeper(store: Store, clock: Clock) -> Sleeper:
    return Sleeper(store, "queueapi_wake_it", ["mail", "default"], POLL, clock)


def asleep(sql: Sql) -> bool:
    return sql("select channel, queues from queueapi.sleepers where until > now()") == [
        ("queueapi_wake_it", ["mail", "default"])
    ]


def test_who_found_as_much_as_there_was_room_for_looks_again_at_once(sleeper: Sleeper, sql: Sql) -> None:
    assert [sleeper.rest(5, 5) for _ in range(3)] == [0.0, 0.0, 0.0]
    assert not asleep(sql)


def test_who_found_nothing_says_so_looks_once_more_climbs_the_ladder_and_sleeps(sleeper: Sleeper, sql: Sql) -> None:
    assert sleeper.rest(0, 5) == 0.0
    assert asleep(sql)
    assert [sleeper.rest(0, 5) for _ in LADDER] == list(LADDER)
    assert sleeper.rest(0, 5) == sleeper.rest(0, 5) == POLL


def test_a_job_now_and_then_leaves_the_worker_asleep(sleeper: Sleeper, sql: Sql) -> None:
    sleeper.rest(0, 5)
    assert sleeper.rest(1, 5) == POLL
    assert asleep(sql)


def test_while_jobs_keep_coming_nobody_has_to_wake_it(sleeper: Sleeper, sql: Sql) -> None:
    sleeper.rest(0, 5)
    waits = [sleeper.rest(1, 5) for _ in range(STREAK + 5)]
    assert waits[0] == POLL
    assert waits[-1] == PAUSE
    assert not asleep(sql)


def test_a_worker_that_was_told_to_forget_says_again_that_it_sleeps(sleeper: Sleeper, sql: Sql) -> None:
    sleeper.rest(0, 5)
    sql("truncate queueapi.sleepers")  # as a crash of the server does
    sleeper.forget()
    assert sleeper.rest(0, 5) == 0.0
    assert asleep(sql)


@pytest.mark.parametrize("found", [0, 1, 5], ids=["nothing", "something", "as much as there is room for"])
def test_sleep_is_said_anew_before_it_runs_out_whatever_is_found(
    sleeper: Sleeper, clock: Clock, sql: Sql, found: int
) -> None:
    sleeper.rest(0, 5)
    for _ in LADDER:
        sleeper.rest(0, 5)
    sql("update queueapi.sleepers set until = now()")
    clock.now += RENEW / 2
    sleeper.rest(found, 5)
    assert not asleep(sql), "not more often than it has to"
    clock.now += RENEW / 2 + 1
    assert sleeper.rest(found, 5) == (0.0 if found == 5 else POLL), "it knows that it sleeps: no ladder again"
    assert asleep(sql)


def test_who_has_no_room_is_not_woken(sleeper: Sleeper, sql: Sql) -> None:
    sleeper.rest(0, 5)
    sleeper.withdraw()
    assert not asleep(sql)
    sleeper.withdraw()  # twice is nothing


def test_to_withdraw_while_the_server_is_away_is_an_error_unless_nobody_cares() -> None:
    def away() -> Connection:
        raise StoreUnavailable("away")

    sleeper = Sleeper(Store(Dedicated(away)), "queueapi_wake_it", ["default"], POLL)
    sleeper.withdraw()  # it never slept: nobody is asked
    sleeper._asleep_since = 0.0
    with pytest.raises(StoreUnavailable):
        sleeper.withdraw()
    sleeper.withdraw(quietly=True)
