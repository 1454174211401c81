"""Whether a peer's file is right: some jobs on one of its workers, each of which writes its number down. Each must be
there once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from benchmarks.bench import Bench
from benchmarks.errors import BenchmarkError
from benchmarks.peers.installed import Installed, stamped
from benchmarks.peers.peer import Peer, peers

JOBS = 300


def run(bench: Bench, names: Sequence[str]) -> int:
    """Check all, or those whose name begins so; a line each. The exit code."""
    wrong = 0
    for peer in peers():
        if names and not any(peer.name.lower().startswith(name.lower()) for name in names):
            continue
        try:
            verdict = _checked(bench, peer)
        except BenchmarkError as error:
            verdict, wrong = f"WRONG: {error}", wrong + 1
        print(f"{peer.name:34} {verdict}", flush=True)
    return 1 if wrong else 0


def _checked(bench: Bench, peer: Peer) -> str:
    version = bench.attempt(peer.name, lambda: peer.install(bench))
    if version is None:
        return f"left out: {bench.skipped[peer.name]}"
    installed = Installed(bench, peer, version, "check")
    installed.stamps.unlink(missing_ok=True)
    with installed.working(1) as workers, installed.watching() as watcher:
        for job in ("noop", "wait"):
            watcher.await_empty(installed.fill(job, JOBS).last, workers)
        watcher.await_empty(installed.fill("stamp", JOBS).last, workers)
        installed.await_stamps(JOBS)
    times = Counter(number for number, _ in stamped(installed.stamps))
    if times != Counter(range(JOBS)):
        twice = sorted(number for number, count in times.items() if count > 1)
        raise BenchmarkError(f"of {JOBS} jobs {len(times)} ran, and more than once: {twice[:5]}")
    with installed.working(1):
        waits = installed.pace(20, 50)
    rate = installed.push("noop", 0.3)
    median = sorted(waits)[len(waits) // 2]
    return f"{version}: {JOBS} jobs once each; one waits {median:.1f} ms; {rate:,.0f} pushes a second"
