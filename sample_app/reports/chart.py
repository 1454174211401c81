"""The report's chart as an SVG picture. Pure: geometry here, marks in ``templates/chart.svg``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sample_app.reports.figures import Figures

WIDTH: Final = 720
LEFT: Final = 64  # room for the numbers on the axis
PANEL: Final = 150  # height of one of the two panels, in user units as everything here
_MOST_LABELS: Final = 8


@dataclass(frozen=True)
class Tick:
    """A line across a panel and the number beside it."""

    y: float
    label: str


@dataclass(frozen=True)
class Mark:
    """One month: its column in the upper panel, its point and whisker in the lower one."""

    name: str
    x: float
    width: float
    top: float
    height: float
    middle: float
    median: float
    low: float
    high: float
    tip: str
    label: str


@dataclass(frozen=True)
class Chart:
    """Everything the template draws."""

    marks: list[Mark]
    totals: list[Tick]
    medians: list[Tick]


def lay_out(months: Sequence[Figures]) -> Chart:
    """Where everything goes. ``months`` in order of time, not empty."""
    most_total = _round_up(max(1, *(month.total for month in months)))
    most_median = _round_up(max(1, *(month.median_high for month in months)))
    step = (WIDTH - LEFT) / len(months)
    each_label = -(-len(months) // _MOST_LABELS)
    marks = []
    for number, month in enumerate(months):
        x = LEFT + number * step
        height = max(month.total, 0) / most_total * PANEL
        marks.append(
            Mark(
                name=month.name,
                x=round(x + step * 0.15, 1),
                width=round(step * 0.7, 1),
                top=round(PANEL - height, 1),
                height=round(height, 1),
                middle=round(x + step / 2, 1),
                median=_up(month.median, most_median),
                low=_up(month.median_low, most_median),
                high=_up(month.median_high, most_median),
                tip=_tip(month),
                label=month.name if number % each_label == 0 else "",
            )
        )
    return Chart(marks, _ticks(most_total), _ticks(most_median))


def _tip(month: Figures) -> str:
    return f"{month.name}: {month.count:,} rows, total {month.total / 100:,.2f}, median {month.median / 100:,.2f}"


def _up(value: int, most: int) -> float:
    return round(PANEL - max(value, 0) / most * PANEL, 1)


def _ticks(most: int) -> list[Tick]:
    return [Tick(_up(most * part // 4, most), _short(most * part // 4)) for part in range(5)]


def _round_up(cents: int) -> int:
    """The next round number of cents that four parts divide into readable ones."""
    unit = 1
    while True:
        for factor in (1, 2, 4, 8):
            if cents <= unit * factor:
                return unit * factor
        unit *= 10


def _short(cents: int) -> str:
    """``1.2 M``, ``800 k``, ``40``: what fits beside an axis."""
    value = cents / 100
    for size, letter in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if value >= size:
            return f"{value / size:g}{letter}"
    return f"{value:g}"
