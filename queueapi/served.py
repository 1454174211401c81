"""Which queues a worker serves: the words of ``-q`` and QUEUES, read once and checked. Pure.

Every word is a name, a pattern with ``*`` or ``?``, or either behind ``!``; and a name or pattern may have a weight.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final, NamedTuple, Self

from queueapi.errors import SettingsError
from queueapi.names import checked_name

_PATTERN: Final = re.compile(r"[A-Za-z0-9_.:<>*?-]{1,200}", re.ASCII)
HEAVIEST: Final = 1_000
# What ``queueapi bench`` pushes is for its own workers: no pattern of anybody's matches it.
SCRATCH: Final = "queueapi.bench."


class Served(NamedTuple):
    """One word.

    Attributes:
        name: of a queue, or a pattern.
        weight: None if none was given.
        excluded: it said what not to serve.
    """

    name: str
    weight: int | None = None
    excluded: bool = False

    @classmethod
    def read(cls, word: str) -> Self:
        """The word, checked.

        Raises:
            SettingsError: it is none.
        """
        excluded = word.startswith("!")
        name, equals, number = word.removeprefix("!").partition("=")
        weight = _weight(word, number) if equals else None
        if excluded and equals:
            raise SettingsError(f"{word!r} says which queue not to serve, and so can have no weight")
        if "*" in name or "?" in name:
            if not _PATTERN.fullmatch(name):
                raise SettingsError(
                    f"{name!r} cannot be a pattern for queues: use what their names may have (letters, digits, and "
                    "_ . : < > -), with * for any signs and ? for one"
                )
        else:
            checked_name("queue", name)
        return cls(name, weight, excluded)

    @property
    def glob(self) -> bool:
        """Whether it is a pattern."""
        return "*" in self.name or "?" in self.name

    @property
    def regex(self) -> str:
        """The same for Python and for PostgreSQL; a name is a pattern that matches itself."""
        return self.name.replace(".", r"\.").replace("*", ".*").replace("?", ".")


class Serving:
    """All words together.

    Attributes:
        chosen: what to serve, in the order given; everything, if only what not to serve was said.
        names: those of it that are names, and no patterns.
        pattern: a regular expression for the rest, in words that Python and PostgreSQL both understand; or None.
        weighted: whether a weight was given to any.
    """

    def __init__(self, words: Iterable[str]) -> None:
        read = [Served.read(word) for word in words]
        if not read:
            raise SettingsError("name a queue at least")
        for one in read:
            if [other.name for other in read].count(one.name) > 1:
                raise SettingsError(f"the queue {one.name!r} is named twice: once is enough")
        excluded = [one for one in read if one.excluded]
        self.chosen = [one for one in read if not one.excluded] or [Served("*")]
        self.names = [one.name for one in self.chosen if not one.glob]
        self.weighted = any(one.weight for one in self.chosen)
        globs = [one for one in self.chosen if one.glob]
        self.pattern = _pattern(globs, excluded) if globs else None
        self._check(excluded)

    def _check(self, excluded: list[Served]) -> None:
        for name in self.names:
            for one in excluded:
                if re.fullmatch(one.regex, name):
                    raise SettingsError(
                        f"the queue {name!r} is to be served, and by {one.name!r} behind ! is not to be: say which"
                    )


def words(text: str) -> tuple[str, ...]:
    """The words of a list with commas. After a comma a whole number is the weight of the name before it.

    So ``critical,2,default,1`` is ``critical=2,default=1``. A queue whose name is a number stands first or alone, or
    has its weight: ``7=1``.
    """
    found: list[str] = []
    for part in (part.strip() for part in text.split(",")):
        if part.isdecimal() and found and "=" not in found[-1]:
            found[-1] = f"{found[-1]}={part}"
        else:
            found.append(part)
    return tuple(found)


def _weight(word: str, number: str) -> int:
    if not number.isdecimal() or not 1 <= int(number) <= HEAVIEST:
        raise SettingsError(f"{word!r}: a weight is a whole number from 1 to {HEAVIEST:,}")
    return int(number)


def _pattern(globs: list[Served], excluded: list[Served]) -> str:
    never = "|".join([*(one.regex for one in excluded), Served(f"{SCRATCH}*").regex])
    return f"^(?!(?:{never})$)(?:{'|'.join(one.regex for one in globs)})$"
