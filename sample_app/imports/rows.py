"""What a contact is, and whether four pieces of text are one. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Final, NamedTuple

COLUMNS: Final = ("name", "email", "amount", "date")
LONGEST_NAME: Final = 200
LONGEST_EMAIL: Final = 254  # RFC 5321

_EMAIL: Final = re.compile(r"[^@\s\"(),:;<>\[\]\\]{1,64}@(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.)+[^\W\d_]{2,63}")
_AMOUNT: Final = re.compile(r"-?[0-9]{1,10}(?:\.[0-9]{1,2})?")
_DATE: Final = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")


class Contact(NamedTuple):
    """A good row. ``line`` is the one that it begins on, counted from 1 as editors do."""

    line: int
    name: str
    email: str
    amount: Decimal
    day: date


class BadRow(NamedTuple):
    """A row that was left out: where it begins, why, and what stood there."""

    line: int
    reason: str
    source: str


class RowRefused(ValueError):
    """The row is no contact; the text says everything that is wrong with it, not only the first thing."""


def check_row(line: int, fields: Sequence[str]) -> Contact:
    """The contact that four fields, in the order of COLUMNS, say.

    Raises:
        RowRefused: they say none.
    """
    name, email, amount, day = fields
    name = " ".join(name.split())  # a line break inside quotes is no part of a name
    email = email.strip()
    when = _day(day.strip())
    wrong = _wrong_name(name) + _wrong_email(email)
    if not _AMOUNT.fullmatch(amount.strip()):
        wrong.append(f"the amount {_quote(amount)} is not a number like 1234.50")
    if when is None:
        wrong.append(f"the date {_quote(day)} is not a day like 2026-02-28")
    if wrong or when is None:
        raise RowRefused("; ".join(wrong))
    return Contact(line, name, email, Decimal(amount.strip()), when)


def _wrong_name(name: str) -> list[str]:
    if not name:
        return ["the name is missing"]
    if "\0" in name:
        return ["the name contains a zero byte"]
    if len(name) > LONGEST_NAME:
        return [f"the name has {len(name)} letters, and {LONGEST_NAME} is the most"]
    return []


def _wrong_email(email: str) -> list[str]:
    if not email:
        return ["the e-mail address is missing"]
    if len(email) > LONGEST_EMAIL or "\0" in email or not _EMAIL.fullmatch(email):
        return [f"{_quote(email)} is not an e-mail address"]
    return []


def _day(text: str) -> date | None:
    # date.fromisoformat also takes 20260228 and 2026-W09-6, which are more often a mistake than a date.
    parts = _DATE.fullmatch(text)
    if not parts:
        return None
    year, month, day = map(int, parts.groups())
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _quote(text: str) -> str:
    text = text.replace("\0", "␀").strip()
    return f"“{text[:60]}…”" if len(text) > 60 else f"“{text}”"
