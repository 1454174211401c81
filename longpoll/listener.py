"""A notification, one read, everybody woken: between the database and the hub."""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Iterable, Mapping
from typing import Final
from uuid import uuid4

import msgspec

from longpoll.cursor import Snapshot, epoch_of
from longpoll.deadlines import STEP
from longpoll.guests import Guests
from longpoll.history import MAX_BYTES
from longpoll.hub import Hub
from longpoll.jobbook import JobState
from longpoll.logbook import MAX_REPLY
from longpoll.names import is_pattern
from longpoll.waiter import Waiter
from queueapi.errors import StoreUnavailable
from queueapi.events import Events
from queueapi.figures import Figures
from queueapi.loop import Loop
from queueapi.postgres.batching import Batching
from queueapi.postgres.listener import Listener
from queueapi.postgres.messages import CHANNEL as MESSAGES
from queueapi.postgres.messages import Messages
from queueapi.postgres.sessions import Dedicated, Open
from queueapi.postgres.store import Store
from queueapi.postgres.watching import CHANNEL as JOBS
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


class Feed:
    """What one process knows of the database, read once for all its waiters.

    1. starts on first use, in whichever process that is; 2. watches the jobs that are waited for, and reads them;
    3. reads the log; 4. finds what browsers missed that were away for long; 5. after an outage does all of it anew;
    6. answers those whose time is over; 7. stops: everybody is answered.

    Args:
        open_: opens a connection. The feed has two.
        events: told of outages.
        listen: opens a connection that can hear notifications, if the others go through a pooler.

    Attributes:
        guests: who hears of other things by the same connection.
        events: see above.
    """

    hub: Hub
    _session: Dedicated
    _listener: Listener

    def __init__(self, open_: Open, events: Events, listen: Open | None = None) -> None:
        self._open = open_
        self._listen = listen or open_
        self.events = events
        self.guests = Guests()
        self._lock = threading.Lock()
        self._pid = 0

    # -- 1. start

    def start(self) -> Hub:
        """The hub, fed from now on. After a fork, the child's own.

        Raises:
            StoreUnavailable: this is the first call, and the database is away.
        """
        if self._pid == os.getpid():
            return self.hub
        with self._lock:
            if self._pid != os.getpid():
                self._begin()
                self._pid = os.getpid()
        return self.hub

    def _begin(self) -> None:
        if self._pid:  # we are a forked child: collecting the parent's connections would say goodbye on its sockets
            _inherited.append((self._session, self._listener))
        self._session = Dedicated(self._open)
        self._store = Store(self._session)
        self._batching = Batching(self._session)
        self._messages = Messages(self._session)
        self._watching = Watching(self._session, uuid4())
        self._told: deque[int] = deque()
        self._published = True
        self._anew = threading.Event()  # what is known is in doubt: read everything
        self._anew.set()
        self._stayed_at = self._read_at = time.monotonic()
        self._loop = Loop("longpoll feed", self._guarded_tick, self.events)
        self._clock = Loop("longpoll clock", self._strike, self.events)
        channels = [JOBS, MESSAGES, *self.guests.channels]
        self._listener = Listener(self._listen, channels, self._heard, self._look_again, self.events)
        try:
            self._epoch, position = self._messages.position()
        except BaseException:
            self._session.close()
            raise
        self.hub = Hub(epoch_of(self._epoch), Snapshot.parse(position), self._loop.wake)
        self.guests.start()
        for actor in (self._loop, self._clock, self._listener):
            actor.start()

    def _heard(self, channel: str, payload: str) -> None:
        if channel == MESSAGES:
            self._published = True
        elif channel == JOBS:
            self._told.extend([int(id_) for id_ in payload.split(",") if id_.removeprefix("-").isdecimal()])
        else:
            self.guests.heard(channel, payload)
            return
        self._loop.wake()

    def _look_again(self) -> None:
        self._anew.set()  # nobody knows what was said before we listened
        self._loop.wake()
        self.guests.look_again()

    # -- reading

    def _guarded_tick(self) -> float:
        try:
            wait = self._tick()
        except BaseException:  # whatever it is: nothing is read meanwhile, and that is what browsers must know
            self._anew.set()
            self.hub.away(True)
            raise
        self.hub.away(False)
        return wait

    def _tick(self) -> float:
        self._session.connection()
        stayed = time.monotonic() - self._stayed_at
        if self._anew.is_set() or stayed > STAY:  # who was stopped for that long is forgotten
            self._begin_anew()
        elif stayed > STAY_EVERY:
            self._stay()
        self._read_jobs()
        self._read_log()
        poll = max(0.0, self._read_at + POLL - time.monotonic())
        return min(poll, self.hub.next_due) if self._read_missed() else 0.0

    # -- 2. jobs

    def _stay(self) -> None:
        self._watching.stay(STAY)
        self._stayed_at = time.monotonic()

    def _read_jobs(self) -> None:
        told = {self._told.popleft() for _ in range(len(self._told))}
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

    # -- 3. the log

    def _read_log(self) -> None:
        now = time.monotonic()
        if not self._published and now - self._read_at < POLL:
            return
        self._published = False
        self._read_at = now
        upto, rows = self._messages.after(self.hub.position.text)
        self.hub.log_read(rows, Snapshot.parse(upto))

    # -- 4. who was away for long

    def _read_missed(self) -> bool:
        """Whether nobody is left behind."""
        asked = self.hub.behind()
        if not asked:
            return True
        self._published = True  # a cursor from another process may be ahead of us: first get where it is
        self._read_log()
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

    # -- 5. after an outage

    def _begin_anew(self) -> None:
        self._anew.clear()
        self._published = True
        epoch, position = self._messages.position()
        if epoch != self._epoch or not self._messages.honours(self.hub.position.text):
            self._epoch = epoch
            self.hub.replaced(epoch_of(epoch), Snapshot.parse(position))
        self._watching.leave()  # of what was dropped meanwhile, too
        self._stay()
        ids = self.hub.all_jobs()
        self._watch(ids)
        self._read(ids)

    # -- 6. and 7.

    def _strike(self) -> float:
        self.hub.expire()
        return STEP

    def stop(self) -> None:
        """Answer everybody, then stop. Stopping what has not started is nothing."""
        if self._pid != os.getpid():
            return
        self.hub.close()
        self.guests.stop()
        ended = [loop.stop(timeout=5) for loop in (self._loop, self._clock)]
        self._listener.stop()
        if all(ended) and not self.hub.is_away:  # else we are forgotten in a minute
            try:
                self._watching.leave()
            except StoreUnavailable:
                pass
        self._session.close()


# Of the process that forked us.
_inherited: list[object] = []


def state_of(status: JobStatus | Figures) -> JobState:
    """A job's row, or a batch, as browsers are told it."""
    try:
        data = status.data()
    except Exception:  # not written by any version of ours: it must not keep the other rows from being read
        data = {"id": str(status.id), "kind": status.kind, "state": str(status.state), "unreadable": True}
    return JobState(status.event, _encode(data).decode(), status.state.final)
