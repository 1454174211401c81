"""How the commands speak: by rich where somebody looks at a terminal, in plain lines everywhere else.

rich comes with ``queueapi[cli]``. Without it a terminal gets the plain lines as well; nothing is missing from them.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from queueapi.tables import Table

# A screen is drawn anew so often, in seconds, unless --watch says otherwise.
WATCH = 2.0


def is_rich() -> bool:
    """Whether standard output is a terminal, and rich is there to draw on it."""
    if not sys.stdout.isatty():
        return False
    try:
        import rich.console  # noqa: F401
    except ImportError:
        return False
    return True


def show(*tables: Table) -> None:
    """Print the tables, an empty line between two."""
    if is_rich():
        from rich.console import Console

        Console(highlight=False).print(_drawn(tables))
    else:
        print("\n\n".join(map(str, tables)))


def watch(every: float, look: Callable[[], Iterable[Table]]) -> None:
    """Show what ``look`` gives, again and again, until Ctrl-C."""
    if not is_rich():
        while True:
            print("\n\n".join(map(str, look())), end="\n\n", flush=True)
            time.sleep(every)
    from rich.live import Live

    with Live(_drawn(look()), screen=True, auto_refresh=False, vertical_overflow="crop") as live:
        while True:
            time.sleep(every)
            live.update(_drawn(look()), refresh=True)


@contextmanager
def counting(doing: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
    """A bar for something long: call what it gives with how many more are done. Nothing but on a terminal."""
    if not is_rich():
        yield lambda _: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = [TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()]
    with Progress(*columns, transient=True) as progress:
        task = progress.add_task(doing, total=total)
        yield lambda more: progress.advance(task, more)


def confirmed(question: str) -> bool:
    """Whether a person says yes. Where none can be asked, nobody has."""
    if not sys.stdin.isatty():
        return False
    try:
        return input(f"{question} [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:
        return False


def _drawn(tables: Iterable[Table]) -> Any:
    from rich.console import Group
    from rich.table import Table as Drawn
    from rich.text import Text

    parts: list[Any] = []
    for table in tables:
        parts.append(Text(""))
        if not table.rows:
            parts.append(Text(table.empty, style="dim"))
            continue
        drawn = Drawn(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
        for head, right in zip(table.head, table.right, strict=True):
            if head == "progress":  # a job may say a lot, and says something else in a moment
                drawn.add_column(head, overflow="ellipsis", no_wrap=True)
            else:
                drawn.add_column(head, justify="right" if right else "left", overflow="fold", no_wrap=right)
        for row in table.rows:
            drawn.add_row(*(Text(cell, style=_style(head, cell)) for head, cell in zip(table.head, row, strict=True)))
        parts.append(drawn)
    return Group(*parts[1:])


def _style(head: str, cell: str) -> str:
    if cell in ("0", "–"):
        return "dim"
    if head in ("dead", "died of", "error"):
        return "red"
    if cell.startswith(("silent", "paused")) or cell.endswith("(paused)"):
        return "yellow"
    return "green" if head in ("running", "progress") else ""
