"""Progress, from the job's side: cheap enough for a tight loop, and never a reason for the job to fail.

What is running is known by a context variable, so that functions and helpers deep below ``run()`` can report.
"""

from __future__ import annotations

import contextvars
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, TypeVar

T = TypeVar("T")

# Four times a second is as often as a person sees a bar move.
INTERVAL: Final = 0.25


class Reporter:
    """The running attempt's last word on its progress.

    Args:
        store: called at most every :data:`INTERVAL` seconds, in the job's own greenlet, when there is news; it
            hands the values on and may yield to others for a moment, so that a computing job's bar moves too.
        note: called on every report: marks the attempt as having news, so that its last value is stored even if
            the job then falls silent.

    Attributes:
        claimed: what it reports of, for whoever stores it.
        row: its place on the board while it runs; 0: none.
        cursor: JSON of the place that an Iteration has reached, stored with the progress.
        halt: set from outside: an Iteration raises it before its next item.
        cancelled: it was told to stop, and whatever it raises now, it has stopped.
    """

    # Most attempts have no other values than these, and pay nothing for them.
    done: float = 0
    total: float | None = None
    message: str | None = None
    claimed: Any = None
    row: int = 0
    cursor: str | None = None
    halt: BaseException | None = None
    cancelled: bool = False
    _due = 0.0

    def __init__(self, store: Callable[[Reporter], None], note: Callable[[Reporter], None]) -> None:
        self._store = store
        self._note = note

    def report(self, done: float, total: float | None, message: str | None) -> None:
        """Keep the newest values; store them if it is time."""
        self.done, self.total, self.message = done, total, message
        now = time.monotonic()
        self._note(self)
        if now >= self._due:
            self._due = now + INTERVAL
            self._store(self)


_current: contextvars.ContextVar[Reporter | None] = contextvars.ContextVar("queueapi_reporter", default=None)


def use(reporter: Reporter | None) -> contextvars.Token[Reporter | None]:
    """From here on, in this context, reports go to that reporter. Undo with :func:`leave`."""
    return _current.set(reporter)


def leave(token: contextvars.Token[Reporter | None]) -> None:
    """Undo :func:`use`."""
    _current.reset(token)


def current() -> Reporter | None:
    """Of the attempt that runs in this context."""
    return _current.get()


def of(context: contextvars.Context | None) -> Reporter | None:
    """Of the attempt that runs in another context."""
    return None if context is None else context.get(_current)


def report(done: float, total: float | None, message: str | None) -> None:
    """Report for the job that runs in this context, if one does."""
    reporter = _current.get()
    if reporter is not None:
        reporter.report(done, total, message)


def walk(items: Iterable[T], total: float | None, message: str | None) -> Iterator[T]:
    """Yield the items and report how many have been dealt with."""
    for done, item in enumerate(items, 1):
        yield item
        report(done, total, message)
