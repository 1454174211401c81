"""The text that updates add up to. Pure.

A pad is the sum of its updates, in any order, each once or twice: that is what makes it safe to append them without a
lock, to send them over a log, and to write without a network. The browser makes them with Yjs; pycrdt reads the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Final

import pycrdt

NAME: Final = "text"  # of the text in the document; static/pad.js calls it the same


class UpdateRefused(ValueError):
    """Bytes that no Yjs update consists of; stored, they would keep everybody from loading the text."""


def check(update: bytes) -> None:
    """Raises UpdateRefused for anything that a browser could not read."""
    # Room is made at once for as many writers as the first number says: a few bytes could ask for all of the memory.
    writers = _first_number(update)
    if writers > len(update):
        raise UpdateRefused(f"this is no update of a text: {len(update)} bytes cannot be of {writers:,} writers")
    try:
        pycrdt.Doc().apply_update(update)
    except ValueError as error:
        raise UpdateRefused(f"this is no update of a text: {error}") from error


def merge(updates: Sequence[bytes]) -> bytes:
    """One update that does what all of these do. It also keeps what waits for an earlier one that is not here yet."""
    return pycrdt.merge_updates(*updates) if updates else pycrdt.Doc().get_update()


def read(updates: Sequence[bytes]) -> str:
    """What stands there."""
    return str(_document(updates).get(NAME, type=pycrdt.Text))


def rewrite(updates: Sequence[bytes], text: str) -> bytes:
    """The update that makes ``text`` of what stands there. It touches only what is different, so that what others
    write meanwhile stays where it belongs."""
    document = _document(updates)
    before = document.get_state()
    shared = document.get(NAME, type=pycrdt.Text)
    start, end, new = _difference(str(shared), text)
    with document.transaction():
        del shared[start:end]
        shared.insert(start, new)
    return document.get_update(before)


def version(text: str) -> str:
    """A name for this very text: a form brings it back, so that it is seen when others wrote meanwhile."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _first_number(update: bytes) -> int:
    """Seven bits in each byte, the lowest first; the last byte is below 128."""
    number = 0
    for place, byte in enumerate(update[:10]):
        number |= (byte & 127) << 7 * place
        if byte < 128:
            break
    return number


def _document(updates: Sequence[bytes]) -> pycrdt.Doc[pycrdt.Text]:
    document: pycrdt.Doc[pycrdt.Text] = pycrdt.Doc()
    document.apply_update(merge(updates))
    return document


def _difference(old: str, new: str) -> tuple[int, int, str]:
    """What to replace, from and to, and by what. pycrdt counts in bytes of UTF-8."""
    head = _common(old, new)
    tail = _common(old[head:][::-1], new[head:][::-1])
    start = len(old[:head].encode())
    return start, start + len(old[head : len(old) - tail].encode()), new[head : len(new) - tail]


def _common(one: str, other: str) -> int:
    """With how many letters both begin."""
    return next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
