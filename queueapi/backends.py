"""What stands behind a queue."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from queueapi.consumers import Runner
from queueapi.handles import Ledger
from queueapi.records import NewJob
from queueapi.settings import Settings


class Backend(Ledger, Protocol):
    """What a queue needs of the rest of the house: made by the composition root, when first needed.

    ``queue`` is a name, or None for all of them.
    """

    @property
    def settings(self) -> Settings:
        """The limits."""

    def push(self, jobs: Sequence[NewJob], conn: object | None) -> list[int]:
        """Store the jobs, all or none: on ``conn``, or on a connection of our own, committed."""

    def size(self, queue: str | None) -> int:
        """How many jobs wait."""

    def waiting(self, queue: str | None) -> list[tuple[str, str]]:
        """(kind, arguments) of those that wait, in the order in which they would run."""

    def clear(self, queue: str | None, error: str) -> int:
        """Cancel those that wait, with that reason; how many that were."""

    def runner(self, doing: str) -> Runner:
        """What runs its jobs in this process. NotOffered if nobody does."""

    def check(self) -> None:
        """Refuse to go on if the backend is not fit for this version."""


class Route(NamedTuple):
    """Another backend that stands behind one name, and the name that jobs get there."""

    backend: Callable[[], Backend]
    name: str
