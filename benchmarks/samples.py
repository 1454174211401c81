"""What was measured: one line of JSON a sample, kept in .bench/results, so that a run can be broken off and go on."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Sample:
    """What one contender showed in one round.

    Attributes:
        round: from 1. Those of one round were measured one after the other: they are a pair.
        values: by figure, such as ``{"rate": 51234.0}``; empty if it was left out.
        skipped: why it was left out; empty if it was not.
        at: when, ISO 8601.
        load: the machine's load average before it, of one minute.
    """

    contender: str
    round: int
    values: Mapping[str, float]
    version: str = ""
    command: str = ""
    ours: bool = False
    skipped: str = ""
    at: str = ""
    load: float = field(default=0.0)


class Samples:
    """Those of one part, in the order in which they came."""

    def __init__(self, samples: list[Sample] | None = None) -> None:
        self._samples = samples or []

    def __iter__(self) -> Iterator[Sample]:
        return iter(self._samples)

    def __len__(self) -> int:
        return len(self._samples)

    def add(self, sample: Sample) -> None:
        """One more."""
        self._samples.append(sample)

    def contenders(self) -> list[str]:
        """Who was measured, in the order in which they first were."""
        return list(dict.fromkeys(sample.contender for sample in self._samples if sample.values))

    def skipped(self) -> dict[str, str]:
        """Who was never measured, and why."""
        measured = set(self.contenders())
        return {s.contender: s.skipped for s in self._samples if s.skipped and s.contender not in measured}

    def last(self, contender: str) -> Sample | None:
        """The contender's latest."""
        return next((s for s in reversed(self._samples) if s.contender == contender and s.values), None)

    def rounds(self, contender: str, figure: str) -> dict[int, float]:
        """The contender's values by round."""
        return {s.round: s.values[figure] for s in self._samples if s.contender == contender and figure in s.values}

    def has(self, contender: str, number: int) -> bool:
        """Whether it was measured in that round."""
        return any(s.contender == contender and s.round == number and s.values for s in self._samples)


class Ledger:
    """The files: one for each part.

    Args:
        folder: where they are; made when the first line is written.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, part: str) -> Samples:
        """All that was measured of a part. A line that was cut off by a crash is left out."""
        try:
            lines = self._file(part).read_text().splitlines()
        except FileNotFoundError:
            return Samples()
        return Samples([sample for line in lines if (sample := _read(line))])

    def append(self, part: str, sample: Sample) -> None:
        """Write a sample down, durably."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with self._file(part).open("a") as file:
            file.write(json.dumps(asdict(sample), ensure_ascii=False) + "\n")
            file.flush()
            os.fsync(file.fileno())

    def forget(self, part: str) -> None:
        """Begin anew."""
        self._file(part).unlink(missing_ok=True)

    def _file(self, part: str) -> Path:
        return self._folder / f"{part}.jsonl"


def _read(line: str) -> Sample | None:
    try:
        return Sample(**json.loads(line))
    except (ValueError, TypeError):
        return None
