"""How fast a full queue is emptied: no-op jobs, ours against others on the same server, turn by turn.

A round: 1. workers start, and drain a first few thousand jobs, so that code is compiled and connections are warm;
2. they are frozen (SIGSTOP); 3. the queue is filled, vacuumed, analyzed, and the log checkpointed; 4. they are
thawed, and the clock runs until another connection finds nothing left to do. Every contender is timed by this
very code; what one counts as finished is what its table says.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence

import psycopg

from benchmarks.bench import Bench
from benchmarks.errors import BenchmarkError, Unavailable
from benchmarks.figures import Figure, Target
from benchmarks.peers import Contender
from benchmarks.peers.graphile import Graphile
from benchmarks.peers.ours import Ours
from benchmarks.processes import Process

TITLE = "drain of no-op jobs"
# How often the watcher looks: 1 % of the shortest round, at a tenth of a millisecond a look.
_LOOK = 0.01
# Nothing measured here takes so long, unless a worker has died.
_PATIENCE = 120.0
_TARGETS = {Graphile.name: Target(2.0)}


def measure(bench: Bench) -> list[Figure]:
    """One figure per contender and number of processes; the ratio stands with ours."""
    jobs, rounds = (30_000, 3) if bench.quick else (200_000, 5)
    contenders = _available(bench)
    figures: list[Figure] = []
    for processes in (1, 2):
        rates = _rounds(bench, contenders, processes, jobs, rounds)
        figures += [_figure(name, processes, seen) for name, seen in rates.items()]
    return figures + _ratios(figures, contenders)


def _available(bench: Bench) -> list[tuple[Contender, str]]:
    contenders: list[tuple[Contender, str]] = []
    for number, contender in enumerate([Ours(), Graphile()]):
        try:
            bench.note(f"{contender.name} {contender.install(bench)}, {contender.slots} slots a process")
        except Unavailable as reason:
            bench.note(str(reason))
            continue
        dsn = bench.database(f"drain_{number}")
        contender.migrate(dsn)
        contenders.append((contender, dsn))
    return contenders


def _rounds(
    bench: Bench, contenders: Sequence[tuple[Contender, str]], processes: int, jobs: int, rounds: int
) -> dict[str, list[float]]:
    rates: dict[str, list[float]] = {contender.name: [] for contender, _ in contenders}
    for number in range(1, rounds + 1):
        for contender, dsn in contenders:
            bench.say(f"drain: {contender.name} × {processes}, round {number} of {rounds}")
            rates[contender.name].append(jobs / _seconds(bench, contender, dsn, processes, jobs))
    return rates


def _seconds(bench: Bench, contender: Contender, dsn: str, processes: int, jobs: int) -> float:
    workers = contender.start(bench, dsn, processes)
    try:
        with psycopg.connect(dsn, autocommit=True) as watcher:
            _await_empty(watcher, contender, contender.fill(dsn, max(2000, jobs // 20)), workers)
            for worker in workers:
                worker.freeze()
            last = contender.fill(dsn, jobs)
            watcher.execute(f"vacuum (analyze) {contender.tables}")
            watcher.execute("checkpoint")
            start = time.monotonic()
            for worker in workers:
                worker.thaw()
            _await_empty(watcher, contender, last, workers)
            return time.monotonic() - start
    finally:
        for worker in workers:
            worker.stop()


def _await_empty(watcher: psycopg.Connection, contender: Contender, last: int, workers: Sequence[Process]) -> None:
    # First the job pushed last, by its key: asking whether any is left walks over all the rows deleted so far.
    deadline = time.monotonic() + _PATIENCE
    for question, params in ((contender.last, (last,)), (contender.left, ())):
        while _true(watcher, question, params):
            if time.monotonic() > deadline or not all(worker.alive for worker in workers):
                raise BenchmarkError(f"{contender.name} stopped with jobs left: its output is in .bench/logs")
            time.sleep(_LOOK)


def _true(watcher: psycopg.Connection, question: str, params: tuple[int, ...]) -> bool:
    row = watcher.execute(question, params).fetchone()
    return bool(row and row[0])


def _figure(name: str, processes: int, rates: Sequence[float]) -> Figure:
    median = statistics.median(rates)
    return Figure(TITLE, _label(name, processes), median, "jobs/s", tuple(rates), ours=name == Ours.name)


def _label(name: str, processes: int) -> str:
    return f"{name}, {processes} process{'es' if processes > 1 else ''}"


def _ratios(figures: Sequence[Figure], contenders: Sequence[tuple[Contender, str]]) -> list[Figure]:
    """Each at its best: nobody is held to a number of processes that suits the other."""
    best = {
        contender.name: max(figure.value for figure in figures if figure.name.startswith(f"{contender.name},"))
        for contender, _ in contenders
    }
    return [
        Figure(TITLE, f"queueapi ÷ {name}, each at its best", best[Ours.name] / rate, "×", target=_TARGETS.get(name))
        for name, rate in best.items()
        if name != Ours.name
    ]
