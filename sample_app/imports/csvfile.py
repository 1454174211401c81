"""From bytes to contacts and bad rows, row by row: a file of any size, a memory of one row. Pure."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from typing import BinaryIO, Final, NamedTuple

from sample_app.imports.rows import COLUMNS, BadRow, Contact, RowRefused, check_row

# A row this long is an unclosed quote or no CSV at all; reading on would hold the rest of the file in memory.
LONGEST_ROW: Final = 1_000_000
_BOM: Final = b"\xef\xbb\xbf"


class FileRefused(ValueError):
    """Not one row of the file can be read; the sentence says what to do about it."""


class Head(NamedTuple):
    """What the first line says: how the columns are separated, how many there are, where ours stand among them."""

    delimiter: str
    width: int
    places: tuple[int, ...]


def read_head(file: BinaryIO) -> Head:
    """Read the first line.

    Raises:
        FileRefused: empty, not text, not UTF-8, or without the four columns.
    """
    line = file.readline(LONGEST_ROW)
    if not line:
        raise FileRefused("The file is empty: its first line must name the columns " + _names(COLUMNS) + ".")
    if line.startswith(b"PK\x03\x04"):
        raise FileRefused('This is an Excel workbook (or another ZIP file), not a CSV file: save it as "CSV UTF-8".')
    if line.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise FileRefused('The file is encoded as UTF-16: save it as "CSV UTF-8" and upload it again.')
    if b"\0" in line:
        raise FileRefused("This is not a text file: there are zero bytes in its first line.")
    try:
        text = line.removeprefix(_BOM).decode()
    except UnicodeDecodeError:
        raise FileRefused('The file is not encoded as UTF-8: save it as "CSV UTF-8" and upload it again.') from None
    return _parse_head(text)


def read_rows(file: BinaryIO) -> Iterator[Contact | BadRow]:
    """Every row of the file, good or bad, in the order of the file. Blank lines are passed over.

    Raises:
        FileRefused: from the first step on, see :func:`read_head`.
    """
    head = read_head(file)
    lines = _Lines(file)
    # strict: an unclosed or half-closed quote is reported instead of guessed at.
    reader = csv.reader(lines, delimiter=head.delimiter, strict=True)
    while True:
        start = lines.begin_row()
        try:
            fields = next(reader)
            if fields:
                yield _row(start, fields, head, lines)
        except csv.Error as error:
            if lines.too_long:
                break
            # The reader forgets the broken row and goes on with the next line.
            yield BadRow(start, _explain(error, start, lines.number), lines.source())
        except RowRefused as refused:
            yield BadRow(start, str(refused), lines.source())
        except StopIteration:
            break
    if lines.too_long:
        reason = f"is longer than {LONGEST_ROW:,} bytes (is a quote not closed?); nothing after it was read"
        yield BadRow(start, reason, lines.source())


class _Lines:
    """The file's lines as text, and what the row being read has consumed of them."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._row: list[str] = []
        self._room = LONGEST_ROW
        self.number = 1  # the head has been read
        self.strange_byte: int | None = None
        self.too_long = False

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._file.readline(self._room + 1)
        self._room -= len(line)
        self.too_long = self._room < 0
        if not line or self.too_long:
            raise StopIteration
        self.number += 1
        try:
            text = line.decode()
        except UnicodeDecodeError as error:
            self.strange_byte = line[error.start]
            text = line.decode("cp1252", errors="replace")  # most likely what was meant; only shown, never imported
        self._row.append(text)
        return text

    def begin_row(self) -> int:
        """Forget the row before; returns the number of the line that the next one begins on."""
        self._row.clear()
        self._room = LONGEST_ROW
        self.strange_byte = None
        return self.number + 1

    def source(self) -> str:
        return "".join(self._row).rstrip("\r\n")


def _row(line: int, fields: list[str], head: Head, lines: _Lines) -> Contact:
    if lines.strange_byte is not None:
        raise RowRefused(f'the byte 0x{lines.strange_byte:02X} is not UTF-8: save the file as "CSV UTF-8"')
    if len(fields) != head.width:
        raise RowRefused(f"has {_count(len(fields), 'column')} where the first line names {head.width}")
    return check_row(line, [fields[place] for place in head.places])


def _parse_head(text: str) -> Head:
    delimiter = max(",;\t", key=text.count)  # a spreadsheet writes ; or tabs where the comma is the decimal point
    try:
        names = [name.strip().lower() for name in next(csv.reader([text], delimiter=delimiter, strict=True), [])]
    except csv.Error as error:
        raise FileRefused(f"The first line cannot be read as CSV: {error}.") from None
    missing = [column for column in COLUMNS if column not in names]
    if missing:
        verb = "is" if len(missing) == 1 else "are"
        raise FileRefused(
            f"The first line must name the columns {_names(COLUMNS)}, in any order; {_names(missing)} {verb} missing."
        )
    return Head(delimiter, len(names), tuple(names.index(column) for column in COLUMNS))


def _explain(error: csv.Error, first: int, last: int) -> str:
    text = str(error)
    if "unexpected end of data" in text or "field larger" in text:
        return f"opens a quote that is never closed, and swallows everything up to line {last}"
    if "expected after" in text:
        return "goes on after a closing quote; write a quote inside quotes twice"
    return f"cannot be read as CSV: {text}"


def _names(columns: tuple[str, ...] | list[str]) -> str:
    head, last = ", ".join(columns[:-1]), columns[-1]
    return f"{head} and {last}" if head else last


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")
