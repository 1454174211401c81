"""All dead jobs of a queue at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from queueapi.handles import Ledger
from queueapi.records import JobStatus

# Of one statement. Each may bring a traceback of 64 kB.
_PAGE: Final = 200
_NEWEST: Final = 2**63 - 1


class Dead:
    """``for job in queue.dead():`` shows them, the newest first; ``retry()`` and ``discard()`` deal with them all.

    Each is read, or dealt with, a few hundred at a time. What dies meanwhile is not among them.
    """

    def __init__(self, ledger: Ledger, queue: str | None) -> None:
        self._ledger = ledger
        self._queue = queue

    def __iter__(self) -> Iterator[JobStatus]:
        for page in self._pages():
            yield from page

    def retry(self, note: Callable[[int], None] = lambda _: None) -> int:
        """Let them begin anew, with all their attempts. How many.

        A job stays dead while another waits or runs that is the same, as its ``unique=`` says.

        Args:
            note: called now and then with how many more are done.
        """
        return self._each(self._ledger.retry, note)

    def discard(self, note: Callable[[int], None] = lambda _: None) -> int:
        """Give them up: cancelled, they are kept as long as any outcome. How many; ``note`` as for :meth:`retry`."""
        return self._each(self._ledger.discard, note)

    def _each(self, verb: Callable[[Sequence[int]], list[int]], note: Callable[[int], None]) -> int:
        total = 0
        for page in self._pages():
            done = len(verb([job.id for job in page]))
            total += done
            note(done)
        return total

    def _pages(self) -> Iterator[list[JobStatus]]:
        before = _NEWEST
        while page := self._ledger.dead(self._queue, before, _PAGE):
            before = page[-1].id
            yield page
