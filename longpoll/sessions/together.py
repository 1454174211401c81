"""What many requests ask of the database at once, in one statement: after a restart thousands come in a second."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Final, Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")

# Of one statement. More take their turn in the next.
MOST: Final = 500


class _Asked(Generic[T, R]):
    __slots__ = ("error", "item", "leads", "result", "told")

    def __init__(self, item: T) -> None:
        self.item = item
        self.told = threading.Event()
        self.leads = False
        self.result: R
        self.error: BaseException | None = None


class Together(Generic[T, R]):
    """1. whoever asks while nobody works does so itself; 2. then hands the work to the first of those who asked
    meanwhile, which does it for all of them, and goes its way.

    A request that is alone waits for nobody.

    Args:
        work: given the items, returns a result for each, in their order. What it raises, all of them raise.
    """

    def __init__(self, work: Callable[[Sequence[T]], Sequence[R]]) -> None:
        self._work = work
        self._lock = threading.Lock()
        self._waiting: list[_Asked[T, R]] = []
        self._busy = False

    def ask(self, item: T) -> R:
        """The result for that item."""
        asked: _Asked[T, R] = _Asked(item)
        with self._lock:
            self._waiting.append(asked)
            asked.leads = not self._busy
            self._busy = True
        try:
            if not asked.leads:
                asked.told.wait()
        except BaseException:  # interrupted, perhaps just when the work was handed to it
            self._withdraw(asked)
            raise
        if asked.leads:
            self._lead()
        if asked.error is not None:
            raise asked.error
        return asked.result

    def _lead(self) -> None:
        with self._lock:
            batch, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
        try:
            for asked, result in zip(batch, self._work([asked.item for asked in batch]), strict=True):
                asked.result = result
        except BaseException as error:
            for asked in batch:
                asked.error = error
        finally:
            self._hand_over()
            for asked in batch:
                asked.told.set()

    def _hand_over(self) -> None:
        with self._lock:
            self._busy = bool(self._waiting)
            following = self._waiting[0] if self._waiting else None
            if following is not None:
                following.leads = True
        if following is not None:
            following.told.set()

    def _withdraw(self, asked: _Asked[T, R]) -> None:
        with self._lock:
            if asked in self._waiting:
                self._waiting.remove(asked)
        if asked.leads:
            self._hand_over()
