"""A part's figures as a picture: bars with their spread, in SVG, by hand. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from benchmarks.figures import Summary, number, summary
from benchmarks.parts import Column, Part
from benchmarks.samples import Samples

# In pixels. Labels stand left of the bars, values right of them.
_ROW, _BAR, _LABEL, _WIDE, _VALUE, _MARGIN = 24, 14, 300, 400, 110, 16
_OURS, _OTHER, _SPREAD = "#2563eb", "#94a3b8", "#111827"
_STYLE = "text{font:13px system-ui,sans-serif;fill:#111827}.h{font-weight:600}.v{fill:#374151}"


def svg(part: Part, samples: Samples) -> str:
    """A block for each figure that was measured; a bar for each contender, the best first; a line is the spread."""
    body: list[str] = []
    y = _MARGIN
    for column in part.columns:
        rows = _rows(column, samples)
        if not rows:
            continue
        better = "more is better" if column.better == "more" else "less is better"
        body.append(_text(_MARGIN, y + 14, f"{part.title}: {column.title} – {better}", "h"))
        y += _ROW
        longest = max([found.most for _, found, _ in rows] + [1e-9])
        for name, found, ours in rows:
            body += _bar(name, found, column.unit, ours, _WIDE / longest, y)
            y += _ROW
        y += _ROW // 2
    width, height = 2 * _MARGIN + _LABEL + _WIDE + _VALUE, y + _MARGIN
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">'
    return "\n".join([head, f"<style>{_STYLE}</style>", _rect(0, 0, width, height, "#ffffff"), *body, "</svg>\n"])


def _rows(column: Column, samples: Samples) -> Sequence[tuple[str, Summary, bool]]:
    rows = []
    for contender in samples.contenders():
        found = summary(list(samples.rounds(contender, column.name).values()))
        last = samples.last(contender)
        if found and last:
            rows.append((contender, found, last.ours))
    return sorted(rows, key=lambda row: row[1].median, reverse=column.better == "more")


def _bar(name: str, found: Summary, unit: str, ours: bool, scale: float, y: int) -> list[str]:
    left, middle = _MARGIN + _LABEL, y + _BAR / 2
    gap = "" if unit.startswith("/") else " "
    drawn = [
        _text(_MARGIN + 8, y + 12, name, "l"),
        _rect(left, y, max(1.0, found.median * scale), _BAR, _OURS if ours else _OTHER),
        _text(left + found.most * scale + 6, y + 12, f"{number(found.median)}{gap}{unit}", "v"),
    ]
    if found.rounds > 1:
        drawn.append(_rect(left + found.least * scale, middle - 0.5, (found.most - found.least) * scale, 1.5, _SPREAD))
    return drawn


def _rect(x: float, y: float, width: float, height: float, color: str) -> str:
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{color}"/>'


def _text(x: float, y: float, text: str, kind: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}">{escape(text)}</text>'
