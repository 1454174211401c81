"""Pushing more jobs than anybody wants to hold in memory: as they come, all or none, in their order."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

from queueapi import Handles, Job, NotAJob, NotSerializable, Queue, SettingsError, State
from queueapi.postgres import bulk
from queueapi.postgres.store import Store
from queueapi.records import NewJob

Sql = Callable[..., list[tuple[Any, ...]]]


class Item(Job, kind="tests.bulk.item"):
    n: int
    text: str = ""

    def run(self) -> None: ...


class Once(Job, kind="tests.bulk.once", unique="n"):
    n: int

    def run(self) -> None: ...


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> int:
    """So many jobs a statement, so that a thousand are many."""
    monkeypatch.setattr(bulk, "_ROWS", 300)
    return 300


def numbers(sql: Sql) -> list[int]:
    return [n for (n,) in sql("select (args ->> 'n')::integer from queueapi.jobs order by id")]


@pytest.mark.parametrize("conn", [False, True], ids=["own connection", "conn="])
@pytest.mark.parametrize("count", [0, 1, 2, 299, 300, 301, 1_000])
def test_any_number_of_jobs_gets_ids_in_their_order(
    dsn: str, queue: Queue, sql: Sql, small_parts: int, count: int, conn: bool
) -> None:
    with psycopg.connect(dsn) as connection:
        handles = queue.push_all((Item(n) for n in range(count)), conn=connection if conn else None)
    assert numbers(sql) == list(range(count))
    assert [handle.id for handle in handles] == [id_ for (id_,) in sql("select id from queueapi.jobs order by id")]


def test_what_is_pushed_by_the_thousand_is_what_is_pushed_alone(queue: Queue, sql: Sql) -> None:
    odd = 'tab\t, line\nfeed\r, back\\slash, \\N, \\., "quote", \u2028, ☃, {}'
    queue.push(Item(1, odd), priority=-7, max_attempts=3, queue="a-b")
    queue.push_all([Item(1, odd)] * 400, priority=-7, max_attempts=3, queue="a-b")
    rows = sql(
        "select queue, kind, args::text, priority, max_attempts, state, attempt, run_at <= now(), pushed_at <= now(), "
        "num_nonnulls(token, expires_at, unique_key, limit_keys, batch_id, options), count(*) "
        "from queueapi.jobs group by 1, 2, 3, 4, 5, 6, 7, 8, 9, 10"
    )
    assert [row[-1] for row in rows] == [401]
    assert {job.text for job in queue.jobs} == {odd}


@pytest.mark.parametrize(
    ("options", "states"),
    [({"delay": 60}, {"scheduled"}), ({"expires_in": 60}, {"available"}), ({"unique": True}, {"available"})],
    ids=str,
)
def test_options_hold_for_all_of_them(
    queue: Queue, sql: Sql, small_parts: int, options: dict[str, Any], states: set[str]
) -> None:
    assert len(queue.push_all((Item(n) for n in range(700)), **options)) == 700
    assert numbers(sql) == list(range(700))
    assert {state for (state,) in sql("select state from queueapi.jobs")} == states


def test_jobs_of_many_kinds_and_options_may_be_mixed(queue: Queue, sql: Sql, small_parts: int) -> None:
    jobs: list[Job] = [Item(n) if n % 3 else Once(n) for n in range(1_000)]
    handles = queue.push_all(jobs)
    assert numbers(sql) == list(range(1_000))
    assert [handle.id for handle in queue.push_all(job for job in jobs if isinstance(job, Once))] == [
        handle.id for handle, job in zip(handles, jobs, strict=True) if isinstance(job, Once)
    ]


# -- all or none


def faulty(count: int, fault: object) -> Iterator[object]:
    yield from (Item(n) for n in range(count - 1))
    yield fault
    yield Item(0)


@pytest.mark.parametrize("conn", [False, True], ids=["own connection", "conn="])
@pytest.mark.parametrize(
    ("fault", "error", "sentence"),
    [
        (Item(object()), NotSerializable, r"job 777 of these: Item\.n cannot be written"),  # type: ignore[arg-type]
        ("no job", NotAJob, "job 777 of these: str is not a job"),
    ],
    ids=["not serializable", "no job"],
)
def test_a_fault_in_one_pushes_none_and_names_it(
    dsn: str, queue: Queue, sql: Sql, small_parts: int, fault: object, error: type[Exception], sentence: str, conn: bool
) -> None:
    with psycopg.connect(dsn) as connection:
        before = queue.push(Item(-1), conn=connection)
        with pytest.raises(error, match=sentence):
            queue.push_all(faulty(777, fault), conn=connection if conn else None)
    assert sql("select id from queueapi.jobs") == [(before.id,)]


def test_what_the_iterable_raises_pushes_none_and_is_raised(queue: Queue, sql: Sql, small_parts: int) -> None:
    def jobs() -> Iterator[Item]:
        yield from (Item(n) for n in range(777))
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        queue.push_all(jobs())
    assert numbers(sql) == []
    assert queue.push(Item(1)).state() is State.AVAILABLE


def test_on_a_connection_in_autocommit_it_is_all_or_none_too(
    dsn: str, queue: Queue, sql: Sql, small_parts: int
) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        with pytest.raises(NotAJob):
            queue.push_all(faulty(777, "no job"), conn=connection)
        assert numbers(sql) == []
        queue.push_all((Item(n) for n in range(777)), conn=connection)
        assert len(numbers(sql)) == 777


def test_a_callers_transaction_decides_about_all_of_them(dsn: str, queue: Queue, sql: Sql, small_parts: int) -> None:
    with psycopg.connect(dsn) as connection:
        queue.push_all((Item(n) for n in range(777)), conn=connection)
        assert numbers(sql) == []
        connection.rollback()
    assert numbers(sql) == []


def test_jobs_may_be_made_of_rows_that_the_same_connection_reads_meanwhile(
    dsn: str, queue: Queue, sql: Sql, small_parts: int
) -> None:
    with psycopg.connect(dsn) as connection, connection.cursor("rows") as cursor:
        cursor.execute("select generate_series(1, 1000)")
        cursor.itersize = 70
        queue.push_all((Item(n) for (n,) in cursor), conn=connection)
    assert numbers(sql) == list(range(1, 1_001))


def test_jobs_for_queues_of_different_backends_are_refused_wherever_they_come(
    queue: Queue, sql: Sql, small_parts: int
) -> None:
    queue["elsewhere"] = Queue(queue.backend)["other"]
    try:
        with pytest.raises(SettingsError, match="different backends"):
            queue.push_all((Item(n) for n in range(777)), queue=lambda job: "elsewhere" if job.n == 700 else "here")
        assert numbers(sql) == []
        queue.push_all((Item(n) for n in range(777)), queue="elsewhere")
    finally:
        del queue["elsewhere"]
    assert sql("select distinct queue from queueapi.jobs") == [("other",)]


# -- what it costs


@pytest.mark.system
def test_two_hundred_thousand_jobs_take_the_memory_of_a_part_and_of_their_ids(queue: Queue, sql: Sql) -> None:
    queue.push_all(Item(n) for n in range(400))  # what is loaded at the first push is none of it
    tracemalloc.start()
    handles = queue.push_all(Item(n, "x" * 100) for n in range(200_000))
    kept, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert sql("select count(*), max((args ->> 'n')::integer) from queueapi.jobs") == [(200_400, 199_999)]
    assert len(handles) == 200_000
    assert kept < 4_000_000
    assert most < 20_000_000  # as a list of rows they would take 120 million


def test_large_jobs_make_smaller_parts() -> None:
    jobs = (NewJob("default", "kind", "x" * 200_000, 0, 25, 0.0, None) for _ in range(50))
    assert [len(part) for part in bulk._parts(jobs)] == [20, 20, 10]


def test_all_who_sleep_are_woken_when_many_jobs_come(dsn: str, queue: Queue, store: Store) -> None:
    store.sleep("queueapi_bulk_a", ["default"], 30.0)
    store.sleep("queueapi_bulk_b", ["other", "default"], 30.0)
    store.sleep("queueapi_bulk_c", ["other"], 30.0)
    with psycopg.connect(dsn, autocommit=True) as connection:
        for name in "abc":
            connection.execute(f"listen queueapi_bulk_{name}".encode())
        queue.push_all(Item(n) for n in range(1_000))
        connection.execute("notify queueapi_bulk_c, 'end'")
        told = [(told.channel, told.payload) for told in connection.notifies(timeout=10, stop_after=3)]
    assert sorted(told) == [("queueapi_bulk_a", ""), ("queueapi_bulk_b", ""), ("queueapi_bulk_c", "end")]


def test_the_handles_are_a_sequence_that_makes_them_when_asked(queue: Queue) -> None:
    handles = queue.push_all(Item(n) for n in range(10))
    assert isinstance(handles, Handles)
    assert (len(handles), repr(handles)) == (10, "<Handles of 10 jobs>")
    assert [handle.id for handle in handles[2:4]] == [handles[2].id, handles[3].id]
    assert handles[-1].state() is State.AVAILABLE
    assert handles == handles[:]
    assert handles != handles[1:]
    with pytest.raises(IndexError):
        handles[10]
