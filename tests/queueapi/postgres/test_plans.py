"""The plans at a million rows: every statement finds its rows by the index that was made for it.

Three states of the statistics: none at all, as after a bulk load; right; and taken while nothing ran, when the
index of running jobs looked like the cheapest way to anything.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
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

PARKED, AVAILABLE, DUE, RUNNING, FINISHED, MESSAGES = 1_000_000, 20_000, 1_000, 50_000, 300_000, 100_000
WORKERS = 100
BATCH = 500  # as many as a finisher writes at once
WORKER = UUID(int=1)

LOAD = f"""
insert into queueapi.jobs (state, run_at, queue, kind)
select 'scheduled', now() + interval '1 day' + n * interval '1 ms', 'q' || n % 10, 'k'
from generate_series(1, {PARKED}) n;
insert into queueapi.jobs (state, queue, kind, priority)
select 'available', 'q' || n % 10, 'k', n % 3 from generate_series(1, {AVAILABLE}) n;
insert into queueapi.jobs (state, run_at, queue, kind)
select 'scheduled', now() - interval '1 s', 'q' || n % 10, 'k' from generate_series(1, {DUE}) n;
insert into queueapi.finished (id, token, keep_until, pushed_at, priority, attempt, max_attempts, state, queue, kind,
                               args)
select 10000000 + n, n, now() + interval '1 day', now(), 0, 1, 25, 'done', 'q', 'k', '{{}}'
from generate_series(1, {FINISHED}) n;
insert into queueapi.messages (channel, event, data)
select 'c' || n % 1000, 'e', '{{}}' from generate_series(1, {MESSAGES}) n;
"""
RUN = f"""
insert into queueapi.jobs (state, queue, kind, token, lease_until, claimed_at, worker, attempt)
select 'running', 'q0', 'k', n, now() + interval '1 hour', now(), lpad((n %% {WORKERS})::text, 32, '0')::uuid, 1
from generate_series(1, %s) n
"""
ANALYZE = "analyze queueapi.jobs, queueapi.finished, queueapi.messages"


@pytest.fixture(scope="module")
def loaded(server_dsn: str, template: str) -> Iterator[str]:
    """A database with a million jobs and no statistics."""
    name = f"queueapi_plans_{getpid()}"
    with psycopg.connect(server_dsn, autocommit=True) as server:
        server.execute(sql.SQL("create database {} template {}").format(sql.Identifier(name), sql.Identifier(template)))
    dsn = conninfo.make_conninfo(server_dsn, dbname=name)
    try:
        with psycopg.connect(dsn, autocommit=True) as connection:
            leaves = connection.execute(
                "select oid::regclass::text from pg_class "
                "where relkind = 'r' and relnamespace = 'queueapi'::regnamespace"
            ).fetchall()
            for (leaf,) in leaves:  # statistics come when the test says so
                connection.execute(f"alter table {leaf} set (autovacuum_enabled = false)".encode())
            connection.execute(LOAD.encode())
        yield dsn
    finally:
        with psycopg.connect(server_dsn, autocommit=True) as server:
            server.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


@pytest.fixture(scope="module", params=["never analysed", "analysed", "analysed while nothing ran"])
def statistics(request: pytest.FixtureRequest, loaded: str) -> str:
    """The database, with its statistics in that state and jobs running."""
    with psycopg.connect(loaded, autocommit=True) as connection:
        connection.execute("delete from queueapi.jobs where state = 'running'")
        if request.param == "analysed while nothing ran":
            connection.execute(ANALYZE)
        connection.execute(RUN.encode(), [RUNNING])
        if request.param == "analysed":
            connection.execute(ANALYZE)
    return loaded


@dataclass
class Params:
    """Whom the statements are about."""

    ids: list[int]
    tokens: list[int]
    finished: list[int]
    cursor: str

    def of(self, verb: str) -> dict[str, Any]:
        n = len(self.ids)
        running = {"ids": self.ids, "tokens": self.tokens}
        given: dict[str, dict[str, Any]] = {
            "claim_jobs": {"queues": ["q1", "q2", "q3"], "room": 100, "token": 5, "worker": WORKER, "lease": 30.0},
            "finish_jobs": running | {"states": ["done"] * n, "results": ["1"] * n, "errors": [None] * n, "ttl": 60.0},
            "reschedule_jobs": running
            | {"delays": [5.0] * n, "charged": [True] * n, "errors": ["{}"] * n, "cursors": [None] * n},
            "find_finished": {"ids": self.finished, "tokens": self.tokens},
            "renew_leases": running | {"lease": 30.0},
            "forget_progress": running,
            "report_progress": running
            | {"dones": [1.0] * n, "totals": [None] * n, "messages": ["m"] * n, "cursors": [None] * n},
            "release_worker": {"worker": WORKER, "ids": self.ids[:5], "hows": ["killed"] * 5, "errors": ["{}"] * 5}
            | {"lasts": ["{}"] * 5, "kills": 3},
            "release_unbegun": {"worker": WORKER, "begun": self.ids[:5], "before": datetime.now(UTC)},
            "return_claims": {"worker": WORKER, "tokens": self.tokens[:3]},
            "look_ahead": {"workers": [WORKER]},
            "rescue_jobs": {"error": "{}", "patience": 0.0},
            "read_jobs": {"ids": self.ids[: BATCH // 2] + self.finished[: BATCH // 2]},
            "cancel_job": {"id": 42, "ttl": 60.0},
            "list_dead": {"before": 2**63 - 1, "queue": None, "limit": 200},
            "retry_dead": {"ids": self.finished},
            "discard_dead": {"ids": self.finished, "ttl": 60.0},
            "count_waiting": {"queue": "q1"},
            "clear_waiting": {"queue": "q1", "error": "{}", "ttl": 60.0},
            "read_messages": {"after": self.cursor},
            "replay_messages": {"channels": ["c1", "c2"], "after": self.cursor, "upto": self.cursor, "limit": 100}
            | {"size": 10**7},
        }
        return given.get(verb, {})


@pytest.fixture(scope="module")
def params(statistics: str) -> Params:
    with psycopg.connect(statistics) as connection:
        running = connection.execute(
            "select id, token from queueapi.jobs where state = 'running' order by id limit %s", [BATCH]
        ).fetchall()
        finished = connection.execute("select id from queueapi.finished limit %s", [BATCH]).fetchall()
        ((cursor,),) = connection.execute("select pg_current_snapshot()::text").fetchall()
    assert len(running) == len(finished) == BATCH
    return Params([id_ for id_, _ in running], [token for _, token in running], [id_ for (id_,) in finished], cursor)


Explain = Callable[..., dict[str, Any]]


@pytest.fixture
def explain(statistics: str) -> Iterator[Explain]:
    """The plan of a statement, as PostgreSQL caches it (generic) or makes it anew (custom)."""
    session = Dedicated(lambda: connect(statistics, "plans", 60))
    plain = connect(statistics, "plans", 60)

    def explain(verb: str, params: dict[str, Any], mode: str, *, run: bool = False, pooled: bool = False) -> Any:
        connection = plain if pooled else session.connection()
        names = list(dict.fromkeys(re.findall(r"%\((\w+)\)s", statement(verb))))
        text = re.sub(r"%\((\w+)\)s", lambda found: f"${names.index(found[1]) + 1}", statement(verb))
        values = sql.SQL(", ").join(params[name] for name in names)
        with connection.transaction(force_rollback=True):
            connection.execute(f"set local plan_cache_mode = force_{mode}_plan".encode())
            connection.execute(f"prepare it as {text}".encode())
            options = sql.SQL("analyze, buffers, format json" if run else "format json")
            call = sql.SQL("execute it({})").format(values) if names else sql.SQL("execute it")
            ((told,),) = connection.execute(sql.SQL("explain ({}) {}").format(options, call)).fetchall()
            connection.execute("deallocate it")
        return told[0]["Plan"]

    yield explain
    session.close()
    plain.close()


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for inner in plan.get("Plans", ()):
        yield from nodes(inner)


def sequential(plan: dict[str, Any]) -> set[str]:
    """The large tables that are walked from end to end."""
    walked = {node["Relation Name"] for node in nodes(plan) if node["Node Type"] in ("Seq Scan", "Parallel Seq Scan")}
    return {table for table in walked if re.match(r"jobs|finished|messages_(\d|default)", table)}


def indexes(plan: dict[str, Any], table: str) -> set[str]:
    """The indexes by which that table is read; of partitions, those of the partitioned index."""
    used = {node["Index Name"] for node in nodes(plan) if "Index Name" in node}
    return {re.sub(r"_(\d{8}|default|forever)", "", name) for name in used if name.startswith(table)}


# Verb -> the indexes of jobs (or of finished, or messages) that it may use: no more, no fewer.
BY = {
    "claim_jobs": {"jobs_available"},  # and the rows themselves by their place
    "finish_jobs": {"jobs_pkey"},
    "reschedule_jobs": {"jobs_pkey"},
    "promote_jobs": {"jobs_scheduled", "jobs_pkey"},
    "look_ahead": {"jobs_scheduled", "jobs_available", "jobs_blocked"},
    "renew_leases": {"jobs_pkey"},
    "report_progress": {"jobs_pkey"},
    "release_worker": {"jobs_running", "jobs_pkey"},
    "release_unbegun": {"jobs_running"},
    "return_claims": {"jobs_running"},
    "rescue_jobs": {"jobs_running", "jobs_pkey"},
    "read_jobs": {"jobs_pkey"},
    "cancel_job": {"jobs_pkey"},
    "list_workers": {"jobs_running"},
}


@pytest.mark.parametrize("mode", ["generic", "custom"])
@pytest.mark.parametrize("verb", BY)
def test_a_statement_finds_jobs_by_the_indexes_made_for_it(
    explain: Explain, params: Params, verb: str, mode: str
) -> None:
    plan = explain(verb, params.of(verb), mode)
    assert sequential(plan) == set()
    assert indexes(plan, "jobs") == BY[verb]


@pytest.mark.parametrize("mode", ["generic", "custom"])
@pytest.mark.parametrize("verb", ["read_jobs", "find_finished"])
def test_finished_jobs_are_found_by_their_id(explain: Explain, params: Params, verb: str, mode: str) -> None:
    plan = explain(verb, params.of(verb), mode)
    assert sequential(plan) == set()
    assert indexes(plan, "finished") == {"finished_id_idx"}


@pytest.mark.parametrize("mode", ["generic", "custom"])
@pytest.mark.parametrize("verb", ["read_messages", "replay_messages"])
def test_messages_are_never_walked_from_end_to_end(explain: Explain, params: Params, verb: str, mode: str) -> None:
    plan = explain(verb, params.of(verb), mode)
    assert sequential(plan) == set()


@pytest.mark.parametrize("mode", ["generic", "custom"])
def test_a_web_process_finds_its_one_job_by_the_key_without_any_setting(
    explain: Explain, params: Params, mode: str
) -> None:
    read = explain("read_jobs", {"ids": params.finished[:1]}, mode, pooled=True)
    cancel = explain("cancel_job", params.of("cancel_job"), mode, pooled=True)
    assert indexes(read, "jobs") == indexes(cancel, "jobs") == {"jobs_pkey"}
    # A partition that holds nothing may be walked: that costs nothing, and it is planned anew when it fills.
    assert "finished_id_idx" in indexes(read, "finished")
    assert "jobs" not in sequential(read) | sequential(cancel)


@pytest.mark.parametrize("verb", ["count_waiting", "clear_waiting"])
def test_a_web_process_finds_what_waits_by_the_indexes_of_the_two_states(
    explain: Explain, params: Params, verb: str
) -> None:
    plan = explain(verb, params.of(verb), "custom", pooled=True)
    available = [node for node in nodes(plan) if node.get("Index Name") == "jobs_available"]
    assert ["'q1'" in node["Index Cond"] for node in available] == [True]


@pytest.mark.parametrize("pooled", [True, False])
@pytest.mark.parametrize("verb", ["list_dead", "retry_dead", "discard_dead"])
def test_the_dead_are_sought_among_the_dead_and_not_among_all_that_ever_ran(
    explain: Explain, params: Params, verb: str, pooled: bool
) -> None:
    plan = explain(verb, params.of(verb), "generic", pooled=pooled)
    read = {node.get("Relation Name", "") for node in nodes(plan) if node["Node Type"].endswith("Scan")}
    assert {table for table in read if table.startswith("finished")} == {"finished_forever"}


# Verb -> how many rows it deals with here. Pages are what a plan costs, whatever it is called.
ROWS = {
    "claim_jobs": 100,
    "finish_jobs": BATCH,
    "reschedule_jobs": BATCH,
    "find_finished": BATCH,
    "renew_leases": BATCH,
    "report_progress": BATCH,
    "release_worker": RUNNING // WORKERS,
    "release_unbegun": RUNNING // WORKERS,
    "promote_jobs": DUE,
    "look_ahead": 0,
    "read_jobs": BATCH,
    "cancel_job": 1,
    "read_messages": 0,
    "replay_messages": 0,
}


@pytest.mark.parametrize("mode", ["generic", "custom"])
@pytest.mark.parametrize("verb", ROWS)
def test_what_a_statement_reads_grows_with_what_it_deals_with_and_not_with_the_tables(
    explain: Explain, params: Params, verb: str, mode: str
) -> None:
    plan = explain(verb, params.of(verb), mode, run=True)
    pages = plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
    assert pages < 500 + 60 * ROWS[verb]
