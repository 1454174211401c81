"""Each number and sort of jobs is inserted by its own statement: what comes of them must not differ."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from queueapi import DataRefused
from queueapi.postgres.pushing import push
from queueapi.postgres.sessions import Borrowed, Dedicated
from queueapi.records import NewJob, Special
from queueapi.states import State

Sql = Callable[..., list[tuple[Any, ...]]]
ROW = NewJob("mail", "kind", '{"text":"a\\\\b\\t"}', 3, 7, 0.0, None)
PAST = "2020-01-01T00:00:00+00:00"
FUTURE = "2090-01-01T00:00:00+00:00"

# alone; in arrays; by COPY; as JSON
COUNTS = {"one": (1, None), "some": (7, None), "many": (250, None), "special": (7, Special())}


def rows(sql: Sql) -> list[tuple[Any, ...]]:
    return sql("select queue, kind, args::text, priority, max_attempts, state from queueapi.jobs order by id")


@pytest.mark.parametrize("way", COUNTS)
def test_all_ways_write_the_same_row_and_give_the_ids_in_order(session: Dedicated, sql: Sql, way: str) -> None:
    count, special = COUNTS[way]
    ids = push(session, [ROW._replace(special=special, priority=n) for n in range(count)])
    expected = [("mail", "kind", ROW.args, n, 7, "available") for n in range(count)]
    assert rows(sql) == expected
    assert [id_ for (id_,) in sql("select id from queueapi.jobs order by priority")] == ids == sorted(ids)


@pytest.mark.parametrize("way", COUNTS)
@pytest.mark.parametrize(
    ("time", "state"),
    [
        ({"delay": 60.0}, State.SCHEDULED),
        ({"run_at": FUTURE}, State.SCHEDULED),
        ({"run_at": PAST}, State.AVAILABLE),
    ],
    ids=["delay", "future", "past"],
)
def test_all_ways_go_by_the_clock_of_the_database(
    session: Dedicated, sql: Sql, way: str, time: dict[str, Any], state: State
) -> None:
    count, special = COUNTS[way]
    push(session, [ROW._replace(special=special, **time) for _ in range(count)])
    assert sql("select state, count(*) from queueapi.jobs group by 1") == [(state, count)]
    if "run_at" in time:
        assert sql("select distinct run_at = %s from queueapi.jobs", time["run_at"]) == [(True,)]
    else:
        assert sql("select bool_and(run_at - pushed_at = interval '60 s') from queueapi.jobs") == [(True,)]


@pytest.mark.parametrize("way", COUNTS)
def test_all_ways_wake_a_sleeper_of_the_queue_and_none_of_another(session: Dedicated, dsn: str, way: str) -> None:
    count, special = COUNTS[way]
    session.connection().execute(
        "insert into queueapi.sleepers (channel, queues, pattern, until) values "
        "('queueapi_a', '{mail}', null, 'infinity'), ('queueapi_b', '{x}', '^ma', 'infinity'), "
        "('queueapi_c', '{x}', null, 'infinity')"
    )
    with psycopg.connect(dsn, autocommit=True) as listener:
        for channel in "abc":
            listener.execute(f"listen queueapi_{channel}".encode())
        push(session, [ROW._replace(special=special)] * count)
        listener.execute("notify queueapi_c, 'end'")
        told = []
        for one in listener.notifies(timeout=10):
            told.append((one.channel, one.payload))
            if one.payload == "end":
                break
    assert told[-1] == ("queueapi_c", "end")
    assert told[:-1]
    assert {channel for channel, _ in told[:-1]} <= {"queueapi_a", "queueapi_b"}


@pytest.mark.parametrize("way", COUNTS)
def test_all_ways_are_part_of_the_callers_transaction(dsn: str, sql: Sql, way: str) -> None:
    count, special = COUNTS[way]
    with psycopg.connect(dsn, row_factory=psycopg.rows.dict_row) as connection:
        push(Borrowed(connection), [ROW._replace(special=special)] * count)
        assert rows(sql) == []
        connection.rollback()
        push(Borrowed(connection), [ROW._replace(special=special)] * count)
    assert len(rows(sql)) == count


@pytest.mark.parametrize("way", COUNTS)
def test_all_ways_refuse_what_cannot_be_stored_and_the_connection_lives(session: Dedicated, sql: Sql, way: str) -> None:
    count, special = COUNTS[way]
    jobs = [ROW._replace(special=special)] * (count - 1) + [ROW._replace(special=special, priority=99_999)]
    with pytest.raises(DataRefused, match="smallint"):
        push(session, jobs)
    assert rows(sql) == []
    assert len(push(session, jobs[:-1] or [ROW])) == max(count - 1, 1)


def test_of_what_is_more_than_plain_each_thing_has_its_column(session: Dedicated, sql: Sql) -> None:
    special = Special(
        expires_in=60.0, limit_keys=("a", "b"), batch_id=7, followed=True, result_ttl=5.0, options='{"timeout":3}',
        previous="[1]",
    )  # fmt: skip
    push(session, [ROW._replace(special=special, delay=30.0), ROW])
    assert sql(
        "select (expires_at - run_at)::text, (run_at - pushed_at)::text, limit_keys, batch_id, followed, result_ttl, "
        "options, previous from queueapi.jobs order by id"
    ) == [
        ("00:01:00", "00:00:30", ["a", "b"], 7, True, 5.0, {"timeout": 3}, [1]),
        (None, "00:00:00", None, None, False, None, None, None),
    ]
