"""PostgreSQL goes away and comes back while workers work and web processes push."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Literal

import psycopg
import pytest
import workshop

from queueapi import Queue, StoreUnavailable
from queueapi.embedded import EmbeddedPostgres
from queueapi.postgres.connection import connect
from queueapi.postgres.migrate import migrate
from tests.system.conftest import Sql, Start, until

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """A server of our own, on which a commit is on the disk: the others have theirs restarted by nobody."""
    server = EmbeddedPostgres(tmp_path_factory.mktemp("restarted")).start()
    try:
        yield server
    finally:
        server.destroy()


@pytest.fixture
def environment(server: EmbeddedPostgres) -> dict[str, str]:
    with connect(server.dsn, "tests", 5) as connection:
        connection.execute("drop schema if exists queueapi cascade")
        connection.execute("drop table if exists ran, ended")
        migrate(connection, lambda _: None)
    return {"DATABASE_URL": server.dsn}


class Pusher(threading.Thread):
    """Pushes until told to stop, through thick and thin."""

    def __init__(self, queue: Queue, first: int) -> None:
        super().__init__()
        self.queue = queue
        self.numbers = iter(range(first, first + 1_000_000))
        self.stopped = threading.Event()
        self.pushed: set[int] = set()
        self.refused: list[StoreUnavailable] = []

    def run(self) -> None:
        while not self.stopped.wait(0.01):
            number = next(self.numbers)
            try:
                self.queue.push(workshop.Napping(number, 0.02))
                self.pushed.add(number)
            except StoreUnavailable as error:
                self.refused.append(error)


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_a_restart_under_load_loses_nothing_ends_nobody_and_is_over_in_five_seconds(
    mode: Literal["fast", "immediate"],
    server: EmbeddedPostgres,
    start: Start,
    queue: Queue,
) -> None:
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        connection.execute(workshop.TABLES.encode())
    worker = start("-p", 2, "-c", 4).ready()
    pids = worker.pids()
    pushers = [Pusher(queue, number * 1_000_000) for number in range(3)]
    for pusher in pushers:
        pusher.start()
    try:
        for round_ in range(2):
            until(lambda: count(server, "queueapi.finished") > 100 * (round_ + 1), "it works")  # noqa: B023
            server.restart(mode)
            seconds = next_finish(server)
            print(f"{mode}: the next job finished {seconds:.2f} s after the server was ready")
            assert seconds <= 5
    finally:
        for pusher in pushers:
            pusher.stopped.set()
        for pusher in pushers:
            pusher.join()

    until(lambda: count(server, "queueapi.jobs") == 0, "all are finished", 60)
    assert worker.pids() == pids
    with psycopg.connect(server.dsn) as connection:
        finished = connection.execute("select (args ->> 'n')::int, state from queueapi.finished").fetchall()
    done = [number for number, _ in finished]
    assert {state for _, state in finished} == {"done"}
    pushed = set().union(*(pusher.pushed for pusher in pushers))
    assert len(done) == len(set(done)), "finished twice"
    assert pushed - set(done) == set(), "pushed, and lost"
    # A push whose answer was cut off may have been carried out: at most one for each pusher and restart.
    assert len(set(done) - pushed) <= 6
    refused = [error for pusher in pushers for error in pusher.refused]
    assert refused, "the server was never seen to be away"
    assert all("PostgreSQL did not" in str(error) for error in refused)
    assert pushers[0].pushed, "nobody pushed"
    worker.said("PostgreSQL is back")


def count(server: EmbeddedPostgres, table: str) -> int:
    with psycopg.connect(server.dsn) as connection:
        row = connection.execute(f"select count(*) from {table}".encode()).fetchone()
        assert row
        return int(row[0])


def next_finish(server: EmbeddedPostgres) -> float:
    """Seconds from now, when the server is ready, to the next finished job."""
    ready = time.monotonic()
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        (before,) = connection.execute("select now()").fetchone() or (None,)
        query = "select count(*) from queueapi.finished where finished_at > %s"
        until(lambda: (connection.execute(query, (before,)).fetchone() or (0,))[0], "a job is finished", 10)
    return time.monotonic() - ready


def test_outcomes_wait_for_a_server_that_is_away_for_longer_than_the_lease(
    server: EmbeddedPostgres, start: Start, queue: Queue, sql: Sql
) -> None:
    worker = start("-c", 4, "--lease", 2).ready()
    handles = queue.push_all(workshop.Napping(n, 1.0) for n in range(4))
    until(lambda: sql("select count(*) from queueapi.jobs where state = 'running'") == [(4,)], "they run")
    server.stop()
    time.sleep(5.0)  # the outage: nothing happens in it that could be waited for
    server.start()
    for handle in handles:
        handle.wait(20)
        assert handle.status()["attempt"] == 1
    assert "lost" not in worker.log


def test_a_supervisor_that_starts_as_soon_as_the_server_is_back_takes_nobodys_jobs(
    server: EmbeddedPostgres, start: Start, queue: Queue, sql: Sql
) -> None:
    first = start("-c", 4, "--lease", 4).ready()
    handles = queue.push_all((workshop.Napping(n, 13.0) for n in range(4)), max_attempts=2)
    until(lambda: sql("select count(*) from queueapi.jobs where state = 'running'") == [(4,)], "they run")
    server.stop()
    began = time.monotonic()
    # As a service manager does: it refuses to start without a server, and is started again and again.
    while time.monotonic() - began < 7:
        assert start("-q", "other", "--lease", 4).wait() == 1
    server.start()
    second = start("-q", "other", "--lease", 4).ready()
    for handle in handles:
        handle.wait(20)
        assert handle.status()["attempt"] == 1
    assert "rescued" not in second.log + first.log
    assert "lost" not in first.log
