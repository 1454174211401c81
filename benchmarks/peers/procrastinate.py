"""Procrastinate (PyPI): an asynchronous worker, with as many jobs at once as it has connections, its listener on."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from benchmarks.peers.peer import PythonPeer
from benchmarks.peers.script import URL, say, serve, stamp

_CHUNK = 5_000


class Procrastinate(PythonPeer):
    name = "Procrastinate"
    setting = "asynchronous worker, delete_jobs=successful"
    requires = ("procrastinate==3.10.0", "psycopg[binary,pool]==3.3.9")
    distribution = "procrastinate"
    left = "select exists (select from procrastinate_jobs where status in ('todo', 'doing'))"
    last = "select exists (select from procrastinate_jobs where id = %s and status in ('todo', 'doing'))"
    tables = "procrastinate_jobs"
    jobs = 2_000


PEERS = [Procrastinate()]


class Script:
    async def __aenter__(self) -> None:
        import procrastinate

        connector = procrastinate.PsycopgConnector(conninfo=URL, min_size=1, max_size=24)
        self._app: Any = procrastinate.App(connector=connector)
        self._tasks = _register(self._app)
        await self._app.open_async()

    async def __aexit__(self, *_: object) -> None:
        await self._app.close_async()

    async def migrate(self) -> None:
        await self._app.schema_manager.apply_schema_async()

    async def fill(self, job: str, count: int) -> object:
        last: object = None
        for start in range(0, count, _CHUNK):
            rows = [{"i": number} for number in range(start, min(count, start + _CHUNK))]
            last = (await self._tasks[job].batch_defer_async(*rows))[-1]
        return last

    async def push(self, job: str, number: int) -> object:
        return await self._tasks[job].defer_async(i=number)

    async def work(self, slots: int) -> None:
        logging.getLogger("procrastinate").setLevel(logging.WARNING)
        say("ready")
        await self._app.run_worker_async(concurrency=slots, delete_jobs="successful")


def _register(app: Any) -> dict[str, Any]:
    async def noop(i: int) -> None:
        pass

    async def wait(i: int) -> None:
        await asyncio.sleep(0.001)

    async def stamped(i: int) -> None:
        stamp(i)

    return {name: app.task(name=name)(job) for name, job in (("noop", noop), ("wait", wait), ("stamp", stamped))}


if __name__ == "__main__":
    serve(Script())
