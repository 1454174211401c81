"""The verbs of schedules: one push a tick, whoever looks, restarts, is killed or has another version."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import psycopg
import pytest

from queueapi.postgres.ahead import look_ahead
from queueapi.postgres.connection import connect
from queueapi.postgres.crons import Crons
from queueapi.postgres.sessions import Borrowed, Dedicated
from queueapi.postgres.statements import statement
from queueapi.records import NewJob, Special, Unique, WorkerRow
from queueapi.ticks import Cron, next_tick

Sql = Callable[..., list[tuple[Any, ...]]]

OLD, NEW = UUID(int=1), UUID(int=2)
# What a test sets the database's clock by, as it cannot move it: the times in the row.
LATE = "update queueapi.crons set next_at = now() - %s::text::interval"


def cron(name: str = "it", expression: str = "0 6 * * *", catch_up: bool = True, **job: Any) -> Cron:
    plain = NewJob("default", "kind", '{"n":1}', 0, 25, 0.0, None)
    return Cron(name, expression, "Europe/Moscow", catch_up, plain._replace(**job))


def wait(crons: Crons, worker: UUID = OLD) -> float | None:
    """Seconds until the next tick that is this process's, as the clock of its supervisor sees it."""
    assert isinstance(crons._session, Dedicated)
    return look_ahead(crons._session, [worker]).tick


@pytest.fixture
def crons(session: Dedicated) -> Crons:
    return Crons(session)


@pytest.fixture
def start(crons: Crons) -> Callable[..., None]:
    """A process starts, with these schedules."""

    def run(*declared: Cron, worker: UUID = OLD) -> None:
        crons.register(declared)
        crons.know(WorkerRow(worker, f"host:{worker.int}", ["default"], 20), [one.name for one in declared])

    return run


@pytest.fixture
def others(dsn: str) -> Iterator[Callable[[], Crons]]:
    """The verbs on further connections."""
    sessions: list[Dedicated] = []

    def run() -> Crons:
        sessions.append(Dedicated(lambda: connect(dsn, "tests", 5)))
        return Crons(sessions[-1])

    yield run
    for session in sessions:
        session.close()


def jobs(sql: Sql) -> int:
    ((number,),) = sql("select count(*) from queueapi.jobs")
    return int(number)


def row(sql: Sql, *columns: str) -> tuple[Any, ...]:
    (found,) = sql(f"select {', '.join(columns)} from queueapi.crons")
    return found


def test_a_new_schedule_is_due_at_its_next_time_and_not_before(start: Any, crons: Crons, sql: Sql) -> None:
    ((before,),) = sql("select now()")
    start(cron())
    ((after,),) = sql("select now()")
    assert row(sql, "next_at")[0] in {next_tick("0 6 * * *", "Europe/Moscow", now) for now in (before, after)}
    assert crons.push_due([OLD]) is None
    assert 0 < (wait(crons) or 0) <= 86_400


def test_what_is_due_is_pushed_once_and_due_again_at_its_next_time(start: Any, crons: Crons, sql: Sql) -> None:
    start(cron(queue="reports", priority=7, max_attempts=3))
    sql(LATE, "2 s")
    assert (wait(crons) or 0) < 0
    tick = crons.push_due([OLD])
    assert tick is not None
    assert (tick.name, tick.kind, tick.error) == ("it", "kind", None)
    assert 2 <= tick.late < 10
    assert crons.push_due([OLD]) is None
    assert sql("select id, queue, kind, args, priority, max_attempts, state from queueapi.jobs") == [
        (tick.id, "reports", "kind", {"n": 1}, 7, 3, "available")
    ]
    assert row(sql, "last_id", "next_at > now()", "last_at <= now()") == (tick.id, True, True)


def test_each_option_of_a_push_is_in_each_push(start: Any, crons: Crons, sql: Sql) -> None:
    special = Special(expires_in=60.0, result_ttl=5.0, options='{"timeout":3}', limit_keys=("it",))
    start(cron(delay=30.0, special=special))
    for _ in range(2):
        sql(LATE, "1 s")
        assert crons.push_due([OLD])
    expected = ("scheduled", True, ["it"], 5.0, {"timeout": 3})
    found = sql("select state, expires_at > run_at, limit_keys, result_ttl, options from queueapi.jobs")
    assert found == [expected] * 2


def test_a_unique_job_is_not_pushed_beside_its_like_and_the_schedule_goes_on(
    start: Any, crons: Crons, sql: Sql
) -> None:
    start(cron(special=Special(unique=Unique("end:it", None, "skip"))))
    for _ in range(2):
        sql(LATE, "1 s")
        tick = crons.push_due([OLD])
        assert tick is not None
        assert tick.error is None
    assert jobs(sql) == 1
    assert row(sql, "next_at > now()") == (True,)


def test_of_many_who_look_at_once_one_pushes(start: Any, others: Any, sql: Sql) -> None:
    start(cron("one"), cron("two"))
    clocks = [others() for _ in range(6)]
    for clock in clocks:
        wait(clock)  # connected
    for round_ in range(1, 11):
        sql(LATE, "1 s")
        together = threading.Barrier(len(clocks))

        def look(clock: Crons, together: threading.Barrier = together) -> None:
            together.wait()
            while clock.push_due([OLD]):
                pass

        threads = [threading.Thread(target=look, args=(clock,)) for clock in clocks]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert jobs(sql) == 2 * round_


def test_who_dies_between_the_push_and_the_commit_has_pushed_nothing_and_another_does(
    start: Any, crons: Crons, dsn: str, sql: Sql
) -> None:
    start(cron())
    sql(LATE, "1 s")
    doomed = psycopg.connect(dsn)
    session = Borrowed(doomed)
    assert session.run("claim_cron", {"workers": [OLD]})
    session.run("insert_job", cron().job._asdict())
    assert crons.push_due([OLD]) is None  # it is that one's, as long as that one lives
    sql("select pg_terminate_backend(%s, 5000)", doomed.info.backend_pid)
    doomed.close()
    assert jobs(sql) == 0
    assert crons.push_due([OLD])
    assert jobs(sql) == 1


def test_one_that_cannot_be_pushed_is_left_out_and_the_others_are_not(start: Any, crons: Crons, sql: Sql) -> None:
    start(cron("bad"), cron("good"))
    sql(LATE, "1 s")
    sql("""update queueapi.crons set options = '{"priority": 99999}' where name = 'bad'""")
    first, second = crons.push_due([OLD]), crons.push_due([OLD])
    assert first is not None
    assert second is not None
    ticks = {tick.name: tick for tick in (first, second)}
    assert ticks["bad"].error is not None
    assert ticks["good"].id is not None
    assert crons.push_due([OLD]) is None
    assert sql("select name, last_at is null from queueapi.crons order by name") == [("bad", True), ("good", False)]


def test_an_expression_that_nobody_can_read_is_tried_again_later(start: Any, crons: Crons, sql: Sql) -> None:
    start(cron())
    sql("update queueapi.crons set timezone = 'Atlantis', next_at = now()")
    tick = crons.push_due([OLD])
    assert tick is not None
    assert "Atlantis" in str(tick.error)
    assert jobs(sql) == 0
    assert row(sql, "next_at - now() > interval '9 min'") == (True,)


# -- what was missed


@pytest.mark.parametrize(("catch_up", "pushed"), [(True, 1), (False, 0)])
def test_after_three_days_without_workers_a_schedule_catches_up_once_or_not_at_all(
    start: Any, crons: Crons, sql: Sql, catch_up: bool, pushed: int
) -> None:
    noon = "0 0 1 1 *"  # of no day that this test runs on
    start(cron(expression=noon, catch_up=catch_up))
    sql(LATE, "3 days")
    start(cron(expression=noon, catch_up=catch_up))  # which changes nothing
    tick = crons.push_due([OLD])
    assert tick is not None
    assert tick.late > 86_400
    assert crons.push_due([OLD]) is None
    assert jobs(sql) == pushed
    assert row(sql, "next_at > now()", "last_at is not null") == (True, bool(pushed))


def test_what_skips_still_pushes_a_tick_that_is_only_just_late(start: Any, crons: Crons, sql: Sql) -> None:
    start(cron(expression="* * * * * *", catch_up=False))
    sql(LATE, "1 hour")
    assert crons.push_due([OLD])
    assert jobs(sql) == 1


# -- who knows what


def test_a_schedule_that_none_of_our_processes_knows_is_not_ours_to_push(start: Any, crons: Crons, sql: Sql) -> None:
    start(cron("old"), worker=OLD)
    start(cron("new"), worker=NEW)
    sql(LATE, "1 s")
    assert wait(crons, UUID(int=3)) is None
    assert crons.push_due([UUID(int=3)]) is None
    tick = crons.push_due([NEW])
    assert tick is not None
    assert tick.name == "new"
    assert crons.push_due([NEW]) is None
    assert crons.push_due([NEW, OLD])


def test_a_deploy_without_an_entry_ends_it_when_the_last_that_knows_it_is_gone(
    start: Any, crons: Crons, upkeep: Any, sql: Sql
) -> None:
    start(cron("stays"), cron("goes"), worker=OLD)
    start(cron("stays"), worker=NEW)  # the deploy, while the old one still works
    sql(LATE, "1 s")
    assert {crons.push_due([OLD]).name, crons.push_due([OLD]).name} == {"stays", "goes"}  # type: ignore[union-attr]
    assert {one.name: one.known for one in crons.list()} == {"stays": True, "goes": True}
    upkeep.forget(OLD)
    sql(LATE, "1 s")
    assert crons.push_due([NEW]).name == "stays"  # type: ignore[union-attr]
    assert crons.push_due([NEW]) is None
    assert {one.name: one.known for one in crons.list()} == {"stays": True, "goes": False}
    upkeep.prune()
    assert len(crons.list()) == 2
    sql(LATE, "8 days")
    upkeep.prune()
    assert [one.name for one in crons.list()] == ["stays"]


def test_what_somebody_paused_is_kept_whoever_knows_it(start: Any, crons: Crons, upkeep: Any, sql: Sql) -> None:
    start(cron())
    crons.pause("it")
    upkeep.forget(OLD)
    sql(LATE, "8 days")
    upkeep.prune()
    start(cron(), worker=NEW)
    assert crons.push_due([NEW]) is None
    assert [(one.paused, one.known) for one in crons.list()] == [(True, True)]


def test_that_the_supervisor_lists_a_process_does_not_take_its_schedules_from_it(
    start: Any, crons: Crons, upkeep: Any, sql: Sql
) -> None:
    worker = WorkerRow(OLD, "host:1", ["default"], 20)
    upkeep.register([worker])
    start(cron())
    upkeep.register([worker])
    sql(LATE, "1 s")
    assert crons.push_due([OLD])


# -- who says what they are


def test_an_edited_expression_is_due_at_its_own_next_time(start: Any, crons: Crons, sql: Sql) -> None:
    start(cron(expression="0 0 1 1 *"))
    start(cron(expression="* * * * *"))
    assert row(sql, "expression", "next_at - now() <= interval '1 min'") == ("* * * * *", True)


def test_what_is_said_anew_about_the_job_holds_from_the_next_tick_on(start: Any, crons: Crons, sql: Sql) -> None:
    start(cron())
    sql(LATE, "1 s")
    start(cron(args='{"n":2}', queue="other"))
    crons.push_due([OLD])
    assert sql("select queue, args from queueapi.jobs") == [("other", {"n": 2})]


def test_after_the_clock_went_back_an_hour_no_tick_comes_again(start: Any, crons: Crons, sql: Sql) -> None:
    start(cron(expression="0 * * * *"))
    sql("update queueapi.crons set last_at = now() + interval '1 h', next_at = now() + interval '90 min'")
    start(cron(expression="0 * * * *"))
    assert row(sql, "next_at > last_at") == (True,)
    start(cron(expression="*/5 * * * *"))  # and not by an edit either
    assert row(sql, "next_at > last_at", "next_at - last_at <= interval '5 min'") == (True, True)


def test_an_edit_while_the_tick_is_being_pushed_does_not_push_it_again(
    start: Any, others: Any, dsn: str, sql: Sql
) -> None:
    start(cron(expression="*/5 * * * *"))
    five = dt.timedelta(minutes=5)
    sql(LATE, "1 s")
    with psycopg.connect(dsn) as ticking:
        session = Borrowed(ticking)
        assert session.run("claim_cron", {"workers": [OLD]})
        editor = threading.Thread(target=others().register, args=([cron(expression="*/1 * * * *")],))
        editor.start()
        while not sql("select 1 from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"):
            pass
        # As if the tick were of a time that the editor, who began before, does not have yet.
        later = dt.datetime.now(dt.UTC) + five
        ticking.execute(statement("move_cron"), {"name": "it", "next_at": later + five, "id": None, "pushed": True})
        ticking.execute("update queueapi.crons set last_at = %s", [later])
    editor.join()
    assert row(sql, "next_at > last_at", "expression") == (True, "*/1 * * * *")


def test_processes_that_start_at_once_do_not_wait_for_each_other_for_ever(others: Any, sql: Sql) -> None:
    names = [f"schedule-{number}" for number in range(20)]
    together = threading.Barrier(4)

    def register(process: Crons, order: list[str]) -> None:
        together.wait()
        process.register([cron(name, expression="@daily") for name in order])

    threads = [threading.Thread(target=register, args=(others(), names[:: 1 - 2 * (n % 2)])) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sql("select count(*) from queueapi.crons") == [(20,)]


# -- people


def test_a_paused_schedule_pushes_nothing_and_makes_up_for_nothing(start: Any, crons: Crons, sql: Sql) -> None:
    start(cron())
    assert crons.pause("it")
    assert crons.pause("it")
    sql(LATE, "2 days")
    assert wait(crons) is None
    assert crons.push_due([OLD]) is None
    start(cron())
    assert crons.push_due([OLD]) is None
    assert crons.resume("it")
    assert crons.push_due([OLD]) is None
    assert row(sql, "next_at > now()", "paused_at is null") == (True, True)


def test_to_resume_what_is_not_paused_moves_nothing(start: Any, crons: Crons, sql: Sql) -> None:
    start(cron())
    sql(LATE, "1 s")
    assert crons.resume("it")
    assert crons.push_due([OLD])


def test_to_run_it_now_pushes_its_job_and_its_time_stays(start: Any, crons: Crons, sql: Sql) -> None:
    start(cron())
    (before,) = row(sql, "next_at")
    crons.pause("it")
    id_ = crons.run("it")
    assert sql("select id, kind, args from queueapi.jobs") == [(id_, "kind", {"n": 1})]
    assert row(sql, "next_at", "last_id", "paused_at is null") == (before, id_, False)


def test_a_name_that_is_none_is_told(crons: Crons) -> None:
    assert (crons.pause("x"), crons.resume("x"), crons.run("x")) == (False, False, None)


def test_what_another_version_wrote_is_read_as_far_as_it_is_known(start: Any, crons: Crons, sql: Sql) -> None:
    start(cron(special=Special(expires_in=5.0)))
    sql("""update queueapi.crons set next_at = now(),
           options = jsonb_set(options::jsonb, '{special,colour}', '"red"')::json""")
    tick = crons.push_due([OLD])
    assert tick is not None
    assert tick.error is None
    assert jobs(sql) == 1


def test_who_could_not_push_does_not_undo_what_another_has_pushed_meanwhile(
    start: Any, crons: Crons, sql: Sql, monkeypatch: pytest.MonkeyPatch
) -> None:
    start(cron())
    sql(LATE, "1 s")

    def fail(*_: object) -> None:
        monkeypatch.undo()
        sql("select pg_terminate_backend(pid, 5000) from pg_stat_activity where state = 'idle in transaction'")
        sql("update queueapi.crons set next_at = '2100-01-01Z'")  # what another does then
        raise ValueError("broken")

    monkeypatch.setattr("queueapi.postgres.crons._push", fail)
    tick = crons.push_due([OLD])
    assert tick is not None
    assert isinstance(tick.error, ValueError)
    assert row(sql, "next_at = '2100-01-01Z'") == (True,)


@pytest.mark.parametrize("when", ["-infinity", "infinity", "0001-01-01 BC"])
def test_a_time_that_no_client_can_read_is_refused_by_the_table_itself(start: Any, sql: Sql, when: str) -> None:
    start(cron())
    with pytest.raises(psycopg.errors.CheckViolation):
        sql("update queueapi.crons set next_at = %s", when)
