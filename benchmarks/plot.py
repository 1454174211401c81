"""The figures as a picture: bars, in SVG, by hand. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from itertools import groupby

from benchmarks.figures import Figure, number

# In pixels. Labels stand left of the bars, values right of them.
_ROW, _BAR, _LABEL, _WIDE, _VALUE, _MARGIN = 24, 14, 330, 380, 130, 16
_OURS, _OTHER, _MISSED, _TARGET = "#2563eb", "#94a3b8", "#dc2626", "#111827"
_STYLE = "text{font:13px system-ui,sans-serif;fill:#111827}.h{font-weight:600}.v{fill:#374151}"


def svg(figures: Iterable[Figure]) -> str:
    """One bar a figure, by part; those of one part and unit share a scale. A black line is the target."""
    body: list[str] = []
    y = _MARGIN
    for part, group in groupby(figures, key=lambda figure: figure.part):
        rows = list(group)
        body.append(_text(_MARGIN, y + 14, part, "h"))
        y += _ROW
        for figure in rows:
            body += _row(figure, _longest(rows, figure.unit), y)
            y += _ROW
        y += _ROW // 2
    width, height = 2 * _MARGIN + _LABEL + _WIDE + _VALUE, y + _MARGIN
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">'
    return "\n".join([head, f"<style>{_STYLE}</style>", _rect(0, 0, width, height, "#ffffff"), *body, "</svg>\n"])


def _longest(rows: Sequence[Figure], unit: str) -> float:
    """What the whole width stands for."""
    same = [figure for figure in rows if figure.unit == unit]
    return max([figure.value for figure in same] + [figure.target.value for figure in same if figure.target] + [1e-9])


def _row(figure: Figure, longest: float, y: int) -> list[str]:
    left, scale = _MARGIN + _LABEL, _WIDE / longest
    color = _MISSED if figure.met is False else _OURS if figure.ours else _OTHER
    drawn = [
        _text(_MARGIN + 8, y + 12, figure.name, "l"),
        _rect(left, y, max(1.0, figure.value * scale), _BAR, color),
        _text(left + max(figure.value, figure.target.value if figure.target else 0) * scale + 6, y + 12,
              f"{number(figure.value)} {figure.unit}", "v"),
    ]  # fmt: skip
    if figure.target:
        drawn.append(_rect(left + figure.target.value * scale, y - 3, 2, _BAR + 6, _TARGET))
    return drawn


def _rect(x: float, y: float, width: float, height: float, color: str) -> str:
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{color}"/>'


def _text(x: float, y: float, text: str, kind: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}">{escape(text)}</text>'
