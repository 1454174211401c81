"""What is to be reached, and how far it is: each goal reads a part's samples. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.figures import Summary, Target, ratio, summary
from benchmarks.samples import Samples

Reading = Callable[[Samples], "Verdict | None"]


@dataclass(frozen=True)
class Verdict:
    """How far it is.

    Attributes:
        value: what is held against the target.
        against: what it was really compared with, such as the best of several; empty for a figure by itself.
    """

    value: Summary
    against: str = ""


@dataclass(frozen=True)
class Goal:
    """A row of the table of targets.

    Attributes:
        what: what of ours.
        against: what it is compared with.
        unit: "×" for a ratio.
        read: finds it in the samples; None if there are none.
    """

    what: str
    against: str
    target: Target
    read: Reading
    unit: str = "×"


def alone(contender: str, figure: str) -> Reading:
    """The figure by itself."""

    def read(samples: Samples) -> Verdict | None:
        found = summary(list(samples.rounds(contender, figure).values()))
        return Verdict(found) if found else None

    return read


def beside(
    ours: Sequence[str] | str, theirs: Sequence[str] | str, figure: str, *, best: Callable[..., str] = max
) -> Reading:
    """Our figure by theirs, each at its best: of several names the one with the best median is taken.

    Args:
        best: ``max`` where more is better, ``min`` where less is.
    """

    def read(samples: Samples) -> Verdict | None:
        mine, other = (_best(samples, names, figure, best) for names in (ours, theirs))
        if mine is None or other is None:
            return None
        found = ratio(samples.rounds(mine, figure), samples.rounds(other, figure))
        chosen = not isinstance(theirs, str) or theirs.endswith("*")
        return Verdict(found, other if chosen else "") if found else None

    return read


def _best(samples: Samples, names: Sequence[str] | str, figure: str, best: Callable[..., str]) -> str | None:
    """A name that ends in ``*`` stands for all that begin so."""
    wanted = [names] if isinstance(names, str) else names
    medians: dict[str, float] = {}
    for contender in samples.contenders():
        if any(contender.startswith(n[:-1]) if n.endswith("*") else contender == n for n in wanted):
            found = summary(list(samples.rounds(contender, figure).values()))
            if found:
                medians[contender] = found.median
    return best(medians, key=lambda name: medians[name]) if medians else None
