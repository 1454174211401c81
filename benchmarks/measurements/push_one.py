"""What a push costs, one after the other, from one thread: beside a plain INSERT, and beside all others."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from benchmarks.bench import Bench
from benchmarks.figures import Target
from benchmarks.goals import Goal, beside
from benchmarks.measurements.push_threads import rate
from benchmarks.parts import Column, Contender, Part
from benchmarks.peers.installed import Installed, install
from benchmarks.peers.peer import peers

_PLAIN = "plain INSERT, autocommit"
_NOT_AGAIN = ("queueapi, keep_result=False", "graphile-worker, no localQueue", "PgQueuer, batch 250", "plain SQL loop")
_QUICK = ("queueapi", "graphile-worker, localQueue 500")


@contextmanager
def _open(bench: Bench) -> Iterator[list[Contender]]:
    seconds = bench.pick(1, 4)
    chosen = [peer for peer in peers() if peer.name in _QUICK or (not bench.quick and peer.name not in _NOT_AGAIN)]
    found: list[Contender] = []
    for installed in install(bench, chosen, "push_one"):
        if installed.peer.ours:
            found += [_beside(bench, installed, how, seconds) for how in ("push", "insert")]
        else:
            found.append(_other(installed, seconds))
    yield found


def _beside(bench: Bench, installed: Installed, how: str, seconds: float) -> Contender:
    def run() -> dict[str, float]:
        pushed = rate(bench, installed.url, how, 1, 1, seconds)
        installed.clear()
        return {"rate": pushed}

    ours = how == "push"
    version = installed.version if ours else f"psycopg {psycopg.__version__}"
    command = f"python -m benchmarks.load.pusher {how} --threads 1"
    return Contender("queueapi" if ours else _PLAIN, run, version, command, ours)


def _other(installed: Installed, seconds: float) -> Contender:
    def run() -> dict[str, float]:
        pushed = installed.push("noop", seconds)
        installed.clear()
        return {"rate": pushed}

    name = installed.peer.name.partition(",")[0]
    words = " ".join(installed.peer.words("push", "noop", seconds)[-3:])
    return Contender(name, run, installed.version, f"{type(installed.peer).__module__} {words}")


PART = Part(
    name="push_one",
    title="Push, one at a time, from one thread",
    about="""\
Ours and the plain `INSERT` (psycopg, prepared, autocommit, the id returned) by the same loop, on the same table; the
others by the call that their documentation has for one job. PostgreSQL waits for its disk at every commit, Redis does
not.""",
    columns=(Column("rate", "pushes a second", "/s", "more"),),
    open=_open,
    goals=(
        Goal(
            "push, one at a time, one thread", "plain INSERT, autocommit, same driver", Target(0.9),
            beside("queueapi", _PLAIN, "rate"),
        ),
    ),
)  # fmt: skip
