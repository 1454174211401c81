"""What a worker process takes of the memory: ours beside Celery's, and others."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks import machine
from benchmarks.bench import Bench
from benchmarks.figures import Target
from benchmarks.goals import Goal, beside
from benchmarks.parts import Column, Contender, Part
from benchmarks.peers.installed import Installed, install
from benchmarks.peers.peer import peers

SLOTS = 20
_NOT_AGAIN = ("queueapi, keep_result=False", "graphile-worker, no localQueue", "PgQueuer, batch 250", "plain SQL loop")
_QUICK = ("queueapi", "Celery, gevent")


@contextmanager
def _open(bench: Bench) -> Iterator[list[Contender]]:
    chosen = [peer for peer in peers() if (peer.name in _QUICK if bench.quick else peer.name not in _NOT_AGAIN)]
    yield [_contender(installed) for installed in install(bench, chosen, "resident")]


def _contender(installed: Installed) -> Contender:
    def run() -> dict[str, float]:
        jobs = min(1_000, installed.peer.jobs)
        with installed.working(1, SLOTS) as workers, installed.watching() as watcher:
            watcher.await_empty(installed.fill("noop", jobs).last, workers)
            pid = workers[0].pid
            largest = max(machine.resident(one) for one in (pid, *machine.children(pid)))
            return {"worker": largest / 1024, "whole": machine.proportional(pid) / 1024}

    return Contender(installed.peer.name, run, installed.version, installed.command(1, SLOTS), installed.peer.ours)


PART = Part(
    name="resident",
    title="Memory of a worker process with 20 slots",
    about="""\
After a thousand jobs: the resident set of the worker process; and the proportional set of all processes that come with
one, a supervisor included. Where jobs run in threads these are 20; RQ's process runs one job at a time.""",
    columns=(Column("worker", "the worker process", "MiB", "less"), Column("whole", "all processes", "MiB", "less")),
    open=_open,
    goals=(
        Goal(
            "resident memory of a worker process with 20 slots", "Celery's gevent worker", Target(0.7, at_least=False),
            beside("queueapi", "Celery, gevent", "worker"),
        ),
    ),
)  # fmt: skip
