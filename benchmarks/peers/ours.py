"""queueapi: leases, fences, retries, all its defaults but for the number of slots; and the same without results."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from benchmarks.bench import Bench
from benchmarks.peers.peer import OwnPeer
from benchmarks.peers.script import URL, serve


class Ours(OwnPeer):
    ours = True
    left = "select exists (select from queueapi.jobs)"
    last = "select exists (select from queueapi.jobs where id = %s)"
    tables = "queueapi.jobs"

    def __init__(self, keep: bool) -> None:
        self.name = "queueapi" if keep else "queueapi, keep_result=False"
        self.setting = "its defaults" if keep else "keep_result=False"
        self.variables = {"BENCH_VARIANT": "" if keep else "forget"}

    def install(self, bench: Bench) -> str:
        import queueapi

        return queueapi.__version__

    def worker(self, processes: int, slots: int) -> list[list[str]]:
        script = Path(sys.executable).with_name("queueapi-work")
        return [[str(script), "benchmarks.workload", "-c", str(slots), "-p", str(processes)]]


PEERS = [Ours(keep=True), Ours(keep=False)]


class Script:
    def __init__(self) -> None:
        import queueapi
        from benchmarks import workload

        self._jobs = {"noop": workload.Noop, "wait": workload.Wait, "stamp": workload.Stamp}
        self._queue = queueapi.connect(URL)
        self._keep = os.environ.get("BENCH_VARIANT") != "forget"

    def migrate(self) -> None:
        migrated(URL)

    def fill(self, job: str, count: int) -> object:
        made = (self._jobs[job](i) for i in range(count))
        handles = self._queue.push_all(made) if self._keep else self._queue.push_all(made, keep_result=False)
        return handles[-1].id

    def push(self, job: str, number: int) -> object:
        return self._queue.push(self._jobs[job](number))

    def work(self, slots: int) -> None:
        raise NotImplementedError("its workers are started by its own command line")


def migrated(dsn: str) -> None:
    """What ``queueapi migrate`` does."""
    from queueapi.postgres.connection import connect
    from queueapi.postgres.migrate import migrate
    from queueapi.postgres.sessions import Dedicated
    from queueapi.postgres.upkeep import Upkeep

    with connect(dsn, "benchmarks", 5) as connection:
        migrate(connection, lambda _: None)
        Upkeep(Dedicated(lambda: connection)).partition()


if __name__ == "__main__":
    serve(Script())
