"""The schedules that the database knows, whoever declared them: listed, paused, resumed, and run at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from queueapi.errors import NotOffered, UnknownSchedule
from queueapi.handles import Handle

if TYPE_CHECKING:
    from queueapi.postgres.crons import Crons
    from queueapi.ticks import CronStatus


class Crontab:
    """All schedules that workers have told the database of, whether or not this process declares them.

    ``for entry in queueapi.crontab:`` gives each as a :class:`CronStatus`. The verbs raise UnknownSchedule for a name
    that is not among them.

    Args:
        backend: called at the first use; nothing is connected before.
    """

    def __init__(self, backend: Callable[[], Any]) -> None:
        self._backend = backend

    def __iter__(self) -> Iterator[CronStatus]:
        return iter(self._crons().list())

    def pause(self, name: str) -> None:
        """Let it push nothing, on all workers, from now on; also after they are started again."""
        if not self._crons().pause(name):
            raise self._unknown(name)

    def resume(self, name: str) -> None:
        """Let it push again, from its next time on: what it left out meanwhile is not made up for."""
        if not self._crons().resume(name):
            raise self._unknown(name)

    def run(self, name: str) -> Handle:
        """Push its job now, paused or not; its next time stays. If the job is unique and its like is there: that."""
        id_ = self._crons().run(name)
        if id_ is None:
            raise self._unknown(name)
        return Handle(self._backend(), id_)

    def _crons(self) -> Crons:
        backend = self._backend()
        if not hasattr(backend, "crons"):
            raise NotOffered("schedules are kept on PostgreSQL, and this process's queue is none there")
        return backend.crons()  # type: ignore[no-any-return]

    def _unknown(self, name: str) -> UnknownSchedule:
        names = ", ".join(entry.name for entry in self) or "none: workers tell of theirs when they start"
        return UnknownSchedule(f"there is no schedule {name!r}; there are {names}")
