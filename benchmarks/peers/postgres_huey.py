"""Huey (PyPI) on PostgreSQL: a consumer of threads, no results, as its documentation advises where none are wanted."""

from __future__ import annotations

from benchmarks.peers.huey import HueyScript
from benchmarks.peers.peer import PythonPeer
from benchmarks.peers.script import URL, serve


class PostgresHuey(PythonPeer):
    name = "PostgresHuey"
    setting = "threads, results=False"
    requires = ("huey==3.5.4", "psycopg[binary]==3.3.9")
    distribution = "huey"
    bulk = False
    left = "select exists (select from huey_task)"
    tables = "huey_task"
    slots = 4
    jobs = 5_000


PEERS = [PostgresHuey()]

if __name__ == "__main__":
    from huey import PostgresHuey as Queue

    serve(HueyScript(Queue("bench", dsn=URL, results=False)))
