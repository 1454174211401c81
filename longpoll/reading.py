"""What one process reads of the database, once for all who wait: jobs, the log, and what browsers missed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Final
from uuid import uuid4

import msgspec

from longpoll.cursor import Snapshot, epoch_of
from longpoll.history import MAX_BYTES
from longpoll.hub import Hub
from longpoll.jobbook import JobState
from longpoll.logbook import MAX_REPLY
from longpoll.names import is_pattern
from longpoll.waiter import Waiter
from queueapi.errors import StoreUnavailable
from queueapi.figures import Figures
from queueapi.postgres.batching import Batching
from queueapi.postgres.messages import Messages
from queueapi.postgres.sessions import Dedicated
from queueapi.postgres.store import Store
from queueapi.postgres.watching import Watching
from queueapi.records import JobStatus

# The safety poll of the log, in seconds: bounds what a lost notification costs. It is one indexed read.
POLL: Final = 1.0
# How long this process counts as watching without saying so again, and how often it does, in seconds.
STAY, STAY_EVERY = 60.0, 15.0
# Jobs of one read: a result may have a megabyte.
CHUNK: Final = 50
# Cursors replayed before jobs and log are looked at again. After a crash of ours thousands come, each its own.
REPLAYS: Final = 50

_encode = msgspec.json.Encoder().encode


class Reader:
    """1. watches the jobs that are waited for, and reads them; 2. reads the log; 3. finds what browsers missed that
    were away for long; 4. after an outage does all of it anew; 5. watches no more.

    Args:
        session: of its own.
        wanting: called when something must be read that was not asked for before.

    Attributes:
        hub: what is read goes there.
        published: there may be something new in the log.

    Raises:
        StoreUnavailable: the database is away.
    """

    def __init__(self, session: Dedicated, wanting: Callable[[], object]) -> None:
        self._store = Store(session)
        self._batching = Batching(session)
        self._messages = Messages(session)
        self._watching = Watching(session, uuid4())
        self.published = True
        self._stayed_at = self._read_at = time.monotonic()
        self._epoch, position = self._messages.position()
        self.hub = Hub(epoch_of(self._epoch), Snapshot.parse(position), wanting)

    @property
    def poll(self) -> float:
        """Seconds until the log is to be looked at, whatever is said."""
        return max(0.0, self._read_at + POLL - time.monotonic())

    # -- 1. jobs

    @property
    def forgotten(self) -> bool:
        """Whether we have not said for so long that we watch that nobody knows any more."""
        return time.monotonic() - self._stayed_at > STAY

    def stay(self) -> None:
        """Say that we watch, if it is time."""
        if time.monotonic() - self._stayed_at > STAY_EVERY:
            self._stay()

    def _stay(self) -> None:
        self._watching.stay(STAY)
        self._stayed_at = time.monotonic()

    def read_jobs(self, told: set[int]) -> None:
        """Read those that something was said of, and those that are newly waited for."""
        dropped, new = self.hub.changed_jobs()
        if dropped:
            self._watching.unwatch(dropped)
        self._watch(new)
        self._read({*new, *self.hub.due_jobs(told)})

    def _watch(self, ids: list[int]) -> None:
        if ids:
            self._watching.watch(ids)

    def _read(self, ids: Iterable[int]) -> None:
        wanted = list(ids)
        for start in range(0, len(wanted), CHUNK):
            some = wanted[start : start + CHUNK]
            self.hub.jobs_read(some, {id_: state_of(status) for id_, status in self._states(some).items()})

    def _states(self, ids: list[int]) -> Mapping[int, JobStatus | Figures]:
        jobs = [id_ for id_ in ids if id_ >= 0]
        states: dict[int, JobStatus | Figures] = {**self._store.read(jobs)} if jobs else {}
        if len(jobs) < len(ids):
            found = self._batching.read(-id_ for id_ in ids if id_ < 0)
            states.update((-id_, figures) for id_, figures in found.items())
        return states

    # -- 2. the log

    def read_log(self) -> None:
        """Read what has come since the last time, if there may be something."""
        now = time.monotonic()
        if not self.published and now - self._read_at < POLL:
            return
        self.published = False
        self._read_at = now
        upto, rows = self._messages.after(self.hub.position.text)
        self.hub.log_read(rows, Snapshot.parse(upto))

    # -- 3. who was away for long

    def read_missed(self) -> bool:
        """Whether nobody is left behind."""
        asked = self.hub.behind()
        if not asked:
            return True
        self.published = True  # a cursor from another process may be ahead of us: first get where it is
        self.read_log()
        left = set(self.hub.behind())
        same: dict[str, list[Waiter]] = {}
        for waiter in asked:  # not those that have come since: the log was read before that
            if waiter in left:
                same.setdefault(waiter.since.text, []).append(waiter)
        for since in list(same)[:REPLAYS]:
            self._replay(since, same[since])
        return len(same) <= REPLAYS

    def _replay(self, since: str, waiters: list[Waiter]) -> None:
        if not self._messages.honours(since):
            self.hub.lost(waiters)
            return
        wanted = {key for waiter in waiters for key, _ in waiter.channels.logs}
        channels = [key for key in wanted if not is_pattern(key)]
        prefixes = [key.rstrip("*") for key in wanted if is_pattern(key)]
        found = self._messages.replay(channels, prefixes, since, self.hub.position.text, MAX_REPLY, MAX_BYTES)
        if found is not None:
            self.hub.missed(waiters, found)
        elif len(waiters) == 1:
            self.hub.lost(waiters)
        else:  # too much for all of them together
            for waiter in waiters:
                self._replay(since, [waiter])

    # -- 4. after an outage

    def begin_anew(self) -> None:
        """Read everything."""
        self.published = True
        epoch, position = self._messages.position()
        if epoch != self._epoch or not self._messages.honours(self.hub.position.text):
            self._epoch = epoch
            self.hub.replaced(epoch_of(epoch), Snapshot.parse(position))
        self._watching.leave()  # of what was dropped meanwhile, too
        self._stay()
        ids = self.hub.all_jobs()
        self._watch(ids)
        self._read(ids)

    # -- 5. the end

    def leave(self) -> None:
        """Watch no more. Who cannot say so is forgotten in a minute."""
        try:
            self._watching.leave()
        except StoreUnavailable:
            pass


def state_of(status: JobStatus | Figures) -> JobState:
    """A job's row, or a batch, as browsers are told it."""
    try:
        data = status.data()
    except Exception:  # not written by any version of ours: it must not keep the other rows from being read
        data = {"id": str(status.id), "kind": status.kind, "state": str(status.state), "unreadable": True}
    return JobState(status.event, _encode(data).decode(), status.state.final)
