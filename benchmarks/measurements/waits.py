"""Jobs that wait, as most do: a millisecond of I/O each, a hundred at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.bench import Bench
from benchmarks.figures import Target
from benchmarks.goals import Goal, beside
from benchmarks.measurements.drain import contender
from benchmarks.parts import Column, Contender, Part
from benchmarks.peers.installed import install
from benchmarks.peers.peer import peers

SLOTS = 100
_RIVALS = ("PgQueuer", "awa", "Procrastinate", "Celery")
_ONE_AT_A_TIME = ("plain SQL loop", "RQ")


@contextmanager
def _open(bench: Bench) -> Iterator[list[Contender]]:
    chosen = [peer for peer in peers() if _takes_part(bench, peer.name)]
    found: list[Contender] = []
    for installed in install(bench, chosen, "waits"):
        jobs = min(installed.peer.jobs, bench.pick(2_000, 50_000))
        for processes in (1,) if bench.quick else (1, 2):
            found.append(contender(installed, processes, "wait", jobs, SLOTS // processes))
    yield found


def _takes_part(bench: Bench, name: str) -> bool:
    if bench.quick:
        return name in ("queueapi", "PgQueuer, batch 250")
    return name not in (*_ONE_AT_A_TIME, "queueapi, keep_result=False")


PART = Part(
    name="waits",
    title="Jobs that wait for a millisecond, 100 slots",
    about="""\
As the drain, with jobs that wait for 1 ms, as each library's jobs wait for I/O (`time.sleep` under gevent,
`asyncio.sleep`, `setTimeout`, `sleep` in a thread), a hundred at once: one process of a hundred slots, or two of
fifty.""",
    columns=(Column("rate", "jobs a second", "/s", "more"),),
    open=_open,
    goals=(
        Goal(
            "jobs that wait for 1 ms, 100 slots", "the best of PgQueuer, awa, Procrastinate and Celery", Target(3),
            beside("queueapi ×*", [f"{name}*" for name in _RIVALS], "rate"),
        ),
    ),
)  # fmt: skip
