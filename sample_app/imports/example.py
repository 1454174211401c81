"""An example file of any length with exactly so many bad rows, the same bytes every time."""

from __future__ import annotations

import csv
import io
import random
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import Final

from sample_app.imports.rows import COLUMNS
from sample_app.people import person

MOST_ROWS: Final = 1_000_000
_FIRST_DAY: Final = date(2024, 1, 1)
_CHUNK: Final = 500  # rows; a chunk of some 25 KB is worth a packet and no memory

Fields = list[str]

# Every way of being wrong that the importer reports; each is wrong whatever the rest of the row says.
_SPOIL: Final[tuple[Callable[[Fields], Fields], ...]] = (
    lambda row: ["", *row[1:]],
    lambda row: [row[0], row[1].replace("@", " at "), *row[2:]],
    lambda row: [*row[:2], row[2].replace(".", ","), row[3]],
    lambda row: [*row[:3], row[3][:4] + "-02-30"],
    lambda row: row[:3],
    lambda row: [*row, "and one more"],
    lambda row: [row[0], "", "free", "tomorrow"],
)


def example_csv(rows: int, bad: int) -> Iterator[bytes]:
    """The file, in chunks. The bad rows are spread evenly over it."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    dice = random.Random(0)  # noqa: S311 - the same file every time is the point
    spoiled = 0
    for number in range(rows):
        fields = _good_row(number, dice)
        if (number + 1) * bad // rows > spoiled:
            fields = _SPOIL[spoiled % len(_SPOIL)](fields)
            spoiled += 1
        writer.writerow(fields)
        if number % _CHUNK == _CHUNK - 1:
            yield _take(text)
    yield _take(text)


def _good_row(number: int, dice: random.Random) -> Fields:
    name, email = person(number)
    day = _FIRST_DAY + timedelta(days=int(dice.triangular(0, 730, 600)))  # business grows
    amount = dice.lognormvariate(3.6 + number % 7 * 0.1, 0.8)  # most are small, a few are large; domains differ
    return [name, email, f"{amount:.2f}", day.isoformat()]


def _take(text: io.StringIO) -> bytes:
    chunk = text.getvalue().encode()
    text.seek(0)
    text.truncate()
    return chunk
