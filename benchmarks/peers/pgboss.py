"""pg-boss (npm): batches that follow on each other while they come full, and LISTEN/NOTIFY, as its documentation has
them for throughput and for latency."""

from __future__ import annotations

from benchmarks.peers.peer import NodePeer


class PgBoss(NodePeer):
    name = "pg-boss"
    setting = "batchSize 500, burstWhenBatchFull, notify"
    package = "pg-boss"
    left = "select exists (select from pgboss.job where state < 'completed')"
    tables = "pgboss.job"
    slots = 24
    jobs = 30_000


PEERS = [PgBoss()]
