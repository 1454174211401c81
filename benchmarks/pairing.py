"""Who is measured when: round by round, all contenders in turn, so that what is compared ran side by side."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence

from benchmarks.errors import BenchmarkError
from benchmarks.parts import Contender
from benchmarks.samples import Sample, Samples

Append = Callable[[Sample], object]
Say = Callable[[str, int], object]


def missing(contenders: Sequence[Contender], samples: Samples, rounds: int) -> list[tuple[int, Contender]]:
    """What is still to be measured, in its order: A B C, A B C."""
    return [
        (number, contender)
        for number in range(1, rounds + 1)
        for contender in contenders
        if not samples.has(contender.name, number)
    ]


def measure(contenders: Sequence[Contender], samples: Samples, rounds: int, append: Append, say: Say) -> list[str]:
    """Measure what is missing. Who fails is left out from then on; the sentences that say so.

    Args:
        append: is given each sample at once.
        say: is told who comes next, and how many there are to come.
    """
    failed: dict[str, str] = {}
    todo = missing(contenders, samples, rounds)
    for done, (number, contender) in enumerate(todo):
        if contender.name in failed:
            continue
        say(f"{contender.name}, round {number} of {rounds}", len(todo) - done)
        sample = _measured(contender, number)
        append(sample)
        samples.add(sample)
        if sample.skipped:
            failed[contender.name] = sample.skipped
    return [f"{name}: {why}" for name, why in failed.items()]


def _measured(contender: Contender, number: int) -> Sample:
    load = os.getloadavg()[0]
    at = time.strftime("%Y-%m-%dT%H:%M:%S%z")
    try:
        values, skipped = dict(contender.run()), ""
    except BenchmarkError as error:
        values, skipped = {}, str(error)
    name, version, command, ours = contender.name, contender.version, contender.command, contender.ours
    return Sample(name, number, values, version, command, ours, skipped, at, round(load, 2))
