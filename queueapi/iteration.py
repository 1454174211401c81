"""A job that walks over many items, and goes on where it was interrupted."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, ClassVar, Final, NamedTuple, TypeVar, Unpack

from queueapi import reporting
from queueapi.errors import NotSerializable, SettingsError
from queueapi.jobs import Job
from queueapi.options import Declared

T = TypeVar("T")
# (item, cursor): the pairs that Sidekiq's and Shopify's enumerators give.
Pairs = Iterable[tuple[T, Any]]

_MAX_CURSOR: Final = 10_000  # characters: it says where, not what
_RESERVED: Final = frozenset({"build_enumerator", "each_iteration", "total", "on_start", "on_resume", "on_complete"})


class Iteration(Job):
    """The base class of long jobs: say what to walk over and what to do with each item.

    ::

        class Reindex(Iteration):
            shop_id: int

            def build_enumerator(self, cursor):
                for product in products_of(self.shop_id, after=cursor or 0):  # ... where id > cursor order by id
                    yield product, product.id

            def each_iteration(self, product):
                index(product)

    With each item comes a cursor: what finds the place right after it again. A worker that stops (a deploy, Ctrl-C)
    ends the job after the item that it is at, and another goes on there: the enumerator is built anew, from the cursor
    of the last item that was dealt with, and the attempt is not charged. The same cursor is used after a failure, and
    it is stored with the progress a few times a second: if the process is killed, what was done since is done again, so
    an item may be met twice, as everywhere where jobs run at least once.

    The bar moves by itself: items done, those of earlier runs included, out of :meth:`total` if that says something. A
    job that calls ``progress()`` itself has its own bar.
    """

    __abstract__: ClassVar[bool] = True  # no kind of its own

    def __init_subclass__(cls, **declared: Unpack[Declared]) -> None:
        super().__init_subclass__(**declared)
        for name in _RESERVED.intersection(inspect.get_annotations(cls)):
            raise SettingsError(f"{cls.__qualname__} has a field named {name!r}, which an Iteration needs: rename it")

    def build_enumerator(self, cursor: Any) -> Pairs[Any]:
        """(item, cursor) pairs: those after the cursor, which is None at the beginning.

        A cursor is JSON: a number, text, or a list of them (a tuple comes back as a list).
        """
        raise NotImplementedError(f"{type(self).__qualname__} has no build_enumerator(cursor)")

    def each_iteration(self, item: Any) -> None:
        """The work on one item. What it raises fails the attempt; the next begins with this item."""
        raise NotImplementedError(f"{type(self).__qualname__} has no each_iteration(item)")

    def total(self) -> float | None:
        """How many items there are in all, for the bar. Asked at every start."""
        return None

    def on_start(self) -> None:
        """Called before the first item, and only there: not when the job goes on."""

    def on_resume(self) -> None:
        """Called when the job goes on."""

    def on_complete(self) -> Any:
        """Called after the last item. What it returns is the job's result; default: how many items there were."""
        return None

    def run(self) -> Any:
        """Walk on from where the job was."""
        walk = _Walk(reporting.current())
        if walk.begun:
            self.on_resume()
        else:
            self.on_start()
        walk.total = self.total()
        for pair in self.build_enumerator(walk.cursor):
            if not isinstance(pair, tuple) or len(pair) != 2:
                raise SettingsError(f"build_enumerator() gave {pair!r}: it should give (item, cursor) pairs")
            walk.leave_if_told()
            self.each_iteration(pair[0])
            walk.passed(pair[1])
        result = self.on_complete()
        return {"items": walk.count} if result is None else result


def array_enumerator(items: Sequence[T], cursor: int | None) -> Iterator[tuple[T, int]]:
    """The pairs of a sequence that is the same at every start, with positions for cursors."""
    for position in range(0 if cursor is None else cursor + 1, len(items)):
        yield items[position], position


class _Place(NamedTuple):
    """Where a walk is, as it is stored."""

    cursor: Any
    passed: int


class _Walk:
    """How far one run has come, and whom it tells.

    Args:
        reporter: None outside of a worker: then nobody is told, and nothing is gone on with.
    """

    def __init__(self, reporter: reporting.Reporter | None) -> None:
        self._reporter = reporter
        stored = None if reporter is None else reporter.cursor
        place = _Place(None, 0) if stored is None else _Place(*json.loads(json.loads(stored)))
        self.cursor, self.count = place
        self.begun = stored is not None
        self.total: float | None = None
        self._shown = None if reporter is None else (reporter.done, reporter.total)

    def leave_if_told(self) -> None:
        """The worker stops: this is a good place to."""
        if self._reporter is not None and self._reporter.halt is not None:
            raise self._reporter.halt

    def passed(self, cursor: Any) -> None:
        """That item is dealt with."""
        self.count += 1
        reporter = self._reporter
        if reporter is None:
            return
        reporter.cursor = _written(_Place(cursor, self.count))
        if self._shown == (reporter.done, reporter.total):
            self._shown = (self.count, self.total)
            reporter.report(self.count, self.total, reporter.message)
        else:  # the job shows something else than the count
            reporter.report(reporter.done, reporter.total, reporter.message)


def _written(place: _Place) -> str:
    try:
        text = json.dumps(place, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise NotSerializable(f"the cursor {place.cursor!r:.200} cannot be stored as JSON: {error}") from error
    if len(text) > _MAX_CURSOR:
        raise NotSerializable(
            f"the cursor has {len(text)} characters, and more than {_MAX_CURSOR} are not stored: it should say where "
            "the walk is, not what was found there"
        )
    # JSON within JSON: whatever is in it, the statements that carry it on see one string without an escape of NUL.
    return json.dumps(text)

