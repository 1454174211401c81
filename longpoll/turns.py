"""Work on thousands that lets others have a turn now and then."""

from __future__ import annotations

import time
from typing import Final

# Seconds of work until others get a turn. Long enough for some thousands of replies: whoever got one asks again at
# once, and reading that between the replies makes the last of them wait for all the questions of the first.
SLICE: Final = 0.2


class Turns:
    """1. is told after each piece of work."""

    __slots__ = ("_until",)

    def __init__(self) -> None:
        self._until = time.monotonic() + SLICE

    def done(self) -> None:
        """Lets others have a turn, if they have waited for long."""
        if time.monotonic() >= self._until:
            time.sleep(0.001)  # not 0, for which gevent looks at no socket
            self._until = time.monotonic() + SLICE
