"""``make bench``: measures what is missing, keeps it in .bench/results, and writes docs/performance.md of all."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from benchmarks import check, document
from benchmarks.bench import Bench
from benchmarks.errors import BenchmarkError
from benchmarks.pairing import measure, missing
from benchmarks.parts import Part, parts
from benchmarks.processes import Processes
from benchmarks.progress import Progress, progress
from benchmarks.samples import Ledger, Sample
from benchmarks.tools import Tools
from queueapi.embedded import EmbeddedPostgres

T = TypeVar("T")

ROOT = Path(__file__).parents[1]
HOME = ROOT / ".bench"
# What a server has by itself, but for its number of connections.
_SETTINGS = {"shared_buffers": "128MB"}

_EPILOG = """\
What was measured is kept, a line a sample, in .bench/results: a run that was broken off goes on where it was, and a
part that is complete is left alone. The document is written of all that there is. Use an otherwise idle machine.

  make bench                       all that is missing
  make bench ONLY=drain,latency    these parts only
  make bench ONLY=drain AGAIN=1    measure anew; what was measured before is forgotten
  make bench PAIRS=10              more rounds, beside those that there are
  make bench PEERS=graphile,faye   beside these alone; the others' samples are kept
  make bench QUICK=1               a first impression; written to .bench/quick, not to docs
  python -m benchmarks --check     whether every peer runs each of its jobs exactly once
  python -m benchmarks --write     only write the document
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code 0 if all was measured, whatever the figures; 1 if something could not be."""
    known = parts()
    parser = _parser(known)
    arguments = parser.parse_args(argv)
    if arguments.check:
        return _with_server(arguments, 1, lambda bench, _: check.run(bench, arguments.parts))
    chosen = [name for word in arguments.parts for name in word.split(",") if name] or list(known)
    if unknown := [name for name in chosen if name not in known]:
        parser.error(f"there is no part {unknown[0]!r}: choose from {', '.join(known)}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is stopped
    ledger = Ledger(HOME / "results" / ("quick" if arguments.quick else "full"))
    troubles: list[str] = []
    try:
        if not arguments.write:
            troubles = _measure([known[name] for name in chosen], ledger, arguments)
    except KeyboardInterrupt:
        print("stopped; what was measured is kept, and the same command goes on", file=sys.stderr)
        return 130
    folder = HOME / "quick" if arguments.quick else ROOT / "docs"
    page = document.write(folder, known.values(), ledger, arguments.quick)
    print(document.table(known.values(), ledger), "", *troubles, f"written: {page}", sep="\n")
    return 1 if troubles else 0


def _parser(known: dict[str, Part]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measure queue and long-polling server beside others, in turn, on the same machine.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"only these: {', '.join(known)}")
    parser.add_argument("--quick", action="store_true", help="fewer jobs, peers and rounds, for a first impression")
    parser.add_argument("--again", action="store_true", help="forget what was measured of these parts")
    parser.add_argument("--pairs", type=int, metavar="N", help="so many rounds (default: 5; where one is long, fewer)")
    parser.add_argument("--peers", default="", metavar="NAME,...", help="only these peers, beside ours and yardsticks")
    parser.add_argument("--check", action="store_true", help="run some jobs on each peer, and count them")
    parser.add_argument("--write", action="store_true", help="measure nothing")
    return parser


def _measure(chosen: Sequence[Part], ledger: Ledger, arguments: argparse.Namespace) -> list[str]:
    if arguments.again:
        for part in chosen:
            ledger.forget(part.name)

    def run(bench: Bench, shown: Progress) -> list[str]:
        return [trouble for part in chosen for trouble in _part(part, bench, shown, ledger, arguments)]

    return _with_server(arguments, len(chosen), run)


def _part(part: Part, bench: Bench, shown: Progress, ledger: Ledger, arguments: argparse.Namespace) -> list[str]:
    rounds = arguments.pairs or (part.quick if arguments.quick else part.full)
    samples = ledger.read(part.name)
    bench.skipped.clear()
    shown.part(part.title)
    try:
        with part.open(bench) as contenders:
            for name, why in bench.skipped.items():
                ledger.append(part.name, Sample(name, 0, {}, skipped=why))
            shown.steps(len(missing(contenders, samples, rounds)))
            failed = measure(contenders, samples, rounds, lambda sample: ledger.append(part.name, sample), shown.step)
    except BenchmarkError as error:
        failed = [str(error)]
    return [f"{part.name}: {trouble}" for trouble in failed]


def _with_server(arguments: argparse.Namespace, count: int, run: Callable[[Bench, Progress], T]) -> T:
    server = EmbeddedPostgres(HOME / "postgres", settings=_SETTINGS)
    try:
        with progress(count) as shown, server, Processes(HOME / "logs") as processes:
            only = [name for name in arguments.peers.split(",") if name]
            tools = Tools(HOME, shown.say)
            bench = Bench(server.dsn, server.log, HOME, arguments.quick, processes, tools, shown.say, only)
            return run(bench, shown)
    finally:
        server.destroy()


if __name__ == "__main__":
    sys.exit(main())
