"""What a claim costs with millions of jobs in the tables: as much as with a few thousand.

Waiting, scheduled, blocked and dead jobs, a million of each. Pages are counted, not time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from os import getpid
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg import conninfo, sql

from queueapi.postgres.connection import connect
from queueapi.postgres.sessions import Dedicated
from queueapi.postgres.statements import statement

# Loading millions of rows is a matter of the machine.
pytestmark = [pytest.mark.system, pytest.mark.timeout(900)]

FEW, MILLION, ROOM = 5_000, 1_000_000, 50

WAITING = """
insert into queueapi.jobs (state, queue, kind, priority)
select 'available', 'q' || n % 10, 'k', n % 3 from generate_series(1, {}) n
"""
PARKED = f"""
insert into queueapi.jobs (state, run_at, queue, kind)
select 'scheduled', now() + interval '1 year' + n * interval '1 ms', 'q' || n % 10, 'k'
from generate_series(1, {MILLION}) n;
insert into queueapi.jobs (state, queue, kind, blocked_by, limit_keys)
select 'blocked', 'q' || n % 10, 'k', 'limit:at-once:k:' || n % 100, array['at-once:k:' || n % 100]
from generate_series(1, {MILLION}) n;
insert into queueapi.finished (id, token, keep_until, pushed_at, priority, attempt, max_attempts, state, queue, kind,
                               args)
select 10000000 + n, n, 'infinity', now(), 0, 25, 25, 'dead', 'q' || n % 10, 'k', '{{}}'
from generate_series(1, {MILLION}) n;
"""


@dataclass
class Cost:
    """Of one claim: how many jobs it got, how many entries of its index it looked at, and how many pages."""

    jobs: int
    looked_at: float
    pages: int
    indexes: set[str]
    walked: set[str]


@dataclass
class Costs:
    """Of the same claim, with few jobs in the tables, and with millions: before and after ANALYZE."""

    few: dict[str, Cost]
    unknown: dict[str, Cost]
    known: dict[str, Cost]


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for inner in plan.get("Plans", ()):
        yield from _nodes(inner)


def _cost(session: Dedicated, mode: str) -> Cost:
    params = {"queues": ["q1", "q2", "q3"], "room": ROOM, "token": 5, "worker": UUID(int=1), "lease": 30.0}
    names = list(dict.fromkeys(re.findall(r"%\((\w+)\)s", statement("claim_jobs"))))
    text = re.sub(r"%\((\w+)\)s", lambda found: f"${names.index(found[1]) + 1}", statement("claim_jobs"))
    connection = session.connection()
    with connection.transaction(force_rollback=True):
        connection.execute(f"set local plan_cache_mode = force_{mode}_plan".encode())
        connection.execute(f"prepare it as {text}".encode())
        call = sql.SQL("explain (analyze, buffers, timing off, format json) execute it({})").format(
            sql.SQL(", ").join(params[name] for name in names)
        )
        ((told,),) = connection.execute(call).fetchall()
        connection.execute("deallocate it")
    nodes = list(_nodes(told[0]["Plan"]))
    scans = [node for node in nodes if node["Node Type"] in ("Index Scan", "Index Only Scan", "Bitmap Index Scan")]
    on_jobs = [node for node in scans if node["Index Name"].startswith("jobs_")]
    return Cost(
        jobs=int(told[0]["Plan"]["Actual Rows"]),
        looked_at=sum(node["Actual Rows"] * node["Actual Loops"] for node in on_jobs),
        pages=told[0]["Plan"]["Shared Hit Blocks"] + told[0]["Plan"]["Shared Read Blocks"],
        indexes={node["Index Name"] for node in on_jobs},
        walked={node["Relation Name"] for node in nodes if node["Node Type"].endswith("Seq Scan")} & {"jobs"},
    )


def _costs(dsn: str) -> dict[str, Cost]:
    session = Dedicated(lambda: connect(dsn, "plans", 60))
    try:
        for mode in ("generic", "custom"):  # the first look fills the caches of the catalogue
            _cost(session, mode)
        return {mode: _cost(session, mode) for mode in ("generic", "custom")}
    finally:
        session.close()


@pytest.fixture(scope="module")
def costs(server_dsn: str, template: str) -> Iterator[Costs]:
    """Measured once: the loading takes most of the time."""
    name = f"queueapi_backlog_{getpid()}"
    with psycopg.connect(server_dsn, autocommit=True) as server:
        server.execute(sql.SQL("create database {} template {}").format(sql.Identifier(name), sql.Identifier(template)))
    dsn = conninfo.make_conninfo(server_dsn, dbname=name)
    try:
        with psycopg.connect(dsn, autocommit=True) as connection:
            for table in ("jobs", "finished_forever"):  # statistics come when the test says so
                connection.execute(f"alter table queueapi.{table} set (autovacuum_enabled = false)".encode())
            connection.execute(WAITING.format(FEW).encode())
            connection.execute("analyze queueapi.jobs")
            few = _costs(dsn)
            connection.execute(WAITING.format(MILLION).encode())
            connection.execute(PARKED.encode())
            unknown = _costs(dsn)
            connection.execute("analyze queueapi.jobs, queueapi.finished")
            yield Costs(few, unknown, _costs(dsn))
    finally:
        with psycopg.connect(server_dsn, autocommit=True) as server:
            server.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


@pytest.mark.parametrize("mode", ["generic", "custom"])
@pytest.mark.parametrize("statistics", ["few", "unknown", "known"])
def test_a_claim_finds_its_jobs_by_its_own_index_whatever_else_is_in_the_table(
    costs: Costs, statistics: str, mode: str
) -> None:
    cost = getattr(costs, statistics)[mode]
    assert cost.jobs == ROOM
    assert cost.indexes == {"jobs_available"}
    assert cost.walked == set()


@pytest.mark.parametrize("mode", ["generic", "custom"])
@pytest.mark.parametrize("statistics", ["unknown", "known"])
def test_a_claim_costs_the_same_with_millions_of_jobs_as_with_thousands(
    costs: Costs, statistics: str, mode: str
) -> None:
    few, many = costs.few[mode], getattr(costs, statistics)[mode]
    assert many.looked_at == few.looked_at <= 3 * ROOM
    # The index is a level or two deeper, and that for each of the queues.
    assert many.pages <= 1.5 * few.pages
