"""What was measured, and the table of it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any


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
class Figure:
    """One number.

    Attributes:
        part: which measurement it belongs to.
        name: what it is of.
        unit: short, as in "jobs/s"; "×" is a ratio.
        samples: the rounds that ``value`` is the median of, in their order.
        note: what a reader must know to read it rightly.
        ours: False for what ours is held against.
    """

    part: str
    name: str
    value: float
    unit: str
    samples: tuple[float, ...] = ()
    target: Target | None = None
    note: str = ""
    ours: bool = True

    @property
    def met(self) -> bool | None:
        """None where nothing is asked."""
        return None if self.target is None else self.target.met(self.value)

    def data(self) -> dict[str, Any]:
        """For JSON."""
        return {**asdict(self), "met": self.met}


def number(value: float) -> str:
    """Three figures that mean something: 31,400; 2.31; 0.94."""
    if abs(value) >= 1000:
        return f"{float(f'{value:.3g}'):,.0f}"
    if abs(value) >= 100:
        return f"{value:.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def table(figures: Iterable[Figure]) -> str:
    """Rows by part; beside each its spread, its target, and whether that was met."""
    lines: list[str] = []
    rows = [(figure, _cells(figure)) for figure in figures]
    widths = [max((len(cells[column]) for _, cells in rows), default=0) for column in range(4)]
    part = None
    for figure, cells in rows:
        if figure.part != part:
            part = figure.part
            lines += ["", part]
        name, value, spread, target = cells
        line = f"  {name:<{widths[0]}}  {value:>{widths[1]}}  {spread:<{widths[2]}}  {target:<{widths[3]}}"
        lines.append(f"{line}  {_VERDICT[figure.met]}".rstrip())
        if figure.note:
            lines.append(f"    {figure.note}")
    return "\n".join(lines[1:])


_VERDICT = {True: "met", False: "MISSED", None: ""}


def _cells(figure: Figure) -> tuple[str, str, str, str]:
    return figure.name, f"{number(figure.value)} {figure.unit}", _spread(figure.samples), str(figure.target or "")


def _spread(samples: Sequence[float]) -> str:
    return f"{number(min(samples))}–{number(max(samples))}" if len(samples) > 1 else ""


def percentile(values: Sequence[float], percent: float) -> float:
    """The value that so many percent are not above; of at least one value."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]
