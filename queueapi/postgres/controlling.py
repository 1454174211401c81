"""The switches that people turn while everything runs: pauses and limits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, TypeVar

from queueapi.controls import LimitStatus, Pause
from queueapi.postgres.admitting import Admitting
from queueapi.postgres.sessions import Dedicated, Open, Session

T = TypeVar("T")


class PostgresControls:
    """See :class:`queueapi.controls.Controls`.

    Args:
        session: where single statements run.
        open_: opens a connection for what takes several; people do that now and then.
    """

    def __init__(self, session: Session, open_: Open) -> None:
        self._run = session.run
        self._open = open_

    def pause(self, what: Literal["queue", "kind"], name: str) -> bool:
        """See :class:`queueapi.controls.Controls`."""
        return bool(self._run("pause_jobs", {"what": what, "name": name}))

    def resume(self, what: Literal["queue", "kind"], name: str) -> bool:
        """See :class:`queueapi.controls.Controls`."""
        was_paused = bool(self._run("resume_jobs", {"what": what, "name": name}))
        queues = self._at_length(lambda admitting: admitting.unblock_kind(name)) if what == "kind" else {name}
        if queues:
            self._run("wake_all", {"queues": sorted(queues)})
        return was_paused

    def paused(self) -> list[Pause]:
        """See :class:`queueapi.controls.Controls`."""
        return [Pause(*row) for row in self._run("list_paused", {})]

    def set_limit(self, key: str, slots: int | None, starts: int | None, period: float | None, bucket: bool) -> None:
        """See :class:`queueapi.controls.Controls`."""
        params = {"key": key, "slots": slots, "starts": starts, "period": period, "bucket": bucket}
        keys = [key for (key,) in self._run("set_limit", params)]
        self._at_length(lambda admitting: admitting.bring_back(keys))

    def forget_limits(self, keys: Sequence[str]) -> bool:
        """See :class:`queueapi.controls.Controls`."""
        return bool(self._run("forget_limits", {"keys": list(keys)}))

    def limits(self) -> list[LimitStatus]:
        """See :class:`queueapi.controls.Controls`."""
        return [LimitStatus(*row) for row in self._run("list_limits", {})]

    def _at_length(self, do: Callable[[Admitting], T]) -> T:
        session = Dedicated(self._open)
        try:
            return do(Admitting(session))
        finally:
            session.close()
