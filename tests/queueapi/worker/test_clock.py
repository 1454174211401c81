"""The clock of a supervisor, and what a process tells it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from uuid import UUID

import pytest

from queueapi.errors import StoreUnavailable
from queueapi.events import Events
from queueapi.postgres.ahead import Ahead
from queueapi.postgres.atomic import atomic
from queueapi.postgres.sessions import Dedicated
from queueapi.records import NewJob
from queueapi.settings import Settings
from queueapi.ticks import Cron
from queueapi.worker.clock import Clock, Registrar, on_time
from queueapi.worker.orders import LOOK

from .conftest import WORKER, Heard, Sql, until

EVERY_SECOND = Cron("it", "* * * * * *", "UTC", True, NewJob("default", "kind", "{}", 0, 25, 0.0, None))
Make = Callable[..., Clock]


@pytest.fixture
def settings(dsn: str) -> Settings:
    return Settings(database_url=dsn)


@pytest.fixture
def sessions(settings: Settings) -> Iterator[Callable[[], Dedicated]]:
    made: list[Dedicated] = []

    def run() -> Dedicated:
        made.append(on_time(settings))
        return made[-1]

    yield run
    for session in made:
        session.close()


@pytest.fixture
def make(sessions: Callable[[], Dedicated], events: Events) -> Iterator[Make]:
    """A running clock that is stopped after the test."""
    made: list[Clock] = []

    def run(alive: Callable[[], list[UUID]] = lambda: [WORKER]) -> Clock:
        clock = Clock(sessions(), alive, events)
        made.append(clock)
        clock.loop.start()
        return clock

    yield run
    for clock in made:
        clock.loop.stop()


@pytest.fixture
def tell(sessions: Callable[[], Dedicated], settings: Settings, events: Events) -> Iterator[Callable[..., Registrar]]:
    """A process tells of these schedules."""
    made: list[Registrar] = []

    def run(*crons: Cron) -> Registrar:
        registrar = Registrar(sessions(), crons, WORKER, settings, events)
        made.append(registrar)
        registrar.start()
        return registrar

    yield run
    for registrar in made:
        registrar.loop.stop()


@pytest.mark.system
def test_four_clocks_push_once_a_second_and_on_time(make: Make, tell: Callable[..., Registrar], sql: Sql) -> None:
    for _ in range(4):
        make()
    tell(EVERY_SECOND)
    until(lambda: sql("select count(*) from queueapi.jobs") == [(4,)], "four ticks")
    pushed = [at for (at,) in sql("select pushed_at from queueapi.jobs order by id")]
    seconds = [at.replace(microsecond=0) for at in pushed]
    assert len(set(seconds)) == len(seconds)
    assert sorted(at.microsecond for at in pushed)[0] < 250_000  # on time is in the first quarter of its second


def test_a_tick_is_told(make: Make, tell: Callable[..., Registrar], heard: Heard, sql: Sql) -> None:
    clock = make()
    tell(EVERY_SECOND._replace(expression="0 0 1 1 *"))
    until(lambda: sql("select 1 from queueapi.workers where crons = '{it}'"), "it is known")
    sql("update queueapi.crons set next_at = now()")
    clock.loop.wake()
    (fields,) = until(lambda: heard.of("ticked"), "a tick")
    assert fields["tick"].name == "it"
    assert sql("select id from queueapi.jobs") == [(fields["tick"].id,)]


def test_a_clock_without_processes_pushes_nothing_and_asks_for_nothing(sessions: Callable[[], Dedicated]) -> None:
    session = sessions()
    assert Clock(session, list, Events())._tick() == 1.0
    assert session.generation == 0


def test_a_clock_tells_what_it_has_seen(sessions: Callable[[], Dedicated], sql: Sql) -> None:
    told: list[Ahead] = []
    clock = Clock(sessions(), lambda: [WORKER], Events(), told.append)
    assert clock._tick() == LOOK
    sql("insert into queueapi.jobs (queue, kind) values ('default', 'kind')")
    assert clock._tick() == LOOK
    assert [ahead.available for ahead in told] == [False, True]


@pytest.mark.parametrize(("poll", "every"), [(0.05, 0.05), (1.0, LOOK), (30.0, LOOK)])
def test_a_clock_looks_as_often_as_safety_polls_are_set_and_every_second_at_least(
    sessions: Callable[[], Dedicated], poll: float, every: float
) -> None:
    assert Clock(sessions(), lambda: [WORKER], Events(), poll=poll)._tick() == every


def test_a_process_without_schedules_says_nothing(tell: Callable[..., Registrar], sessions: object) -> None:
    assert not tell().loop._thread.is_alive()


def test_a_process_tells_its_schedules_once_and_that_it_knows_them_again(
    tell: Callable[..., Registrar], sessions: Callable[[], Dedicated], sql: Sql
) -> None:
    registrar = tell(EVERY_SECOND)
    until(lambda: sql("select 1 from queueapi.workers"), "it is known")
    sql("update queueapi.crons set expression = '@daily'")  # by a process of the next version
    sql("delete from queueapi.workers")  # it stood still for too long
    registrar.loop.wake()
    until(lambda: sql("select 1 from queueapi.workers where crons = '{it}'"), "it is known again")
    assert sql("select expression from queueapi.crons") == [("@daily",)]


@pytest.mark.system
def test_who_stands_still_with_a_tick_in_hand_loses_it_to_another(
    sessions: Callable[[], Dedicated], tell: Callable[..., Registrar], make: Make, sql: Sql
) -> None:
    tell(EVERY_SECOND._replace(expression="0 0 1 1 *"))
    until(lambda: sql("select 1 from queueapi.workers where crons = '{it}'"), "it is known")
    sql("update queueapi.crons set next_at = now()")
    still = sessions()

    def stand_still() -> None:
        with atomic(still) as session:
            assert session.run("claim_cron", {"workers": [WORKER]})
            make()
            until(lambda: sql("select 1 from queueapi.jobs"), "another has pushed it", 15.0)
            session.run("insert_job", EVERY_SECOND.job._asdict())

    with pytest.raises(StoreUnavailable):
        stand_still()
    assert sql("select count(*) from queueapi.jobs") == [(1,)]
