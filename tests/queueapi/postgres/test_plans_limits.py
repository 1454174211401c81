"""A hundred thousand jobs held back by limits cost nobody anything: what a statement reads does not grow with them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from os import getpid
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg import conninfo, sql

from queueapi.postgres.connection import connect
from queueapi.postgres.sessions import Dedicated
from queueapi.postgres.statements import statement

pytestmark = pytest.mark.system

HELD, KEYS = 100_000, 200
LOAD = f"""
insert into queueapi.jobs (state, queue, kind, limit_keys, blocked_by)
select 'blocked', 'default', 'k', array['key'], 'limit:key' from generate_series(1, {HELD}) n;
insert into queueapi.jobs (state, queue, kind, limit_keys, blocked_by)
select 'blocked', 'default', 'k', array['key-' || n], 'limit:key-' || n from generate_series(1, {KEYS}) n;
insert into queueapi.jobs (state, queue, kind, blocked_by)
select 'blocked', 'default', 'k', 'kind:paused' from generate_series(1, {HELD}) n;
insert into queueapi.jobs (state, queue, kind, limit_keys)
select 'available', 'default', 'k', array['key'] from generate_series(1, 50) n;
insert into queueapi.limits (key, slots)
select 'key', 5 union all select 'key-' || n, 5 from generate_series(1, {KEYS}) n;
"""
PUSH = (
    '[{"queue": "default", "kind": "k", "args": {}, "priority": 0, "max_attempts": 25, "delay": 0,'
    ' "limit_keys": ["free", "key"], "limit_room": 5}]'
)
NONE: dict[str, list[Any]] = {
    name: [] for name in ("keys", "ids", "tokens", "back_keys", "back_ids", "used_keys", "used", "since")
}
# Verb -> what it is asked, and how many rows it deals with.
ASKED: dict[str, tuple[dict[str, Any], int]] = {
    # First: what the others bring back, and roll back, is in the index of what is available until it is walked over.
    "look_ahead": ({"workers": [UUID(int=1)]}, 0),
    "claim_jobs": ({"queues": ["default"], "room": 10, "token": 5, "worker": UUID(int=1), "lease": 30.0}, 10),
    "insert_special_jobs": ({"jobs": PUSH}, 1),
    "count_limits": ({"keys": ["key"], "ids": [1, 2]}, 1),
    "lock_keys": ({"keys": ["key"]}, 1),
    "lock_limits": (
        {"keys": ["key"], "names": ["key"], "slots": [5], "starts": [None], "periods": [None], "buckets": [False]},
        1,
    ),
    "use_limits": (NONE | {"keys": ["key"], "ids": [1], "tokens": [1]}, 1),
    "unblock_limited": ({"keys": ["key"], "rooms": [5]}, 5),
    "unblock_kind": ({"kind": "paused"}, 5_000),
    "find_blocked": ({"after": "kind", "most": 1000}, 1000),
    "find_stranded": ({"after": "", "most": 1000, "shown": 5}, 20),
}
# What runs only after begin_deciding.
DECIDING = {"lock_keys", "lock_limits", "use_limits", "unblock_limited", "unblock_kind"}


@pytest.fixture(scope="module", params=["never analysed", "analysed"])
def loaded(server_dsn: str, template: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """A database in which all these wait."""
    name = f"queueapi_held_{getpid()}"
    with psycopg.connect(server_dsn, autocommit=True) as server:
        server.execute(sql.SQL("create database {} template {}").format(sql.Identifier(name), sql.Identifier(template)))
    dsn = conninfo.make_conninfo(server_dsn, dbname=name)
    try:
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute("alter table queueapi.jobs set (autovacuum_enabled = false)")
            connection.execute(LOAD.encode())
            if request.param == "analysed":
                connection.execute("analyze queueapi.jobs, queueapi.limits")
        yield dsn
    finally:
        with psycopg.connect(server_dsn, autocommit=True) as server:
            server.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


def explained(dsn: str, verb: str, params: dict[str, Any]) -> dict[str, Any]:
    """The plan of a statement as workers have it, and what it read."""
    session = Dedicated(lambda: connect(dsn, "plans", 60))
    pooled = connect(dsn, "plans", 60)  # as web processes have it
    names = list(dict.fromkeys(re.findall(r"%\((\w+)\)s", statement(verb))))
    text = re.sub(r"%\((\w+)\)s", lambda found: f"${names.index(found[1]) + 1}", statement(verb))
    values = sql.SQL(", ").join(params[name] for name in names)
    connection = pooled if verb == "insert_special_jobs" else session.connection()
    try:
        with connection.transaction(force_rollback=True):
            if verb in DECIDING:
                session.run("begin_deciding", {})
            connection.execute(f"prepare it as {text}".encode())
            call = sql.SQL("execute it({})").format(values) if names else sql.SQL("execute it")
            explain = sql.SQL("explain (analyze, buffers, format json) {}").format(call)
            ((told,),) = connection.execute(explain).fetchall()
    finally:
        session.close()
        pooled.close()
    return dict(told[0]["Plan"])


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for inner in plan.get("Plans", ()):
        yield from nodes(inner)


@pytest.mark.parametrize("verb", ASKED)
def test_what_is_held_back_is_not_walked_over(loaded: str, verb: str) -> None:
    params, rows = ASKED[verb]
    plan = explained(loaded, verb, params)
    scans = [node for node in nodes(plan) if node.get("Relation Name") == "jobs" and "Scan" in node["Node Type"]]
    assert [node["Node Type"] for node in scans if node["Node Type"] in ("Seq Scan", "Bitmap Heap Scan")] == []
    assert plan["Shared Hit Blocks"] + plan["Shared Read Blocks"] < 200 + 60 * rows


def test_a_claim_finds_what_is_available_by_its_index_alone(loaded: str) -> None:
    params, _ = ASKED["claim_jobs"]
    plan = explained(loaded, "claim_jobs", params)
    assert {
        node["Index Name"] for node in nodes(plan) if node.get("Relation Name") == "jobs" and "Index Name" in node
    } == {"jobs_available"}
    assert plan["Actual Rows"] == params["room"]
