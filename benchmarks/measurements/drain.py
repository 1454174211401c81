"""How fast a full queue is emptied: jobs that do nothing, ours beside all others, turn by turn."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.bench import Bench
from benchmarks.figures import Target
from benchmarks.goals import Goal, beside
from benchmarks.parts import Column, Contender, Part
from benchmarks.peers.installed import Installed, install
from benchmarks.peers.peer import peers

# Those that decide something: the quick form does these alone.
QUICK = ("queueapi", "queueapi, keep_result=False", "graphile-worker, localQueue 500", "plain SQL loop")


@contextmanager
def _open(bench: Bench) -> Iterator[list[Contender]]:
    chosen = [peer for peer in peers() if not bench.quick or peer.name in QUICK]
    found: list[Contender] = []
    for installed in install(bench, chosen, "drain"):
        peer = installed.peer
        jobs = min(peer.jobs, bench.pick(10_000, 200_000))
        counts = peer.processes[:1] if bench.quick else peer.processes
        found += [contender(installed, processes, "noop", jobs) for processes in counts]
    yield found


def contender(installed: Installed, processes: int, job: str, jobs: int, slots: int | None = None) -> Contender:
    """One who drains so many jobs."""
    peer = installed.peer
    return Contender(
        f"{peer.name} × {processes}",
        lambda: {"rate": jobs / seconds(installed, processes, job, jobs, slots)},
        installed.version,
        f"{installed.command(processes, slots)}; {peer.setting}; {jobs:,} jobs",
        peer.ours,
    )


def seconds(installed: Installed, processes: int, job: str, jobs: int, slots: int | None = None) -> float:
    """1. workers start, and drain a few, so that code is compiled and connections are warm; 2. they are frozen; 3. the
    queue is filled; 4. they are thawed, and the clock runs until nothing is left.
    """
    with installed.working(processes, slots) as workers, installed.watching() as watcher:
        watcher.await_empty(installed.fill(job, max(100, jobs // 20)).last, workers)
        for worker in workers:
            worker.freeze()
        last = installed.fill(job, jobs).last
        installed.tidy()
        start = time.monotonic()
        for worker in workers:
            worker.thaw()
        watcher.await_empty(last, workers)
        return time.monotonic() - start


PART = Part(
    name="drain",
    title="Drain of jobs that do nothing",
    about="""\
Each at one and at two worker processes (`× 1`, `× 2`); what decides is each at its best. Workers start and drain a few
jobs, so that code is compiled and connections are warm; they are frozen (SIGSTOP); the queue is filled by the peer's
own call for many, vacuumed and analyzed, and the log checkpointed; they are thawed, and the clock runs until another
connection sees that nothing is left. The same code times them all. Slow ones get fewer jobs, so that a round takes some
seconds for each; none gets a larger backlog than ours.

What a peer does for a job differs: graphile-worker, PgQueuer, Huey and Sidekiq delete it; ours keeps its outcome for a
day (without `keep_result=False`), fences every write with a lease token, and renews leases. Ours commits a claim with
`synchronous_commit = off`, as in production: a claim that a crash takes back is a lease lost like any other. Finishing
is durable. Redis keeps nothing on disk here, which is the fastest that it can be.""",
    columns=(Column("rate", "jobs a second", "/s", "more"),),
    open=_open,
    goals=(
        Goal(
            "drain of jobs that do nothing, our defaults", "graphile-worker with localQueue 500", Target(2.5),
            beside("queueapi ×*", "graphile-worker, localQueue 500 ×*", "rate"),
        ),
        Goal(
            "the same with `keep_result=False`", "the plain SQL loop, which guards nothing", Target(1.0),
            beside("queueapi, keep_result=False ×*", "plain SQL loop ×*", "rate"),
        ),
    ),
)  # fmt: skip
