"""Many jobs in one call."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.bench import Bench
from benchmarks.figures import Target
from benchmarks.goals import Goal, beside
from benchmarks.parts import Column, Contender, Part
from benchmarks.peers.installed import Installed, install
from benchmarks.peers.peer import peers

_COPY = "plain COPY"
_NOT_AGAIN = ("queueapi, keep_result=False", "graphile-worker, no localQueue", "PgQueuer, batch 250")
_QUICK = ("queueapi", "graphile-worker, localQueue 500", "plain SQL loop")
_ON_POSTGRES = ("graphile-worker", "pg-boss", "PgQueuer", "Procrastinate", "awa", "Chancy")
_PEERS = (*_ON_POSTGRES, "Sidekiq", "RQ")


@contextmanager
def _open(bench: Bench) -> Iterator[list[Contender]]:
    wanted = [peer for peer in peers() if peer.bulk and peer.name not in _NOT_AGAIN]
    chosen = [peer for peer in wanted if not bench.quick or peer.name in _QUICK]
    count = bench.pick(20_000, 100_000)
    yield [_contender(installed, count) for installed in install(bench, chosen, "push_many")]


def _contender(installed: Installed, count: int) -> Contender:
    def run() -> dict[str, float]:
        filled = installed.fill("noop", count)
        installed.clear()
        return {"rate": count / filled.seconds}

    peer = installed.peer
    name = _COPY if peer.name == "plain SQL loop" else peer.name.partition(",")[0]
    command = f"{type(peer).__module__} fill noop {count}"
    return Contender(name, run, installed.version, command, peer.ours)


PART = Part(
    name="push_many",
    title="Push of 100,000 jobs",
    about="""\
From the first object made to the last id in hand, connected before: `push_all` with a generator of 100,000 jobs,
against what the others have for many (`addJobs`, `insert`, `enqueue`, `batch_defer`, `enqueue_many_copy`, `push_many`,
`push_bulk`, `enqueue_many`), in the portions that they advise. Those that have no such call do not take part. The plain
`COPY` writes three columns, and is a yardstick.""",
    columns=(Column("rate", "jobs a second", "/s", "more"),),
    open=_open,
    goals=(
        Goal(
            "`push_all` of 100,000", "the best other's call for many", Target(2.0), beside("queueapi", _PEERS, "rate")
        ),
        Goal(
            "`push_all` of 100,000", "the best other's on PostgreSQL", Target(2.0),
            beside("queueapi", _ON_POSTGRES, "rate"),
        ),
    ),
)  # fmt: skip
