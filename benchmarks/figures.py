"""Numbers: medians, spreads, ratios of pairs, targets, and how they are written. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Target:
    """What a figure should be. ``at_least`` False means at most."""

    value: float
    at_least: bool = True

    def met(self, value: float) -> bool:
        """Whether that is good enough."""
        return value >= self.value if self.at_least else value <= self.value

    def __str__(self) -> str:
        return f"{'≥' if self.at_least else '≤'} {self.value:g}"


@dataclass(frozen=True)
class Summary:
    """Of several rounds: the median, the least and the most, and how many there were."""

    median: float
    least: float
    most: float
    rounds: int


def summary(values: Sequence[float]) -> Summary | None:
    """None of no values."""
    return Summary(statistics.median(values), min(values), max(values), len(values)) if values else None


def ratio(ours: Mapping[int, float], theirs: Mapping[int, float]) -> Summary | None:
    """Of the rounds in which both were measured, each round's ratio by itself: what slowed down a whole round, such as
    a neighbour on the machine, slowed down both. None if there is no such round.
    """
    return summary([ours[number] / theirs[number] for number in sorted(ours.keys() & theirs.keys()) if theirs[number]])


def percentile(values: Sequence[float], percent: float) -> float:
    """The value that so many percent are not above; of at least one value."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


def number(value: float) -> str:
    """Three figures that mean something: 31,400; 2.31; 0.94."""
    if abs(value) >= 1000:
        return f"{float(f'{value:.3g}'):,.0f}"
    if abs(value) >= 100:
        return f"{value:.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def spread(summary: Summary) -> str:
    """From the least to the most; empty of one round."""
    return f"{number(summary.least)}–{number(summary.most)}" if summary.rounds > 1 else ""
