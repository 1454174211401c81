"""What is known of the jobs that somebody waits for. Part of the hub, and guarded by its lock."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Final, NamedTuple

from longpoll.cursor import version_of

if TYPE_CHECKING:
    from longpoll.waiter import Waiter

# Seconds between two reads of a job for which no notification came; and until the first of them: a statement that
# began before the job was watched, and ended after it was read, has told nobody.
RECHECK: Final = 5.0
FIRST_RECHECK: Final = 0.1
# Seconds between two reads of a batch: of its end we are told, of the jobs that end before nobody tells.
BATCH_RECHECK: Final = 1.0
# Seconds that a job is remembered after the last poll for it: the next comes within one.
LINGER: Final = 60.0
# Bytes up to which that is worth the memory.
WORTH_KEEPING: Final = 4_096


class JobState(NamedTuple):
    """A job's state as browsers are told it. ``data`` is JSON."""

    event: str
    data: str
    final: bool


class Entry:
    """One job. Not ``loaded``: somebody waits, and the database has not been asked yet."""

    __slots__ = ("left_at", "loaded", "state", "version", "waiters")

    def __init__(self) -> None:
        self.loaded = False
        self.state = JobState("", "", False)
        self.version = ""
        self.waiters: set[Waiter] = set()
        self.left_at = 0.0


class JobBook:
    """1. notes who waits for which job; 2. takes in states; 3. tells a waiter what it does not know yet; 4. tells the
    reader what to read, and what nobody wants any more."""

    def __init__(self) -> None:
        self._entries: dict[int, Entry] = {}
        self._batches: set[int] = set()  # those of them that are batches: below zero
        self._new: set[int] = set()
        self._dropped: set[int] = set()
        self._fresh: deque[tuple[float, int]] = deque()
        self._swept_at = self._counted_at = time.monotonic()

    def __len__(self) -> int:
        return len(self._entries)

    # -- 1. who waits

    def enter(self, waiter: Waiter) -> None:
        """From now on it waits for its jobs."""
        for id_, _ in waiter.channels.jobs:
            entry = self._entries.get(id_)
            if entry is None:
                entry = self._entries[id_] = Entry()
                self._new.add(id_)
                if id_ < 0:
                    self._batches.add(id_)
            entry.waiters.add(waiter)

    def leave(self, waiter: Waiter) -> None:
        """It waits no more."""
        for id_, _ in waiter.channels.jobs:
            entry = self._entries.get(id_)
            if entry is None or waiter not in entry.waiters:
                continue
            entry.waiters.discard(waiter)
            if not entry.waiters:
                entry.left_at = time.monotonic()
                if not entry.loaded or len(entry.state.data) > WORTH_KEEPING:
                    self._drop(id_)

    def _drop(self, id_: int) -> None:
        del self._entries[id_]
        self._batches.discard(id_)
        self._new.discard(id_)
        self._dropped.add(id_)

    # -- 2. what is so

    def update(self, asked: Iterable[int], states: Mapping[int, JobState]) -> set[Waiter]:
        """Take in what was read of the ``asked`` jobs; whom it may concern."""
        touched: set[Waiter] = set()
        for id_ in asked:
            entry = self._entries.get(id_)
            if entry is None:
                continue
            state = states.get(id_) or _unknown(id_)
            version = version_of(state.event, state.data.encode())
            if version != entry.version or not entry.loaded:
                entry.state, entry.version, entry.loaded = state, version, True
                touched |= entry.waiters
        return touched

    def doubt(self) -> None:
        """Nothing is known any more."""
        for id_, entry in self._entries.items():
            entry.loaded = False
            self._new.add(id_)

    # -- 3. what a waiter hears

    def knows(self, waiter: Waiter) -> bool:
        """Whether all its jobs have been read; asked before it enters as well."""
        entries = (self._entries.get(id_) for id_, _ in waiter.channels.jobs)
        return all(entry is not None and entry.loaded for entry in entries)

    def news(self, waiter: Waiter) -> tuple[list[tuple[str, JobState, str]], dict[int, str]]:
        """(channel as asked, state, version) of the jobs whose state it was not shown; and what it knows then."""
        told = []
        versions: dict[int, str] = {}
        for id_, asked in waiter.channels.jobs:
            entry = self._entries[id_]
            shown = waiter.versions.get(id_)
            if entry.loaded:
                versions[id_] = entry.version
                if entry.version != shown:
                    told.append((asked, entry.state, entry.version))
            elif shown is not None:
                versions[id_] = shown
        return told, versions

    # -- 4. what the reader is to do

    def take_changes(self) -> tuple[list[int], list[int]]:
        """(dropped, new) since the last call: no more to be watched, and to be watched from now on."""
        dropped, new = list(self._dropped), list(self._new)
        self._dropped.clear()
        self._new.clear()
        checked_at = time.monotonic() + FIRST_RECHECK
        self._fresh.extend((checked_at, id_) for id_ in new)
        return dropped, new

    def take_due(self) -> list[int]:
        """Jobs to read although nobody told of them; forgets those that nobody has asked for in a while."""
        now = time.monotonic()
        due = set()
        while self._fresh and self._fresh[0][0] <= now:
            due.add(self._fresh.popleft()[1])
        if now - self._counted_at >= BATCH_RECHECK:
            self._counted_at = now
            due.update(id_ for id_ in self._batches if self._entries[id_].waiters)
        if now - self._swept_at >= RECHECK:
            self._swept_at = now
            for id_, entry in list(self._entries.items()):
                if entry.waiters:
                    due.add(id_)
                elif now - entry.left_at > LINGER:
                    self._drop(id_)
        return [id_ for id_ in self.known(due) if not self._entries[id_].state.final]

    def known(self, ids: Iterable[int]) -> list[int]:
        """Those that are in the book."""
        return [id_ for id_ in ids if id_ in self._entries]

    def all(self) -> list[int]:
        """Every job in the book."""
        return list(self._entries)

    @property
    def next_due(self) -> float:
        """Seconds until :meth:`take_due` has something again, at most :data:`RECHECK`."""
        now = time.monotonic()
        sweep = self._swept_at + RECHECK - now
        if self._batches:
            sweep = min(sweep, self._counted_at + BATCH_RECHECK - now)
        return max(0.0, min(sweep, self._fresh[0][0] - now) if self._fresh else sweep)


def _unknown(id_: int) -> JobState:
    return JobState("unknown", f'{{"id":"{abs(id_)}","state":"unknown"}}', False)
