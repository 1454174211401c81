"""What stands behind a queue."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

from queueapi.handles import Ledger

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from queueapi.consumers import Runner
    from queueapi.figures import Figures
    from queueapi.records import NewJob
    from queueapi.settings import Settings
    from queueapi.states import State


class Backend(Ledger, Protocol):
    """What a queue needs of the rest of the house: made by the composition root, when first needed.

    ``queue`` is a name, or None for all of them.
    """

    @property
    def settings(self) -> Settings:
        """The limits."""

    def push(self, jobs: Iterable[NewJob], conn: object | None) -> Sequence[int]:
        """Store the jobs, all or none: on ``conn``, or on a connection of our own, committed.

        Their ids, in their order; for a job that is the same as another, the other's.
        """

    def size(self, queue: str | None) -> int:
        """How many jobs wait."""

    def waiting(self, queue: str | None) -> list[tuple[str, str]]:
        """(kind, arguments) of those that wait, in the order in which they would run."""

    def find_waiting(self, kind: str, args: str | None) -> list[tuple[int, State]]:
        """Those of a kind that wait: with these arguments, or with any."""

    def clear(self, queue: str | None, error: str) -> int:
        """Cancel those that wait, with that reason; how many that were."""

    def runner(self, doing: str) -> Runner:
        """What runs its jobs in this process. NotOffered if nobody does."""

    @property
    def bundles(self) -> Bundles:
        """Chains and batches. NotOffered if it has none."""

    def check(self) -> None:
        """Refuse to go on if the backend is not fit for this version."""


class Bundles(Protocol):
    """Jobs that belong together: what a backend offers for chains and batches."""

    def together(self, conn: object | None) -> AbstractContextManager[object | None]:
        """What is done with the ``conn`` that this yields is done all or not at all."""

    def newest(self, conn: object | None) -> int:
        """An id below all that will be given out from now on."""

    def pushed(self, ids: Sequence[int], newest: int, conn: object | None) -> set[int]:
        """Those of the ids that are of jobs pushed here since ``newest``, and together with what is done now; not by
        another who pushed the same."""

    def open(
        self, parent: int | None, success: Sequence[NewJob], complete: Sequence[NewJob], conn: object | None
    ) -> int:
        """A new batch with these callbacks; its id."""

    def is_open(self, batch_id: int, conn: object, hold: bool) -> bool | None:
        """Whether jobs may be added to the batch, in the transaction of ``conn``; None: there is none.

        Args:
            hold: it does not end before that transaction does; so that has to be a short one.
        """

    def note(self, batch_id: int, ids: Sequence[int], newest: int, conn: object | None) -> None:
        """Those of the jobs whose id is above ``newest`` were added to the batch."""

    def settle(self, ids: Sequence[int], conn: object | None) -> None:
        """Complete those of the batches that have nothing left to wait for."""

    def read(self, batch_id: int) -> Figures | None:
        """How far the batch is."""

    def wait(self, batch_id: int, timeout: float | None) -> Figures | None:
        """The same once it has ended, or after so many seconds."""


class Route(NamedTuple):
    """Another backend that stands behind one name, and the name that jobs get there."""

    backend: Callable[[], Backend]
    name: str
