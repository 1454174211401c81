"""awa (PyPI, awa-pg): its queue storage, COPY for many, as its documentation has them for hot queues."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from benchmarks.peers.peer import PythonPeer
from benchmarks.peers.script import URL, say, serve, stamp

_CHUNK = 5_000


class Awa(PythonPeer):
    name = "awa"
    setting = "queue storage, COPY for many"
    requires = ("awa-pg==0.6.9",)
    distribution = "awa-pg"
    left = "select exists (select from awa.jobs where state in ('available', 'running', 'scheduled', 'retryable'))"
    slots = 200  # its own figures grow up to 256
    processes = (1,)
    jobs = 20_000


PEERS = [Awa()]


@dataclass
class Noop:
    i: int


@dataclass
class Wait:
    i: int


@dataclass
class Stamp:
    i: int


_KINDS = {"noop": Noop, "wait": Wait, "stamp": Stamp}


class Script:
    async def __aenter__(self) -> None:
        import awa

        self._client: Any = awa.AsyncClient(URL, max_connections=24)

    async def __aexit__(self, *_: object) -> None:
        await self._client.close()

    async def migrate(self) -> None:
        await self._client.migrate()
        await self._client.install_queue_storage()

    async def fill(self, job: str, count: int) -> object:
        for start in range(0, count, _CHUNK):
            jobs = [_KINDS[job](number) for number in range(start, min(count, start + _CHUNK))]
            await self._client.enqueue_many_copy(jobs)
        return None

    async def push(self, job: str, number: int) -> object:
        return await self._client.insert(_KINDS[job](number))

    async def work(self, slots: int) -> None:
        @self._client.task(Noop)
        async def noop(job: Any) -> None:
            pass

        @self._client.task(Wait)
        async def wait(job: Any) -> None:
            await asyncio.sleep(0.001)

        @self._client.task(Stamp)
        async def stamped(job: Any) -> None:
            stamp(job.args.i)

        await self._client.start([("default", slots)])
        say("ready")
        await asyncio.Event().wait()


if __name__ == "__main__":
    serve(Script())
