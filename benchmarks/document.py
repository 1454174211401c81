"""docs/performance.md and its pictures, of all that was measured. Pure, but for writing the files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from benchmarks import machine, plot
from benchmarks.figures import number, spread, summary
from benchmarks.goals import Goal
from benchmarks.parts import Column, Part
from benchmarks.samples import Ledger, Samples

_NOTES = Path(__file__).with_name("notes")
_HEAD = """\
# Performance

Written by `make bench`: what is to be edited are the notes in [`benchmarks/notes`](../benchmarks/notes), which are
shown here. How it is measured, and how to add to it: [benchmarks.md](benchmarks.md).

A figure alone says little: it is this machine's. What counts is the ratio to something that was measured beside it, in
turn, in the same rounds (A B A B), on the same PostgreSQL, with `fsync` and `synchronous_commit` on and no tuning. A
ratio is the median of the rounds' own ratios; the least and the most stand behind it.
"""


_QUICK = """\

**This is the quick form, a first impression: fewer jobs, polls, seconds and rounds than the texts say; the commands
have the numbers.**
"""


def write(folder: Path, parts: Iterable[Part], ledger: Ledger, quick: bool = False) -> Path:
    """Write the page, and a picture for each part beside it, under ``performance/``."""
    pictures = folder / "performance"
    pictures.mkdir(parents=True, exist_ok=True)
    known = list(parts)
    for part in known:
        samples = ledger.read(part.name)
        if samples.contenders():
            (pictures / f"{part.name}.svg").write_text(plot.svg(part, samples))
    page = folder / "performance.md"
    page.write_text(text(known, ledger, quick))
    return page


def text(parts: Sequence[Part], ledger: Ledger, quick: bool = False) -> str:
    """The page."""
    read = [(part, ledger.read(part.name)) for part in parts]
    machine_is = machine.described([sample for _, samples in read for sample in samples])
    lines = [_HEAD + (_QUICK if quick else ""), machine_is, ""]
    lines += ["## What is to be reached", "", *_goals(read), ""]
    for part, samples in read:
        lines += _part(part, samples)
    return "\n".join(lines).rstrip() + "\n"


def table(parts: Iterable[Part], ledger: Ledger) -> str:
    """For a terminal: what was to be reached."""
    rows = [row for part in parts for row in _rows(part, ledger.read(part.name)) if row[3] != _NOT_YET]
    widths = [max((len(row[column]) for row in rows), default=0) for column in range(6)]
    padded = ([cell.ljust(width) for cell, width in zip(row, widths, strict=True)] for row in rows)
    return "\n".join("  ".join(cells).rstrip() for cells in padded)


_NOT_YET = "not measured"


def _goals(read: Sequence[tuple[Part, Samples]]) -> Iterator[str]:
    yield "| what | against | to reach | measured | rounds | |"
    yield "|---|---|---|---|---|---|"
    for part, samples in read:
        for what, against, target, value, rounds, verdict in _rows(part, samples):
            shown = f"**{verdict}**" if verdict == "missed" else verdict
            yield f"| [{what}](#{part.name}) | {against} | {target} | {value} | {rounds} | {shown} |"


def _rows(part: Part, samples: Samples) -> Iterator[tuple[str, str, str, str, str, str]]:
    for goal in part.goals:
        yield _row(goal, samples)


def _row(goal: Goal, samples: Samples) -> tuple[str, str, str, str, str, str]:
    unit = goal.unit if goal.unit == "×" else f" {goal.unit}"
    target = f"{goal.target}{unit}"
    verdict = goal.read(samples)
    if verdict is None:
        return goal.what, goal.against, target, _NOT_YET, "", ""
    found = verdict.value
    against = f"{goal.against}: {verdict.against}" if verdict.against else goal.against
    value = f"{number(found.median)}{unit}" + (f" ({spread(found)})" if found.rounds > 1 else "")
    return goal.what, against, target, value, str(found.rounds), "met" if goal.target.met(found.median) else "missed"


def _part(part: Part, samples: Samples) -> Iterator[str]:
    yield f'<a id="{part.name}"></a>\n\n## {part.title}\n\n{part.about}\n'
    if samples.contenders():
        yield f"![{part.title}](performance/{part.name}.svg)\n"
        yield from _figures(part, samples)
        yield from _commands(samples)
    for name, why in samples.skipped().items():
        yield f"- {name} is left out: {why}"
    note = _NOTES / f"{part.name}.md"
    if note.exists():
        yield f"\n{note.read_text().strip()}\n"
    yield ""


def _figures(part: Part, samples: Samples) -> Iterator[str]:
    yield "| | " + " | ".join(column.title for column in part.columns) + " | rounds |"
    yield "|---|" + "---:|" * (len(part.columns) + 1)
    for contender in samples.contenders():
        last = samples.last(contender)
        name = f"**{contender}**" if last and last.ours else contender
        cells = [_cell(samples, contender, column) for column in part.columns]
        rounds = max(len(samples.rounds(contender, column.name)) for column in part.columns)
        yield f"| {name} | " + " | ".join(cells) + f" | {rounds} |"
    yield ""


def _cell(samples: Samples, contender: str, column: Column) -> str:
    found = summary(list(samples.rounds(contender, column.name).values()))
    if found is None:
        return ""
    unit = f" {column.unit}" if column.unit and not column.unit.startswith("/") else column.unit
    return f"{number(found.median)}{unit}" + (f" ({spread(found)})" if found.rounds > 1 else "")


def _commands(samples: Samples) -> Iterator[str]:
    yield "<details><summary>versions and commands</summary>\n"
    for contender in samples.contenders():
        last = samples.last(contender)
        if last and (last.version or last.command):
            command = f": `{last.command}`" if last.command else ""
            yield f"- {contender} {last.version}{command}"
    yield "\n</details>\n"
