"""graphile-worker (npm): with its batching, as its page on performance sets it up; and without, its default."""

from __future__ import annotations

from benchmarks.peers.peer import NodePeer


class Graphile(NodePeer):
    package = "graphile-worker"
    left = "select exists (select from graphile_worker._private_jobs)"
    last = "select exists (select from graphile_worker._private_jobs where id = %s)"
    tables = "graphile_worker._private_jobs"
    slots = 24  # its own performance test's

    def __init__(self, batching: bool) -> None:
        self.name = f"graphile-worker, {'localQueue 500' if batching else 'no localQueue'}"
        self.setting = "localQueue: {size: 500}, completeJobBatchDelay: 0" if batching else "its defaults"
        self.jobs = 200_000 if batching else 20_000
        self.variables = {"BENCH_VARIANT": "batching" if batching else ""}


PEERS = [Graphile(batching=True), Graphile(batching=False)]
