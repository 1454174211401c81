"""The report's figures: groups of amounts, and what can be said of each. Pure.

Amounts are whole cents from end to end: an array of integers holds a million of them in 8 MB, and sums stay exact.
"""

from __future__ import annotations

import random
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Final

# How often the rows are drawn again to see how far their median could have come out otherwise. 200 is the usual
# least number for an interval; it is also what makes this job long: 200 times all the rows.
RESAMPLES: Final = 200


@dataclass(frozen=True)
class Figures:
    """One group's line in the report; money in cents."""

    name: str
    count: int
    total: int
    median: int
    p95: int
    median_low: int  # 95 of 100 times the true median lies between these two
    median_high: int


@dataclass
class Groups:
    """Amounts by month and by domain of the address, gathered row by row."""

    months: dict[str, array[int]] = field(default_factory=dict)
    domains: dict[str, array[int]] = field(default_factory=dict)
    rows: int = 0

    def add(self, day: date, email: str, amount: Decimal) -> None:
        cents = int(amount * 100)
        self.months.setdefault(f"{day:%Y-%m}", array("q")).append(cents)
        self.domains.setdefault(email.rpartition("@")[2].lower(), array("q")).append(cents)
        self.rows += 1

    def largest_domains(self, limit: int) -> list[str]:
        """The domains with most rows; with equal numbers, in the order of the alphabet."""
        return sorted(self.domains, key=lambda name: (-len(self.domains[name]), name))[:limit]


def describe(name: str, amounts: Sequence[int], breathe: Callable[[], None] = lambda: None) -> Figures:
    """The figures of one group, which must not be empty. ``breathe`` is called between the resamples."""
    ordered = sorted(amounts)
    medians = sorted(_resampled_medians(name, ordered, breathe))
    return Figures(
        name=name,
        count=len(ordered),
        total=sum(ordered),
        median=percentile(ordered, 50),
        p95=percentile(ordered, 95),
        median_low=percentile(medians, 2.5),
        median_high=percentile(medians, 97.5),
    )


def percentile(ordered: Sequence[int], percent: float) -> int:
    """The value below which so many percent of the ordered values lie; between two values, in proportion."""
    place = (len(ordered) - 1) * percent / 100
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return round(ordered[below] + (ordered[above] - ordered[below]) * (place - below))


def _resampled_medians(name: str, amounts: Sequence[int], breathe: Callable[[], None]) -> Iterator[int]:
    dice = random.Random(name)  # noqa: S311 - the same report over the same rows
    for _ in range(RESAMPLES):
        yield percentile(sorted(dice.choices(amounts, k=len(amounts))), 50)
        breathe()
