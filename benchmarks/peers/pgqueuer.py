"""PgQueuer (PyPI) on asyncpg, its fastest driver: with its default batch of 10, and one of 250.

As its page on performance has it: ``pgq autovac`` after the installation, a pool for who pushes, a connection of its
own for who works.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from benchmarks.peers.peer import PythonPeer
from benchmarks.peers.script import URL, say, serve, stamp

_CHUNK = 10_000


class PgQueuer(PythonPeer):
    requires = ("pgqueuer[asyncpg]==1.6.0", "asyncpg==0.32.0", "uvloop==0.23.0")
    distribution = "pgqueuer"
    left = "select exists (select from pgqueuer)"
    last = "select exists (select from pgqueuer where id = %s)"
    tables = "pgqueuer"
    jobs = 40_000

    def __init__(self, batch: int) -> None:
        self.name = f"PgQueuer, batch {batch}"
        self.setting = f"asyncpg, uvloop, batch_size={batch}, pgq autovac"
        self.variables = {"BENCH_VARIANT": str(batch)}


PEERS = [PgQueuer(10), PgQueuer(250)]


class Script:
    async def __aenter__(self) -> None:
        import asyncpg
        from pgqueuer.db import AsyncpgPoolDriver
        from pgqueuer.queries import Queries

        self._stack = AsyncExitStack()
        pool = await self._stack.enter_async_context(asyncpg.create_pool(URL, min_size=1, max_size=4))
        self._queries: Any = Queries(AsyncpgPoolDriver(pool))

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def migrate(self) -> None:
        pgq = [Path(sys.executable).with_name("pgq")]
        for verb in ("install", "autovac"):
            subprocess.run([*pgq, verb], check=True, env={**os.environ, "PGDSN": URL}, capture_output=True)

    async def fill(self, job: str, count: int) -> object:
        last: object = None
        for start in range(0, count, _CHUNK):
            numbers = range(start, min(count, start + _CHUNK))
            payloads = [str(number).encode() for number in numbers]
            last = (await self._queries.enqueue([job] * len(payloads), payloads, [0] * len(payloads)))[-1]
        return last

    async def push(self, job: str, number: int) -> object:
        return await self._queries.enqueue(job, str(number).encode())

    async def work(self, slots: int) -> None:
        import asyncpg
        from pgqueuer import PgQueuer as App
        from pgqueuer.db import AsyncpgDriver
        from pgqueuer.models import Job

        app = App(AsyncpgDriver(await asyncpg.connect(URL)))

        @app.entrypoint("noop")
        async def noop(job: Job) -> None:
            pass

        @app.entrypoint("wait")
        async def wait(job: Job) -> None:
            await asyncio.sleep(0.001)

        @app.entrypoint("stamp")
        async def stamped(job: Job) -> None:
            stamp(int(job.payload or b"0"))

        batch = int(os.environ["BENCH_VARIANT"])
        # It wants room for two batches: with large ones that is more than so many slots, in its favour.
        room = max(slots, 2 * batch)
        say("ready")
        await app.run(batch_size=batch, max_concurrent_tasks=room if slots > 20 else None)


if __name__ == "__main__":
    import uvloop

    uvloop.install()
    serve(Script())
