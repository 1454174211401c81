"""What a unique push costs does not grow with how many unique jobs there are: in a web process, without any setting."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

from queueapi.postgres.statements import statement

Sql = Callable[..., list[tuple[Any, ...]]]
COUNT = 100_000
JOB = {
    "queue": "mail", "kind": "k", "args": {}, "priority": 0, "max_attempts": 3, "delay": 0.0, "unique_key": "end:k:77",
    "unique_for": 60,
}  # fmt: skip
PARAMS: dict[str, dict[str, Any]] = {
    "insert_special_jobs": {"jobs": json.dumps([JOB, {**JOB, "unique_key": "end:k:new"}])},
    "find_same": {"keys": ["end:k:77", "end:k:78"], "windowed": ["end:k:77"], "kept_out": [1]},
    "replace_same": {"jobs": json.dumps([{**JOB, "postponed": True}])},
}


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for below in plan.get("Plans", ()):
        yield from nodes(below)


@pytest.fixture(params=["analysed", "never analysed"])
def many(request: pytest.FixtureRequest, dsn: str) -> str:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(
            "insert into queueapi.jobs (queue, kind, unique_key, state, run_at) "
            "select 'mail', 'k', 'end:k:' || n, 'scheduled', 'infinity' from generate_series(1, %s) n",
            (COUNT,),
        )
        connection.execute(
            "insert into queueapi.windows select 'end:k:' || n, 'infinity', n from generate_series(1, %s) n", (COUNT,)
        )
        if request.param == "analysed":
            connection.execute("analyze queueapi.jobs, queueapi.windows")
    return dsn


@pytest.mark.system
@pytest.mark.parametrize("verb", PARAMS)
def test_the_same_are_found_by_their_keys(many: str, verb: str) -> None:
    with psycopg.connect(many, autocommit=True) as connection:
        explain = f"explain (analyze, buffers, format json) {statement(verb)}".encode()
        ((told,),) = connection.execute(explain, PARAMS[verb]).fetchall()
    walked = {node.get("Relation Name") for node in nodes(told[0]["Plan"]) if node["Node Type"] == "Seq Scan"}
    assert walked <= {"sleepers"}
    buffers = told[0]["Plan"]["Shared Hit Blocks"] + told[0]["Plan"]["Shared Read Blocks"]
    assert buffers < 200  # of some two thousand
