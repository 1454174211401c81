"""A part with samples, for the tests of what is written of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.bench import Bench
from benchmarks.figures import Target
from benchmarks.goals import Goal, beside
from benchmarks.parts import Column, Contender, Part
from benchmarks.samples import Ledger, Sample


@contextmanager
def _open(bench: Bench) -> Iterator[list[Contender]]:
    yield []


PART = Part(
    name="drain",
    title="Drain",
    about="What is measured.",
    columns=(Column("rate", "jobs a second", "/s", "more"), Column("p99", "p99", "ms", "less")),
    open=_open,
    goals=(
        Goal("drain", "the best other", Target(2.5), beside("queueapi", "a & b*", "rate")),
        Goal("drain again", "the best other", Target(1.5), beside("queueapi", "a & b*", "rate")),
        Goal("another", "nobody", Target(1.0), beside("queueapi", "absent", "rate")),
    ),
)


def ledger(folder: Path) -> Ledger:
    """Two rounds of ours and of another, and one who was left out."""
    made = Ledger(folder)
    for number, (ours, theirs) in enumerate([(50_000.0, 25_000.0), (40_000.0, 20_000.0)], 1):
        made.append(
            "drain", Sample("queueapi", number, {"rate": ours, "p99": 2.0}, "0.1.0", "queueapi-work -c 20", True)
        )
        made.append("drain", Sample("a & b × 2", number, {"rate": theirs}, "1.2", "a work"))
    made.append("drain", Sample("gone", 0, {}, skipped="there is no npm here"))
    return made
