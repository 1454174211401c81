"""Who is measured in the drain: ours and others, one file each, all with the same four verbs."""

from __future__ import annotations

from typing import ClassVar, Protocol

from benchmarks.bench import Bench
from benchmarks.processes import Process


class Contender(Protocol):
    """A queue on PostgreSQL.

    Attributes:
        name: in tables.
        slots: jobs at once in one process; where this queue was fastest (docs/benchmarks.md).
        left: SQL that says whether anything is still to do, true or false.
        last: the same for one job, the one pushed last; ``%s`` is what :meth:`fill` returned. Costs one index lookup.
        tables: that are vacuumed between filling and draining.
    """

    name: ClassVar[str]
    slots: ClassVar[int]
    left: ClassVar[str]
    last: ClassVar[str]
    tables: ClassVar[str]

    def install(self, bench: Bench) -> str:
        """Make it available; its version.

        Raises:
            Unavailable: it is not to be had here.
        """

    def migrate(self, dsn: str) -> None:
        """Make its tables."""

    def start(self, bench: Bench, dsn: str, processes: int) -> list[Process]:
        """Start workers; return once they look for jobs."""

    def fill(self, dsn: str, count: int) -> int:
        """Push so many no-op jobs, by its own means for many; the id of the last."""
