"""What jobs cost the server, counted and not timed: statements, and rows that are touched."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest

from benchmarks.workload import Noop
from queueapi import Queue, Settings
from queueapi.embedded import EmbeddedPostgres
from queueapi.runtime import Runtime
from tests.benchmarks.counting import WORKER, Statements, burst, running

pytestmark = pytest.mark.system

JOBS = 1_000


@contextmanager
def _queue(dsn: str) -> Iterator[Queue]:
    """Of a web process that ends with the block: the server has all its statistics then."""
    runtime = Runtime(Settings(database_url=dsn))
    try:
        yield Queue(lambda: runtime)
    finally:
        runtime.pool.close()


def _push(dsn: str) -> None:
    with _queue(dsn) as queue:
        queue.push_all(Noop(i) for i in range(JOBS))


def test_a_thousand_jobs_cost_the_server_few_statements(own_server: EmbeddedPostgres) -> None:
    statements = Statements(own_server)
    burst(own_server.dsn)  # what a worker asks when it starts and ends
    nothing = len(statements.all())
    _push(own_server.dsn)
    statements.forget()
    burst(own_server.dsn)
    # Some 16 on a quiet machine. One for each job, or for each time that all slots were busy, is far more.
    assert 2 <= statements.count("claim_jobs") + statements.count("finish_jobs") <= 40
    assert len(statements.all()) - nothing <= 80


def test_a_thousand_jobs_in_one_call_are_pushed_by_one_statement(own_server: EmbeddedPostgres) -> None:
    statements = Statements(own_server)
    _push(own_server.dsn)
    assert statements.count("copy_jobs") == 1
    assert len(statements.all()) <= 10


def test_one_push_is_one_statement(own_server: EmbeddedPostgres) -> None:
    statements = Statements(own_server)
    with _queue(own_server.dsn) as queue:
        queue.push(Noop(1))  # and what a new connection asks
        statements.forget()
        queue.push(Noop(2))
        queue.push(Noop(3))
    assert (len(statements.all()), statements.count("insert_job")) == (2, 2)


def test_a_job_s_row_is_changed_twice_and_nothing_else_is_written_but_its_outcome(
    own_server: EmbeddedPostgres,
) -> None:
    _push(own_server.dsn)
    burst(own_server.dsn)
    touched = _touched(own_server.dsn)
    written = {table: sum(counts[:3]) for table, counts in touched.items()}
    jobs = touched["jobs"]
    assert jobs[:3] == (JOBS, JOBS, JOBS)  # pushed, claimed, finished
    assert sum(written[table] for table in touched if table.startswith("finished")) == JOBS
    # All that a worker writes about itself, however many jobs it runs.
    others = {table: count for table, count in written.items() if count and not table.startswith(("finished", "jobs"))}
    assert sum(others.values()) <= 20, others
    # Found by the claim and by the finish, and nothing is walked over.
    assert jobs[3] <= 3 * JOBS


def _touched(dsn: str) -> dict[str, tuple[int, ...]]:
    """Of each table: rows inserted, updated, deleted, and fetched by an index or by walking."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        rows: list[Any] = connection.execute(
            "select relname, n_tup_ins, n_tup_upd, n_tup_del, coalesce(idx_tup_fetch, 0) + coalesce(seq_tup_read, 0) "
            "from pg_stat_user_tables where schemaname = 'queueapi'"
        ).fetchall()
    return {name: tuple(counts) for name, *counts in rows}


def test_a_worker_with_nothing_to_do_asks_twice_a_second_at_most(own_server: EmbeddedPostgres) -> None:
    statements = Statements(own_server)
    with running(WORKER, DATABASE_URL=own_server.dsn):
        # Its first look, the one after it said that it sleeps, the ladder's three, and a safety poll.
        statements.await_count("claim_jobs", 6)
        statements.forget()
        statements.await_count("look_ahead", 21)  # the clock's, one a second: twenty seconds
        asked = statements.all()
    assert len(asked) <= 2 * 20, asked
