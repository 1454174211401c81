"""In which order the queues are asked for jobs."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable, Sequence
from typing import Final

from queueapi.served import Served, Serving

# While every claim fills the room, the queues that a pattern stands for are looked up so often, in seconds: a claim
# may follow every few ms, and a queue that is new now waits behind a backlog anyway.
LOOK: Final = 0.1


class Order:
    """Says before each claim which queues it asks, and in which order.

    *Strict*, as the words were given: a queue is asked when all before it are empty. *Weighted*, when any has a weight
    (those without count 1): the order is drawn anew for each claim, and a queue of weight 2 stands before one of
    weight 1 in two of three; so none starves. Queues that one pattern stands for have no order among themselves, and
    so take turns in the same way.

    Args:
        words: as in :class:`queueapi.served.Serving`.
        look: the names of the queues that have jobs. Asked only when there is a pattern.
        rand: uniform in [0, 1).
        clock: in seconds.
    """

    def __init__(
        self,
        words: Sequence[str],
        look: Callable[[], Sequence[str]],
        rand: Callable[[], float] = random.random,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        serving = Serving(words)
        self._chosen = serving.chosen
        self._weighted = serving.weighted
        self._pattern = re.compile(serving.pattern) if serving.pattern else None
        self._named = set(serving.names)
        self._look = look
        self._rand = rand
        self._clock = clock
        self._seen: list[str] = []  # by a pattern, at the last look
        self._seen_at = float("-inf")
        self._fixed = None if self._weighted or self._pattern else serving.names

    def next(self) -> Sequence[str]:
        """The queues for this claim."""
        if self._fixed is not None:
            return self._fixed
        if self._pattern and self._clock() - self._seen_at >= LOOK:
            self._seen = [name for name in self._look() if self._pattern.match(name) and name not in self._named]
            self._seen_at = self._clock()
        groups = self._groups()
        if self._weighted:
            return self._drawn([pair for group in groups for pair in group])
        return [name for group in groups for name in self._drawn(group)]

    def unfilled(self) -> None:
        """The claim found less than there was room for: a queue that is new must not be overlooked by the next."""
        self._seen_at = float("-inf")

    def _groups(self) -> list[list[tuple[str, int]]]:
        left, groups = list(self._seen), []
        for one in self._chosen:
            names = [name for name in left if re.fullmatch(one.regex, name)] if one.glob else [one.name]
            left = [name for name in left if name not in names]  # the first word that fits is the one
            groups.append([(name, _weight(one)) for name in names])
        return groups

    def _drawn(self, queues: list[tuple[str, int]]) -> list[str]:
        # The larger of u ** (1 / weight) first: the same as to draw, one after the other, from what is left.
        if len(queues) < 2:
            return [name for name, _ in queues]
        return [name for _, name in sorted(((self._rand() ** (1 / weight), name) for name, weight in queues))[::-1]]


def _weight(one: Served) -> int:
    return one.weight or 1
