"""Pushing: what a push says, and many at once."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any
from uuid import UUID

import psycopg
import pytest

from queueapi import (
    Job,
    NotAJob,
    Queue,
    SettingsError,
    State,
)

Sql = Callable[..., list[tuple[Any, ...]]]
WORKER = UUID(int=1)


class Mail(Job, kind="tests.queues.mail", queue="mail", priority=5, max_attempts=3):
    to: str = "a@b"

    def run(self) -> None: ...


class Plain(Job, kind="tests.queues.plain"):
    n: int = 0

    def run(self) -> None: ...


def row(sql: Sql, id_: int) -> tuple[Any, ...]:
    return sql("select queue, priority, max_attempts, state, kind, args::text from queueapi.jobs where id = %s", id_)[0]


# -- what a push says


def test_a_job_without_options_takes_the_defaults(queue: Queue, sql: Sql) -> None:
    id_ = queue.push(Plain(3)).id
    assert row(sql, id_) == ("default", 0, 25, "available", "tests.queues.plain", '{"n":3}')


def test_the_push_wins_over_the_bound_queue_and_that_over_the_class(queue: Queue, sql: Sql) -> None:
    assert row(sql, queue.push(Mail()).id)[:3] == ("mail", 5, 3)
    assert row(sql, queue["late"].push(Mail()).id)[:3] == ("late", 5, 3)
    assert row(sql, queue["late"].push(Mail(), queue="now", priority=0, max_attempts=1).id)[:3] == ("now", 0, 1)
    assert row(sql, queue.push(Mail(), priority=-7).id)[:3] == ("mail", -7, 3)


def test_a_bound_queue_is_a_copy_and_shares_nothing_but_the_backend(queue: Queue) -> None:
    mail = queue["mail"]
    assert (queue.name, mail.name, mail["other"].name) == (None, "mail", "other")
    assert (repr(queue), repr(mail)) == ("<Queue default>", "<Queue mail>")
    with pytest.raises(SettingsError, match="'old mail' cannot be the name of a queue"):
        queue["old mail"]


def test_the_shift_operator_pushes(queue: Queue, sql: Sql) -> None:
    handle = queue["mail"] << Plain(1)
    assert row(sql, handle.id)[0] == "mail"


@pytest.mark.parametrize("delay", [60, 60.0, dt.timedelta(minutes=1)])
def test_a_delay_is_counted_on_the_clock_of_the_database(queue: Queue, sql: Sql, delay: float) -> None:
    id_ = queue.push(Plain(), delay=delay).id
    seconds = "extract(epoch from run_at - pushed_at)::int"
    assert sql(f"select state, {seconds} from queueapi.jobs where id = %s", id_) == [("scheduled", 60)]


def test_a_time_is_kept_to_the_microsecond_whatever_its_zone(queue: Queue, sql: Sql) -> None:
    at = dt.datetime(2090, 1, 2, 3, 4, 5, 678901, dt.timezone(dt.timedelta(hours=-5)))
    handle = queue.push(Plain(), run_at=at)
    assert sql("select state, run_at from queueapi.jobs where id = %s", handle.id) == [("scheduled", at)]
    shown = handle.status()["run_at"]
    assert dt.datetime.fromisoformat(shown) == at


def test_a_time_that_is_past_and_no_delay_mean_now(queue: Queue) -> None:
    past = dt.datetime.now(dt.UTC) - dt.timedelta(days=1)
    assert queue.push(Plain(), run_at=past).state() is State.AVAILABLE
    assert queue.push(Plain(), delay=0).state() is State.AVAILABLE


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"run_at": dt.datetime(2090, 1, 1)}, "says no timezone"),
        ({"run_at": "tomorrow"}, "'tomorrow'"),
        ({"run_at": dt.date(2090, 1, 1)}, "timezone"),
        ({"delay": -1}, "delay=-1"),
        ({"delay": float("nan")}, "delay=nan"),
        ({"delay": "5 min"}, "delay='5 min'"),
        ({"delay": 1e12}, "100 years"),
        ({"delay": 5, "run_at": dt.datetime.now(dt.UTC)}, "exclude each other"),
        ({"queue": ""}, "''"),
        ({"queue": "ü"}, "'ü'"),
        ({"priority": "high"}, "priority is 'high'"),
        ({"priority": 32768}, "priority is 32768"),
        ({"max_attempts": 0}, "max_attempts is 0"),
    ],
)
def test_an_option_that_cannot_be_honoured_is_a_value_error_and_pushes_nothing(
    queue: Queue, options: dict[str, Any], words: str
) -> None:
    connected: list[int] = []
    unconnected = Queue(lambda: connected.append(1))  # type: ignore[arg-type,return-value]
    with pytest.raises(ValueError, match=words) as caught:
        unconnected.push(Plain(), **options)
    assert isinstance(caught.value, SettingsError)
    assert connected == []


def test_what_is_no_job_is_a_type_error(queue: Queue) -> None:
    for thing in (3, Plain, None):
        with pytest.raises(TypeError) as caught:
            queue.push(thing)
        assert isinstance(caught.value, NotAJob)


# -- many at once


def test_push_all_keeps_the_order(queue: Queue, sql: Sql) -> None:
    handles = queue.push_all((Plain(n) for n in range(100)), queue="many")
    stored = sql("select id, (args->>'n')::int from queueapi.jobs where queue = 'many' order by id")
    assert stored == [(handle.id, n) for n, handle in enumerate(handles)]
    assert queue.push_all([]) == []


def test_push_all_of_more_than_one_statement_takes_is_still_all_or_none(queue: Queue, sql: Sql) -> None:
    handles = queue.push_all(Plain(n) for n in range(2_500))
    assert [handle.id for handle in handles] == sorted(handle.id for handle in handles)
    assert sql("select count(*), count(distinct pushed_at) from queueapi.jobs") == [(2_500, 1)]  # one transaction
    sql("alter table queueapi.jobs add check (args->>'n' <> '4242')")
    with pytest.raises(psycopg.errors.CheckViolation):
        queue.push_all(Plain(n) for n in range(3_000, 5_000))
    assert sql("select count(*) from queueapi.jobs") == [(2_500,)]


def test_one_bad_job_among_many_pushes_none(queue: Queue, sql: Sql) -> None:
    with pytest.raises(NotAJob):
        queue.push_all([Plain(1), "no job", Plain(2)])
    assert sql("select * from queueapi.jobs") == []
