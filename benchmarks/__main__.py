"""``make bench``: measures, prints a table, writes .bench/results.json and .bench/results.svg."""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import psycopg

from benchmarks import drain, held, latency, plot, push
from benchmarks.bench import Bench, Voice
from benchmarks.errors import BenchmarkError
from benchmarks.figures import Figure, table
from benchmarks.processes import Processes
from queueapi.embedded import EmbeddedPostgres

HOME = Path(__file__).parents[1] / ".bench"

PARTS: dict[str, tuple[Callable[[Bench], list[Figure]], str]] = {
    "drain": (drain.measure, "no-op jobs a second out of a full queue, beside graphile-worker"),
    "push": (push.measure, "pushes a second from 32 threads, beside a plain INSERT"),
    "latency": (latency.measure, "milliseconds from push to the start of run(), worker idle"),
    "held": (held.measure, "memory of a held long-poll, 5,000 of them"),
}

_EPILOG = """\
Every figure is taken on a PostgreSQL of the run's own (durable, its defaults), in .bench/. What is compared takes
turns on it. Use an otherwise idle machine: the load average is noted beside the results.

  python -m benchmarks --quick        under two minutes
  python -m benchmarks drain push     these parts only
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code 0 if all was measured, whatever the figures; 1 if something could not be."""
    parser = _parser()
    arguments = parser.parse_args(argv)
    if unknown := [part for part in arguments.parts if part not in PARTS]:
        parser.error(f"there is no part {unknown[0]!r}: choose from {', '.join(PARTS)}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is stopped
    voice = Voice()
    try:
        figures, notes, failed = _measure(arguments.parts or list(PARTS), arguments.quick, voice)
    except KeyboardInterrupt:
        voice.hush()
        print("stopped; nothing was written", file=sys.stderr)
        return 130
    voice.hush()
    print(table(figures), "", *notes, sep="\n")
    _write(figures, notes)
    return 1 if failed else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measure the queue and the long-polling server, beside others where they are found.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    listed = "; ".join(f"{name}: {what}" for name, (_, what) in PARTS.items())
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"only these: {listed}")
    parser.add_argument("--quick", action="store_true", help="fewer jobs and rounds, for a first impression")
    return parser


def _measure(parts: Sequence[str], quick: bool, voice: Voice) -> tuple[list[Figure], list[str], bool]:
    figures: list[Figure] = []
    failed = False
    started, load = time.monotonic(), os.getloadavg()[0]
    voice.say("starting PostgreSQL")
    server = EmbeddedPostgres(HOME / "postgres", settings={"shared_buffers": "128MB"})  # PostgreSQL's own default
    try:
        with server, Processes(HOME / "logs") as processes:
            bench = Bench(server.dsn, HOME, quick, processes, voice.say)
            bench.notes.append(f"{_machine(server.dsn)}, load average {load:.1f} at the start")
            for part in parts:
                try:
                    figures += PARTS[part][0](bench)
                except BenchmarkError as error:
                    failed = True
                    bench.note(f"{part} was not measured: {error}")
            bench.note(f"{'quick, ' if quick else ''}{time.monotonic() - started:.0f} s")
    finally:
        server.destroy()
    return figures, bench.notes, failed


def _machine(dsn: str) -> str:
    with psycopg.connect(dsn) as connection:
        version = connection.info.parameter_status("server_version")
    return f"{os.cpu_count()} cores, PostgreSQL {version}, Python {platform.python_version()}"


def _write(figures: Sequence[Figure], notes: Sequence[str]) -> None:
    results: dict[str, Any] = {
        "at": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "figures": [figure.data() for figure in figures],
        "notes": list(notes),
    }
    (HOME / "results.json").write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n")
    (HOME / "results.svg").write_text(plot.svg(figures))
    print(f"\nwritten: {HOME / 'results.json'} and results.svg beside it")


if __name__ == "__main__":
    sys.exit(main())
