"""What is being done, for who waits: bars on a terminal (with rich, if it is there), elsewhere a line for each step."""

from __future__ import annotations

import sys
import time
from importlib.util import find_spec
from typing import Any, Protocol, Self


class Progress(Protocol):
    """1. a part begins; 2. it is known how many steps it has; 3. a step begins; 4. something is said meanwhile."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *how: object) -> None: ...

    def part(self, title: str) -> None: ...

    def steps(self, count: int) -> None: ...

    def step(self, text: str, left: int) -> None: ...

    def say(self, text: str) -> None: ...


def progress(parts: int) -> Progress:
    """For so many parts."""
    return _Bars(parts) if sys.stderr.isatty() and find_spec("rich") else _Lines(parts)


class _Lines:
    def __init__(self, parts: int) -> None:
        self._parts, self._part = parts, 0
        self._began = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *how: object) -> None:
        pass

    def part(self, title: str) -> None:
        self._part += 1
        self._print(f"[{self._part}/{self._parts}] {title}")

    def steps(self, count: int) -> None:
        self._print(f"    {count} to do")

    def step(self, text: str, left: int) -> None:
        self._print(f"    {left:3} to do: {text}")

    def say(self, text: str) -> None:
        self._print(f"        {text}")

    def _print(self, text: str) -> None:
        print(f"{time.monotonic() - self._began:6.0f} s  {text}", file=sys.stderr, flush=True)


class _Bars:
    def __init__(self, parts: int) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as Rich

        columns = (
            TextColumn("{task.description}"), BarColumn(bar_width=24), MofNCompleteColumn(), TimeElapsedColumn(),
            TextColumn("{task.fields[doing]}", style="dim"),
        )  # fmt: skip
        self._rich = Rich(*columns, console=Console(stderr=True))
        self._all: Any = self._rich.add_task("all parts", total=parts, doing="")
        self._one: Any = self._rich.add_task("", total=1, doing="", visible=False)
        self._begun = 0

    def __enter__(self) -> Self:
        self._rich.start()
        return self

    def __exit__(self, *how: object) -> None:
        self._rich.update(self._all, completed=self._begun)
        self._rich.stop()

    def part(self, title: str) -> None:
        self._rich.update(self._all, completed=self._begun)
        self._begun += 1
        self._rich.reset(self._one, total=None, description=title, doing="", visible=True)

    def steps(self, count: int) -> None:
        self._rich.update(self._one, total=max(count, 1))

    def step(self, text: str, left: int) -> None:
        total = self._rich.tasks[1].total or 1
        self._rich.update(self._one, completed=total - left, doing=text)

    def say(self, text: str) -> None:
        self._rich.update(self._one, doing=text)
