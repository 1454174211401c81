"""What a measurement is, and who takes part in it: a file in ``measurements/`` holds one :class:`Part`."""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from importlib import import_module
from typing import Literal

from benchmarks.bench import Bench
from benchmarks.goals import Goal


@dataclass(frozen=True)
class Contender:
    """One who is measured.

    Attributes:
        run: measures it once: its values by figure.
        command: how it is set up, for who would do the same.
    """

    name: str
    run: Callable[[], Mapping[str, float]]
    version: str = ""
    command: str = ""
    ours: bool = False


@dataclass(frozen=True)
class Column:
    """A figure. ``better`` is where it should go."""

    name: str
    title: str
    unit: str
    better: Literal["more", "less"]


@dataclass(frozen=True)
class Part:
    """One measurement.

    Attributes:
        name: for ``ONLY=``, and for its file of results.
        title: in the document.
        about: what is measured, and what keeps it fair: a paragraph.
        columns: the figures; the first is drawn.
        open: sets up what all rounds share, and gives the contenders.
        goals: what is to be reached.
        quick, full: so many rounds.
    """

    name: str
    title: str
    about: str
    columns: Sequence[Column]
    open: Callable[[Bench], AbstractContextManager[list[Contender]]]
    goals: Sequence[Goal] = ()
    quick: int = 1
    full: int = 5


# In the order of the document; what a file adds beside them comes after.
_ORDER = (
    "drain", "waits", "push_one", "push_threads", "push_many", "latency", "completion", "held", "fanout", "backlog",
    "xmin", "idle", "imports", "resident",
)  # fmt: skip


def parts() -> dict[str, Part]:
    """All that there are, by name."""
    from benchmarks import measurements

    names = [module.name for module in pkgutil.iter_modules(measurements.__path__)]
    found = [import_module(f"benchmarks.measurements.{name}") for name in names]
    known = {module.PART.name: module.PART for module in found if hasattr(module, "PART")}
    ranks = {name: rank for rank, name in enumerate(_ORDER)}
    return dict(sorted(known.items(), key=lambda item: (ranks.get(item[0], len(ranks)), item[0])))
