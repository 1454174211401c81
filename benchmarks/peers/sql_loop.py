"""No queue, but a yardstick: what the machine and PostgreSQL themselves do, by psycopg, with nothing kept or guarded.

A claim of 500 and a delete of 500 on one connection, again and again; a plain INSERT for a push; a COPY for many; and
for latency an INSERT that notifies, and a listener that claims. It keeps no lease and no outcome, knows one kind of job
and one worker, and loses what it runs when it is killed.
"""

from __future__ import annotations

import json
import time
from typing import Any

import psycopg

from benchmarks.bench import Bench
from benchmarks.peers.peer import OwnPeer
from benchmarks.peers.script import URL, say, serve, stamp

_BATCH = 500
_TABLE = (
    """
    create table jobs (
        id bigint generated always as identity primary key, queue text not null, kind text not null,
        args jsonb not null, priority smallint not null default 0, state text not null default 'available')
    """,
    "create index on jobs (priority, id) where state = 'available'",
)
_CLAIM = """
update jobs set state = 'running' where id = any (array(
    select id from jobs where state = 'available' order by priority, id limit %s for update skip locked))
returning id, kind, args
"""
_INSERT = "insert into jobs (queue, kind, args) values ('default', %s, %s) returning id"


class SqlLoop(OwnPeer):
    name = "plain SQL loop"
    setting = "claim 500, delete 500, one connection; no queue: a yardstick"
    left = "select exists (select from jobs)"
    last = "select exists (select from jobs where id = %s)"
    tables = "jobs"
    slots = 1
    processes = (1,)

    def install(self, bench: Bench) -> str:
        return f"psycopg {psycopg.__version__}"


PEERS = [SqlLoop()]


class Script:
    def __init__(self) -> None:
        self._connection: psycopg.Connection[Any] = psycopg.connect(URL, autocommit=True, prepare_threshold=0)

    def migrate(self) -> None:
        for statement in _TABLE:
            self._connection.execute(statement)

    def fill(self, job: str, count: int) -> object:
        copying = "copy jobs (queue, kind, args) from stdin"
        with self._connection.cursor() as cursor, cursor.copy(copying) as copy:
            for number in range(count):
                copy.write_row(("default", job, json.dumps({"i": number})))
        found = self._connection.execute("select max(id) from jobs").fetchone()
        return found and found[0]

    def push(self, job: str, number: int) -> object:
        # Two statements: in one, the INSERT would still be the whole of a push.
        row = self._connection.execute(_INSERT, (job, json.dumps({"i": number}))).fetchone()
        if job == "stamp":
            self._connection.execute("notify jobs")
        return row

    def work(self, slots: int) -> None:
        connection = self._connection
        listener = psycopg.connect(URL, autocommit=True)
        listener.execute("listen jobs")
        say("ready")
        while True:
            rows = connection.execute(_CLAIM, (_BATCH,)).fetchall()
            for _, kind, args in rows:
                if kind == "stamp":
                    stamp(args["i"])
                elif kind == "wait":
                    time.sleep(0.001)
            if rows:
                connection.execute("delete from jobs where id = any (%s)", ([row[0] for row in rows],))
            else:
                for _ in listener.notifies(timeout=0.05, stop_after=1):
                    pass


if __name__ == "__main__":
    serve(Script())
