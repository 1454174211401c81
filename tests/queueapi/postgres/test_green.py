"""Connections in a process patched by gevent. Each test is a process of its own: a patch cannot be taken back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

pytestmark = pytest.mark.system

Sql = Callable[..., list[tuple[Any, ...]]]
Python = Callable[..., str]

HEAD = """
import sys, time
import gevent
from queueapi.errors import StoreUnavailable
from queueapi.postgres.connection import connect
from queueapi.postgres.sessions import Dedicated, Pool
def open_():
    return connect(sys.argv[1], "tests", 5)
"""


def test_two_greenlets_wait_for_the_database_at_the_same_time(dsn: str, python: Python) -> None:
    program = """
pool, order = Pool(open_, 2, 1.0), []
def blocked():
    with pool.connection() as connection:
        order.append("asks for the lock")
        connection.execute("select pg_advisory_lock(1)")
        order.append("has the lock")
with pool.connection() as holder:
    holder.execute("select pg_advisory_lock(1)")
    greenlet = gevent.spawn(blocked)
    while not order:
        gevent.sleep(0.005)
    holder.execute("select pg_sleep(0.05)")
    order.append("gives it back")
    holder.execute("select pg_advisory_unlock(1)")
greenlet.get(timeout=20)
pool.close()
print(", ".join(order))
"""
    assert python(HEAD + program, dsn, patched=True) == "asks for the lock, gives it back, has the lock"


def test_a_killed_greenlet_closes_its_connection_and_frees_its_place(dsn: str, python: Python) -> None:
    program = """
pool, lent = Pool(open_, 1, 1.0), []
def ask():
    with pool.connection() as connection:
        lent.append(connection)
        connection.execute("select pg_sleep(30)")
for _ in range(3):
    greenlet = gevent.spawn(ask)
    while not lent or lent[-1].pgconn.transaction_status != 1:  # until it is active
        gevent.sleep(0.005)
    greenlet.kill()
    assert lent[-1].closed, "nobody knows what the server still does for it"
    lent.clear()
    assert pool.run("read_jobs", {"ids": [1]}) == []
pool.close()
"""
    python(HEAD + program, dsn, patched=True)


def test_a_greenlet_killed_while_it_waits_for_a_place_takes_none_with_it(dsn: str, python: Python) -> None:
    program = """
pool = Pool(open_, 1, 5.0)
with pool.connection():
    waiting = [gevent.spawn(pool.run, "read_jobs", {"ids": [1]}) for _ in range(3)]
    gevent.sleep(0)
    gevent.killall(waiting)
assert pool.run("read_jobs", {"ids": [1]}) == []
pool.close()
"""
    python(HEAD + program, dsn, patched=True)


def test_a_gevent_timeout_ends_the_statement_and_the_next_has_a_fresh_connection(dsn: str, python: Python) -> None:
    program = """
session = Dedicated(open_)
before = session.connection()
try:
    with gevent.Timeout(0.05):
        before.execute("select pg_sleep(30)")
except gevent.Timeout:
    pass
else:
    raise AssertionError("it was not ended")
assert before.closed
assert session.run("read_jobs", {"ids": [1]}) == []
assert session.connection() is not before
session.close()
"""
    python(HEAD + program, dsn, patched=True)


def test_a_server_that_falls_silent_is_given_up_while_others_go_on(dsn: str, python: Python) -> None:
    program = """
connection = open_()
connection.answer_within = 0.2
ticks = []
def tick():
    while True:
        ticks.append(1)
        gevent.sleep(0.01)
ticker = gevent.spawn(tick)
try:
    connection.execute("select pg_sleep(30)")
except Exception as error:
    print(type(error).__name__, error)
assert connection.closed
assert len(ticks) > 3
ticker.kill()
"""
    assert python(HEAD + program, dsn, patched=True) == "OperationalError no answer in 0 s"


def test_closing_wakes_the_greenlet_that_waits_on_it(dsn: str, python: Python) -> None:
    program = """
connection = open_()
connection.execute("listen news")
def listen():
    try:
        list(connection.notifies(timeout=30))
    except Exception as error:
        return f"{type(error).__name__}: {error}"
greenlet = gevent.spawn(listen)
gevent.sleep(0.05)
connection.close()
print(greenlet.get(timeout=5))
"""
    assert python(HEAD + program, dsn, patched=True) == "OperationalError: the connection was closed"


def test_a_wait_with_no_time_left_still_looks_once(dsn: str, python: Python) -> None:
    program = """
connection, other = open_(), open_()
connection.execute("listen news")
other.execute("select pg_notify('news', 'x')")
other.execute("select 1")
heard = []
while not heard:
    heard = [notice.payload for notice in connection.notifies(timeout=0)]
print(heard)
connection.close(); other.close()
"""
    assert python(HEAD + program, dsn, patched=True) == "['x']"


def test_large_values_cross_in_both_directions(dsn: str, python: Python) -> None:
    program = """
connection = open_()
sent = "x" * 20_000_000  # more than any socket buffer: writing has to wait, too
assert connection.execute("select %s::text", [sent]).fetchone()[0] == sent
connection.close()
"""
    python(HEAD + program, dsn, patched=True)


def test_pushes_of_many_greenlets_all_arrive(dsn: str, python: Python, sql: Sql) -> None:
    program = """
import queueapi
class Plain(queueapi.Job, kind="plain"):
    def run(self): ...
queue = queueapi.connect(sys.argv[1])
def push():
    for _ in range(10):
        queue.push(Plain())
gevent.joinall([gevent.spawn(push) for _ in range(30)], raise_error=True)
queue._backend().pool.close()
"""
    python(HEAD + program, dsn, patched=True)
    assert sql("select count(*) from queueapi.jobs") == [(300,)]
