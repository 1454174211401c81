"""Ways to a connection: what is lent comes back, what was interrupted does not.

A forked child touches nothing of its parent's.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg.rows import class_row, dict_row, namedtuple_row

from queueapi import SchemaMismatch, StoreUnavailable
from queueapi.postgres.connection import Connection, connect
from queueapi.postgres.sessions import Borrowed, Dedicated, Pool
from queueapi.postgres.store import Store
from queueapi.records import NewJob
from queueapi.states import State

Sql = Callable[..., list[tuple[Any, ...]]]


class Opening:
    """Opens connections, and counts them."""

    def __init__(self, dsn: str) -> None:
        self.dsn = dsn
        self.opened: list[Connection] = []

    def __call__(self) -> Connection:
        self.opened.append(connect(self.dsn, "tests", 5))
        return self.opened[-1]


@pytest.fixture
def opening(dsn: str) -> Iterator[Opening]:
    opening = Opening(dsn)
    yield opening
    for connection in opening.opened:
        connection.close()


@pytest.fixture
def pool(opening: Opening) -> Pool:
    return Pool(opening, 2, 0.2)


def pid(connection: Connection) -> int:
    return connection.info.backend_pid


# -- Pool


def test_nothing_is_opened_before_it_is_needed_and_one_is_used_again(pool: Pool, opening: Opening) -> None:
    assert opening.opened == []
    assert pool.run("read_jobs", {"ids": [1]}) == []
    assert pool.run("read_jobs", {"ids": [1]}) == []
    assert len(opening.opened) == 1


def test_two_at_once_have_two_and_the_one_used_last_is_given_first(pool: Pool) -> None:
    with pool.connection() as one:
        with pool.connection() as other:
            assert one is not other
        with pool.connection() as again:
            assert again is other
    with pool.connection() as last:
        assert last is one


def test_when_all_are_busy_the_next_waits_and_then_says_so_with_the_remedy(pool: Pool) -> None:
    with (
        pool.connection(),
        pool.connection(),
        pytest.raises(StoreUnavailable, match="all 2 connections have been busy for 0 s: raise QUEUEAPI_POOL_SIZE"),
        pool.connection(),
    ):
        pass
    with pool.connection():
        pass


def test_who_waits_gets_the_one_that_comes_back(opening: Opening) -> None:
    pool, got = Pool(opening, 1, 30.0), []

    def wait() -> None:
        with pool.connection() as connection:
            got.append(connection)

    with pool.connection() as first:
        waiter = threading.Thread(target=wait)
        waiter.start()
    waiter.join(30)
    assert got == [first]


def test_an_error_of_a_statement_leaves_the_connection_fit_for_the_next(pool: Pool, opening: Opening) -> None:
    with pytest.raises(psycopg.errors.DivisionByZero), pool.connection() as connection:
        connection.execute("select 1/0")
    with pytest.raises(KeyError), pool.connection():
        raise KeyError
    pool.run("read_jobs", {"ids": [1]})
    assert len(opening.opened) == 1


def test_a_connection_left_in_a_transaction_is_not_given_to_the_next(pool: Pool, opening: Opening) -> None:
    def leave_open() -> None:
        with pool.connection() as connection:
            connection.execute("begin")
            raise KeyError

    with pytest.raises(KeyError):
        leave_open()
    assert opening.opened[0].closed
    pool.run("read_jobs", {"ids": [1]})
    assert len(opening.opened) == 2


def test_a_connection_that_the_server_ended_is_replaced_unseen(pool: Pool, opening: Opening, sql: Sql) -> None:
    with pool.connection() as one, pool.connection() as other:
        ended = [pid(one), pid(other)]
    for backend in ended:
        # The second argument waits until it is gone (PostgreSQL 14 and later).
        assert sql("select pg_terminate_backend(%s, 10000)", backend) == [(True,)]
    assert pool.run("read_jobs", {"ids": [1]}) == []
    assert len(opening.opened) == 3
    assert one.closed
    assert other.closed


def test_a_connection_that_breaks_in_use_gives_its_place_back(opening: Opening, sql: Sql) -> None:
    pool = Pool(opening, 1, 0.2)

    def break_it() -> None:
        with pool.connection() as connection:
            sql("select pg_terminate_backend(%s, 10000)", pid(connection))
            Borrowed(connection).run("read_jobs", {"ids": [1]})

    for number in range(3):
        with pytest.raises(StoreUnavailable, match="PostgreSQL did not read jobs: terminating connection"):
            break_it()
        assert opening.opened[number].closed
    assert pool.run("read_jobs", {"ids": [1]}) == []


def test_a_connection_that_cannot_be_opened_gives_its_place_back() -> None:
    def refuse() -> Connection:
        raise StoreUnavailable("away")

    pool = Pool(refuse, 1, 0.2)
    for _ in range(3):
        with pytest.raises(StoreUnavailable, match="away"):
            pool.run("read_jobs", {"ids": [1]})


def test_tables_that_are_not_there_are_called_a_schema_that_does_not_fit(empty_dsn: str) -> None:
    pool = Pool(lambda: connect(empty_dsn, "tests", 5), 1, 1.0)
    with pytest.raises(SchemaMismatch, match="run  queueapi migrate"):
        pool.run("read_jobs", {"ids": [1]})
    pool.close()


def test_closing_closes_what_is_idle(pool: Pool, opening: Opening) -> None:
    pool.run("read_jobs", {"ids": [1]})
    pool.close()
    assert opening.opened[0].closed
    pool.run("read_jobs", {"ids": [1]})


FORK = """
import os, sys
from queueapi.postgres.connection import connect
from queueapi.postgres.sessions import Pool
pool = Pool(lambda: connect(sys.argv[1], "tests", 5), 2, 1.0)
def backend():
    with pool.connection() as connection:
        return connection.execute("select pg_backend_pid()").fetchone()[0]
with pool.connection() as busy:  # in use at the moment of the fork, as by another thread
    mine = backend()
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        theirs = backend()
        with pool.connection() as one, pool.connection() as other:  # both places are free here
            os.write(writer, str(theirs).encode())
        sys.exit(0)  # with all that Python does at the end
    os.close(writer)
    theirs = int(os.read(reader, 100))
    assert os.waitpid(child, 0)[1] == 0
    assert theirs != mine
    assert busy.execute("select 1").fetchone() == (1,), "the child said goodbye on the parent's connection"
assert mine in (backend(), mine)
pool.close()
"""


@pytest.mark.system
def test_a_forked_child_opens_its_own_and_leaves_the_parents_alone(dsn: str, python: Callable[..., str]) -> None:
    python(FORK, dsn)


# -- Dedicated


def test_an_actors_connection_is_opened_once_and_again_after_it_broke(opening: Opening, sql: Sql) -> None:
    session = Dedicated(opening)
    assert session.generation == 0
    session.run("read_jobs", {"ids": [1]})
    session.run("read_jobs", {"ids": [1]})
    assert session.generation == 1
    sql("select pg_terminate_backend(%s, 10000)", pid(session.connection()))
    with pytest.raises(StoreUnavailable):
        session.run("read_jobs", {"ids": [1]})
    assert session.run("read_jobs", {"ids": [1]}) == []
    assert session.generation == 2
    session.close()
    session.close()
    assert all(connection.closed for connection in opening.opened)


def test_an_actors_statements_walk_indexes(opening: Opening) -> None:
    connection = Dedicated(opening).connection()
    for name in ("enable_seqscan", "enable_hashjoin", "enable_mergejoin"):
        assert connection.execute(f"show {name}".encode()).fetchone() == ("off",)


# -- Borrowed


@pytest.mark.parametrize("rows", [dict_row, namedtuple_row, class_row(dict)], ids=["dict", "namedtuple", "class"])
def test_the_row_factory_of_the_caller_does_not_matter(dsn: str, rows: Any) -> None:
    with psycopg.connect(dsn, row_factory=rows) as connection:
        ((epoch, snapshot),) = Borrowed(connection).run("read_position", {})
        assert epoch
        assert ":" in snapshot
        assert Borrowed(connection).run("forget_progress", {"ids": [1], "tokens": [1]}) == []


def test_a_pipeline_or_a_closed_connection_of_the_callers_is_told_as_it_is(dsn: str) -> None:
    connection = psycopg.connect(dsn)
    connection.close()
    with pytest.raises(StoreUnavailable, match="the connection is closed"):
        Borrowed(connection).run("read_jobs", {"ids": [1]})


def test_a_connection_whose_statements_were_discarded_prepares_them_again(session: Dedicated, store: Store) -> None:
    job = NewJob("default", "kind", "{}", 0, 25, 0.0, None)
    store.push([job])
    session.connection().execute("discard all")
    (id_,) = store.push([job])
    assert store.read([id_])[id_].state is State.AVAILABLE


def test_a_connection_that_finds_its_statements_prepared_uses_them(session: Dedicated, store: Store) -> None:
    job = NewJob("default", "kind", "{}", 0, 25, 0.0, None)
    store.push([job])
    session.connection().prepared.clear()  # as behind a pooler that has given us another's server connection
    store.push([job])
    assert len(store.claim(["default"], 5, 7, UUID(int=1), 30.0)) == 2
