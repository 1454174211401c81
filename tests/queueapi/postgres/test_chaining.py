"""What follows is found by its index, whatever the statistics say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from queueapi.postgres.sessions import Dedicated
from queueapi.postgres.statements import statement

pytestmark = pytest.mark.system

Sql = Callable[..., list[tuple[Any, ...]]]
BLOCKED = 100_000


@pytest.mark.parametrize("statistics", ["taken while nothing was blocked", "none", "right"])
@pytest.mark.parametrize(
    ("verb", "types", "values"),
    [
        ("follow_jobs", "bigint[], text[]", "'{{{id}}}', '{{7}}'"),
        ("cancel_followers", "bigint[], text[], float8", "'{{{id}}}', '{{why}}', 60"),
    ],
)
def test_what_follows_a_job_is_found_without_walking_over_all_that_is_blocked(
    session: Dedicated, sql: Sql, statistics: str, verb: str, types: str, values: str
) -> None:
    if statistics == "taken while nothing was blocked":
        sql("analyze queueapi.jobs")
    sql(
        "insert into queueapi.jobs (state, blocked_by, queue, kind) "
        "select 'blocked', 'job:' || n, 'q', 'k' from generate_series(1, %s) n",
        BLOCKED,
    )
    if statistics == "right":
        sql("analyze queueapi.jobs")
    text = statement(verb)
    for number, name in enumerate(("ids", "results" if verb == "follow_jobs" else "reasons", "ttl"), 1):
        text = text.replace(f"%({name})s", f"${number}")
    connection = session.connection()
    connection.execute(f"prepare it ({types}) as {text}".encode())
    # What no job is before has no line behind it.
    for id_, rows in ((17, 1), (BLOCKED + 5_000_000, 0)):
        explain = f"explain (analyze, buffers, format json) execute it ({values.format(id=id_)})"
        ((plan,),) = connection.execute(explain.encode()).fetchall()
        assert plan[0]["Plan"]["Actual Rows"] == rows
        assert "jobs_blocked" in str(plan)
        assert plan[0]["Plan"]["Shared Hit Blocks"] + plan[0]["Plan"]["Shared Read Blocks"] < 200
