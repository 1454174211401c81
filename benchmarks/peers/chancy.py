"""Chancy (PyPI): its asynchronous executor, eager polling, as its documentation has them for many small jobs."""

from __future__ import annotations

import asyncio
from typing import Any

from benchmarks.peers.peer import PythonPeer
from benchmarks.peers.script import URL, say, serve, stamp

_CHUNK = 5_000


class Chancy(PythonPeer):
    name = "Chancy"
    setting = "AsyncExecutor, eager_polling"
    requires = ("chancy==0.26.0", "psycopg[binary,pool]==3.3.9")
    distribution = "chancy"
    left = "select exists (select from chancy_jobs where state in ('pending', 'running', 'retrying'))"
    tables = "chancy_jobs"
    slots = 100
    processes = (1,)
    jobs = 3_000


PEERS = [Chancy()]


async def noop(*, i: int) -> None:
    """Nothing."""


async def wait(*, i: int) -> None:
    """A millisecond."""
    await asyncio.sleep(0.001)


async def stamped(*, i: int) -> None:
    """The time."""
    stamp(i)


class Script:
    async def __aenter__(self) -> None:
        from chancy import Chancy as App
        from chancy import job

        self._app: Any = await App(URL).__aenter__()
        # By the module's own name: as __main__ a worker could not import them.
        from benchmarks.peers import chancy as me

        functions = {"noop": me.noop, "wait": me.wait, "stamp": me.stamped}
        self._jobs = {name: job(queue="default")(function).job for name, function in functions.items()}

    async def __aexit__(self, *_: object) -> None:
        await self._app.__aexit__(None, None, None)

    async def migrate(self) -> None:
        await self._app.migrate()

    async def fill(self, job: str, count: int) -> object:
        jobs = [self._jobs[job].with_kwargs(i=number) for number in range(count)]
        async for _ in self._app.push_many(jobs, batch_size=_CHUNK):
            pass
        return None

    async def push(self, job: str, number: int) -> object:
        return await self._app.push(self._jobs[job].with_kwargs(i=number))

    async def work(self, slots: int) -> None:
        from chancy import Queue, Worker

        executor = self._app.Executor.Async
        queue = Queue("default", concurrency=slots, executor=executor, eager_polling=True, polling_interval=1)
        await self._app.declare(queue, upsert=True)
        async with Worker(self._app) as worker:
            say("ready")
            await worker.wait_for_shutdown()


if __name__ == "__main__":
    serve(Script())
