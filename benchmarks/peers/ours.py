"""queueapi: outcomes kept, leases, fences, all its defaults but the number of slots."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import ClassVar

import queueapi
from benchmarks.bench import Bench
from benchmarks.peers import Contender
from benchmarks.processes import Process
from benchmarks.workload import Noop
from queueapi.postgres.connection import connect
from queueapi.postgres.migrate import migrate
from queueapi.postgres.sessions import Dedicated
from queueapi.postgres.upkeep import Upkeep

# A statement of more gains nothing, and one that takes seconds would look like a server that is gone.
_PUSH = 10_000


class Ours(Contender):
    name: ClassVar[str] = "queueapi"
    slots: ClassVar[int] = 20
    left: ClassVar[str] = "select exists (select from queueapi.jobs)"
    last: ClassVar[str] = "select exists (select from queueapi.jobs where id = %s)"
    tables: ClassVar[str] = "queueapi.jobs"

    def install(self, bench: Bench) -> str:
        return queueapi.__version__

    def migrate(self, dsn: str) -> None:
        migrated(dsn)

    def start(self, bench: Bench, dsn: str, processes: int) -> list[Process]:
        return [start_worker(bench, dsn, processes, self.slots)]

    def fill(self, dsn: str, count: int) -> int:
        queue = queueapi.connect(dsn)
        last = 0
        for start in range(0, count, _PUSH):
            handles = queue.push_all(Noop(i) for i in range(start, min(count, start + _PUSH)))
            last = handles[-1].id
        return last


def migrated(dsn: str) -> None:
    """What ``queueapi migrate`` does."""
    with connect(dsn, "benchmarks", 5) as connection:
        migrate(connection, lambda _: None)
        Upkeep(Dedicated(lambda: connection)).partition()


def start_worker(bench: Bench, dsn: str, processes: int, slots: int, **env: str) -> Process:
    """``queueapi-work``, ready."""
    script = Path(sys.executable).with_name("queueapi-work")
    options = ["benchmarks.workload", "-c", str(slots), "-p", str(processes)]
    process = bench.processes.start("queueapi-work", [script, *options], {"DATABASE_URL": dsn, **env})
    process.await_line("ready")
    return process
