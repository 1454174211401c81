"""What queues and kinds may be called."""

from __future__ import annotations

import re
from typing import Final

from queueapi.errors import SettingsError

# What may stand in a queue's or a kind's name: it stands in URLs, process titles and logs.
_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:<>-]{0,199}", re.ASCII)


def checked_name(what: str, name: object) -> str:
    """The name, if it can be one.

    Raises:
        SettingsError: it is empty, too long, or has other characters than letters, digits and ``_ . : < > -``.
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise SettingsError(
            f"{name!r} cannot be the name of a {what}: use up to 200 letters, digits, and _ . : < > -, "
            "and begin with a letter, a digit or _"
        )
    return name
