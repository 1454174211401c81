"""What a peer's script can be told, the same for all; for those in Python the loops are here, for others beside it.

::

    migrate                    make the tables
    fill JOB COUNT             push so many, by its own call for many; says "filled LAST SECONDS"
    push JOB SECONDS           push one at a time, from one thread; says "pushed COUNT SECONDS"
    pace JOB COUNT RATE        push so many, so many a second; writes when each was pushed into BENCH_PUSHED
    work SLOTS                 say "ready", and run jobs until killed

A job is ``noop``, which does nothing; ``wait``, which waits for a millisecond as one does there for I/O; or ``stamp``,
which writes the time into BENCH_STAMPS. All get their number. Times are those of the machine's monotonic clock, which
all processes share. The store's URL is in BENCH_URL. Only the standard library is imported here.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from typing import Protocol, runtime_checkable

URL = os.environ.get("BENCH_URL", "")
# Pushed before the counting begins: connections are open and statements prepared then.
WARM_UP = 20
_opened: dict[str, int] = {}


class Script(Protocol):
    """For libraries whose calls block."""

    def migrate(self) -> None: ...

    def fill(self, job: str, count: int) -> object: ...

    def push(self, job: str, number: int) -> object: ...

    def work(self, slots: int) -> None: ...


@runtime_checkable
class AsyncScript(Protocol):
    """For those whose calls are awaited: ``__aenter__`` connects."""

    async def __aenter__(self) -> object: ...

    async def __aexit__(self, *_: object) -> None: ...

    async def migrate(self) -> None: ...

    async def fill(self, job: str, count: int) -> object: ...

    async def push(self, job: str, number: int) -> object: ...

    async def work(self, slots: int) -> None: ...


def stamp(number: int, variable: str = "BENCH_STAMPS") -> None:
    """One line, in one write: many processes share the file."""
    now = time.monotonic_ns()
    if variable not in _opened:
        _opened[variable] = os.open(os.environ[variable], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(_opened[variable], f"{number} {now}\n".encode())


def say(*words: object) -> None:
    """A line that the benchmark waits for."""
    print(*words, flush=True)


def serve(script: Script | AsyncScript) -> None:
    """Do what the command line says."""
    if isinstance(script, AsyncScript) and asyncio.iscoroutinefunction(script.push):
        asyncio.run(_serve_async(script))
    else:
        _serve(script)  # type: ignore[arg-type]


def _serve(script: Script) -> None:
    match sys.argv[1:]:
        case ["migrate"]:
            script.migrate()
        case ["fill", job, count]:
            start = time.monotonic()
            last = script.fill(job, int(count))
            say("filled", last, time.monotonic() - start)
        case ["push", job, seconds]:
            for number in range(WARM_UP):
                script.push(job, number)
            start, pushed = time.monotonic(), 0
            while (now := time.monotonic()) - start < float(seconds):
                script.push(job, pushed)
                pushed += 1
            say("pushed", pushed, now - start)
        case ["pace", job, count, rate]:
            due = time.monotonic()
            for number in range(int(count)):
                due += 1 / float(rate)
                time.sleep(max(0.0, due - time.monotonic()))
                stamp(number, "BENCH_PUSHED")
                script.push(job, number)
            say("paced")
        case ["work", slots]:
            script.work(int(slots))


async def _serve_async(script: AsyncScript) -> None:
    async with script:
        match sys.argv[1:]:
            case ["migrate"]:
                await script.migrate()
            case ["fill", job, count]:
                start = time.monotonic()
                last = await script.fill(job, int(count))
                say("filled", last, time.monotonic() - start)
            case ["push", job, seconds]:
                for number in range(WARM_UP):
                    await script.push(job, number)
                start, pushed = time.monotonic(), 0
                while (now := time.monotonic()) - start < float(seconds):
                    await script.push(job, pushed)
                    pushed += 1
                say("pushed", pushed, now - start)
            case ["pace", job, count, rate]:
                due = time.monotonic()
                for number in range(int(count)):
                    due += 1 / float(rate)
                    await asyncio.sleep(max(0.0, due - time.monotonic()))
                    stamp(number, "BENCH_PUSHED")
                    await script.push(job, number)
                say("paced")
            case ["work", slots]:
                await script.work(int(slots))
