"""How long a job waits when nobody else does: from before the push to the first line of ``run()``, worker idle."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.bench import Bench
from benchmarks.figures import Target, percentile
from benchmarks.goals import Goal, beside
from benchmarks.parts import Column, Contender, Part
from benchmarks.peers.installed import Installed, install
from benchmarks.peers.peer import peers

RATE = 50
_QUICK = ("queueapi", "Sidekiq", "graphile-worker, no localQueue")
_ON_POSTGRES = ("graphile-worker*", "pg-boss", "PgQueuer*", "Procrastinate", "PostgresHuey", "awa", "Chancy")


@contextmanager
def _open(bench: Bench) -> Iterator[list[Contender]]:
    chosen = [
        peer for peer in peers() if (peer.name in _QUICK if bench.quick else peer.name != "queueapi, keep_result=False")
    ]
    yield [_contender(installed, bench.pick(75, 500)) for installed in install(bench, chosen, "latency")]


def _contender(installed: Installed, count: int) -> Contender:
    def run() -> dict[str, float]:
        with installed.working(1):
            installed.pace(RATE, RATE)  # code is compiled, connections are warm
            waits = installed.pace(count, RATE)
        return {"p50": percentile(waits, 50), "p99": percentile(waits, 99)}

    peer = installed.peer
    command = f"{installed.command(1)}; {peer.setting}; {count} pushes at {RATE} a second"
    return Contender(peer.name, run, installed.version, command, peer.ours)


PART = Part(
    name="latency",
    title="Push to start of run(), worker idle, 50 a second",
    about="""\
From before the push, in one process, to the first line of the job, in another, on the clock that all processes of a
machine share: the INSERT and its commit, which waits for the disk, are in it. Redis keeps nothing on disk here. The
plain SQL loop notifies in a statement of its own, and listens.""",
    columns=(Column("p50", "p50", "ms", "less"), Column("p99", "p99", "ms", "less")),
    open=_open,
    goals=(
        Goal(
            "push to start of `run()`, p50", "Sidekiq on Redis without fsync", Target(1.5, at_least=False),
            beside("queueapi", "Sidekiq", "p50"),
        ),
        Goal(
            "push to start of `run()`, p50", "the best other on PostgreSQL", Target(0.5, at_least=False),
            beside("queueapi", _ON_POSTGRES, "p50", best=min),
        ),
    ),
)  # fmt: skip
