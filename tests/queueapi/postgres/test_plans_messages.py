"""The plans of the log beside a million messages: what one channel's readers cost does not grow with the others'."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from os import getpid
from typing import Any

import psycopg
import pytest
from psycopg import conninfo, sql

from queueapi.postgres.connection import connect
from queueapi.postgres.sessions import Dedicated
from queueapi.postgres.statements import statement

pytestmark = pytest.mark.system

QUIET, BUSY = 800_000, 200_000  # in a thousand channels, and in one
# A tenth of them yesterday's: two partitions to look into.
LOAD = f"""
insert into queueapi.messages (channel, event, data, at)
select case when n % 5 = 0 then 'busy' else 'c' || n % 1000 end, 'e', '{{}}',
       now() - case when n <= {QUIET + BUSY} / 10 then interval '1 day' else interval '0' end
from generate_series(1, {QUIET + BUSY}) n
"""
Explain = Callable[[str, dict[str, Any], str], dict[str, Any]]


@pytest.fixture(scope="module")
def loaded(server_dsn: str, template: str) -> Iterator[str]:
    name = f"queueapi_log_plans_{getpid()}"
    with psycopg.connect(server_dsn, autocommit=True) as server:
        server.execute(sql.SQL("create database {} template {}").format(sql.Identifier(name), sql.Identifier(template)))
    dsn = conninfo.make_conninfo(server_dsn, dbname=name)
    try:
        with psycopg.connect(dsn, autocommit=True) as connection:
            leaves = connection.execute(
                "select relname from pg_class where relkind = 'r' and relname like 'messages%'"
            ).fetchall()
            for (leaf,) in leaves:  # statistics come when the test says so
                off = sql.SQL("alter table {} set (autovacuum_enabled = false)")
                connection.execute(off.format(sql.Identifier("queueapi", leaf)))
            connection.execute(LOAD.encode())
        yield dsn
    finally:
        with psycopg.connect(server_dsn, autocommit=True) as server:
            server.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


@pytest.fixture(scope="module", params=["never analysed", "analysed"])
def statistics(request: pytest.FixtureRequest, loaded: str) -> str:
    if request.param == "analysed":
        with psycopg.connect(loaded, autocommit=True) as connection:
            connection.execute("analyze queueapi.messages")
    return loaded


@pytest.fixture
def explain(statistics: str) -> Iterator[Explain]:
    """The plan of a statement that was run, as PostgreSQL caches it (generic) or makes it anew (custom)."""
    session = Dedicated(lambda: connect(statistics, "plans", 60))

    def explain(verb: str, params: dict[str, Any], mode: str) -> Any:
        connection = session.connection()
        names = list(dict.fromkeys(re.findall(r"%\((\w+)\)s", statement(verb))))
        text = re.sub(r"%\((\w+)\)s", lambda found: f"${names.index(found[1]) + 1}", statement(verb))
        values = sql.SQL(", ").join(params[name] for name in names)
        with connection.transaction(force_rollback=True):
            connection.execute(f"set local plan_cache_mode = force_{mode}_plan".encode())
            connection.execute(f"prepare it as {text}".encode())
            call = sql.SQL("explain (analyze, buffers, format json) execute it({})").format(values)
            ((told,),) = connection.execute(call).fetchall()
            connection.execute("deallocate it")
        return told[0]["Plan"]

    yield explain
    session.close()


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for inner in plan.get("Plans", ()):
        yield from nodes(inner)


def indexes(plan: dict[str, Any]) -> set[str]:
    used = {node["Index Name"] for node in nodes(plan) if "Index Name" in node}
    return {re.sub(r"_\d{8}|_default|_idx\d*", "", name) for name in used if name.startswith("messages")}


def pages(plan: dict[str, Any]) -> int:
    return int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])


def history(*channels: str, count: int) -> dict[str, Any]:
    return {
        "channels": list(channels),
        "owners": [channel for channel in channels for _ in range(3)],
        "keys": [key for channel in channels for key in (channel, "*", "**")],
        "count": count,
        "age": None,
        "usual_count": count,
        "usual_age": 86_400.0 * 3,
        "size": 16_000_000,
    }


@pytest.mark.parametrize("mode", ["generic", "custom"])
@pytest.mark.parametrize("channels", [["busy"], ["c1"], ["none"], [f"c{n}" for n in range(200)]], ids=len)
def test_a_history_is_found_by_its_index_and_costs_what_it_shows(
    explain: Explain, channels: list[str], mode: str
) -> None:
    plan = explain("read_history", history(*channels, count=100), mode)
    assert indexes(plan) == {"messages_channel_id"}
    assert pages(plan) < 500 + 200 * len(channels)


@pytest.mark.parametrize("mode", ["generic", "custom"])
def test_old_messages_are_not_walked_over_to_find_that_there_are_no_young_ones(explain: Explain, mode: str) -> None:
    plan = explain("read_history", history("busy", count=100) | {"age": 0.000_001}, mode)
    assert plan["Actual Rows"] == 1  # which says where to go on, and nothing else
    assert pages(plan) < 700


@pytest.mark.parametrize("mode", ["generic", "custom"])
def test_who_comes_back_to_a_quiet_channel_costs_nothing_of_a_busy_one(
    statistics: str, explain: Explain, mode: str
) -> None:
    with psycopg.connect(statistics) as connection:
        ((now,),) = connection.execute("select pg_current_snapshot()::text").fetchall()
    params = {"channels": ["c1", "c2"], "after": "3:3:", "upto": now, "limit": 5_000, "size": 16_000_000}
    plan = explain("replay_messages", params, mode)
    assert plan["Actual Rows"] == 2 * QUIET // 800
    assert pages(plan) < 500 + 2 * plan["Actual Rows"]
