"""Which processes are to be replaced although they are well: they have grown, or their files have changed."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Sequence
from typing import Final

from queueapi.events import Events
from queueapi.worker.child import Child
from queueapi.worker.memory import resident

# Seconds. Memory grows slowly; whoever saved a file is waiting.
MEASURE, LOOK = 5.0, 0.5


class Renewal:
    """1. tells a process that has more memory than it may to retire; 2. tells all to retire when one of the files that
    they were made of has changed.

    Args:
        max_memory: bytes; 0: any.
        watching: look at the files.
    """

    def __init__(self, max_memory: int, watching: bool, events: Events) -> None:
        self.watching: Final = watching
        self._max_memory = max_memory
        self._events = events
        self._measured_at = self._looked_at = time.monotonic()
        self._times: dict[str, float] = {}  # of files, when they were last changed

    def tick(self, children: Sequence[Child]) -> bool:
        """Do both, if it is time. Whether files have changed."""
        now = time.monotonic()
        if self._max_memory and now - self._measured_at >= MEASURE:
            self._measured_at = now
            self._measure(children)
        if not self.watching or now - self._looked_at < LOOK:
            return False
        self._looked_at = now
        changed = self._changed(children)
        if changed:
            self._events.emit("reloading", file=min(changed))
            for child in children:
                child.retire()
        return bool(changed)

    def _measure(self, children: Iterable[Child]) -> None:
        for child in children:
            if child.worked_since is not None and not child.retiring:
                memory = resident(child.pid)
                if memory > self._max_memory:
                    self._events.emit("outgrown", pid=child.pid, memory=memory, limit=self._max_memory)
                    child.retire()

    def _changed(self, children: Iterable[Child]) -> list[str]:
        for child in children:
            self._times = {**child.files, **self._times}
        # All that were ever told, also when no process can be started with them as they are.
        return [file for file in self._times if self._has_changed(file)]

    def _has_changed(self, file: str) -> bool:
        try:
            at = os.stat(file).st_mtime
        except OSError:  # an editor is about to put another in its place
            return False
        before, self._times[file] = self._times[file], at
        return at != before
