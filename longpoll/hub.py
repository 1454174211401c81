"""Who waits for what. Knows no database, no socket and no dialect; whoever reads the database tells it what it read.

The order is the correctness argument: register the waiter, then read, then wait. Decisions are made under the
lock, answers are given outside it.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from longpoll.cursor import Cursor, Snapshot, encode
from longpoll.deadlines import Deadlines
from longpoll.errors import Unavailable
from longpoll.history import History, Message
from longpoll.jobbook import JobBook, JobState
from longpoll.waiter import News, Told, Waiter

# Messages of one reply. Who has missed more is told so, instead of being buried in them.
MAX_REPLY: Final = 5_000
# A wait is varied by this much either way, so that the polls which a restart brought together drift apart.
JITTER: Final = 0.1
# What a poll that asked not to wait may take all the same, if the database must be asked.
PATIENCE: Final = 10.0


Verdicts = list[tuple[Waiter, News]]


class Hub:
    """1. registers a waiter, and answers it at once if there is news; 2. forgets one whose browser left; 3. is told
    what the database says of jobs, of the log, and of what single waiters missed; 4. answers who has waited long
    enough; 5. answers all, to stop.

    Args:
        epoch: the database's, see :func:`longpoll.cursor.epoch_of`.
        position: where the log stands now.
        wanting: called when something must be read that was not asked for before.
    """

    def __init__(self, epoch: str, position: Snapshot, wanting: Callable[[], object]) -> None:
        self._jobs = JobBook()
        self._epoch = epoch
        self._history = History(position)
        self._wanting = wanting
        self._lock = threading.Lock()
        self._logs: dict[str, set[Waiter]] = {}  # channel -> who waits on it
        self._deadlines = Deadlines()
        self._behind: set[Waiter] = set()
        self._away = False
        self._closing = False

    @property
    def position(self) -> Snapshot:
        """Where the log stands."""
        return self._history.position

    @property
    def held(self) -> int:
        """How many waiters there are."""
        return len(self._deadlines)

    @property
    def watched(self) -> int:
        """How many jobs they wait for."""
        return len(self._jobs)

    @property
    def is_away(self) -> bool:
        """Whether the database is."""
        return self._away

    # -- 1. waiting

    def wait(self, waiter: Waiter, cursor: Cursor | None, wait: float, unreadable: bool = False) -> None:
        """Answer the waiter when there is news for it, or after ``wait`` seconds (± 10 %) with none.

        Args:
            cursor: how far the browser has come; None at first.
            unreadable: it brought a cursor that is none.

        Raises:
            Unavailable: the database must be asked and is away.
        """
        with self._lock:
            self._place(waiter, cursor, unreadable)
            waiter.at_once = waiter.reset or wait <= 0
            self._register(waiter, wait)
            news = self._news(waiter)
            if news is None and self._closing:
                news = self._nothing(waiter)
            known = self._is_known(waiter)
            if news is not None or (self._away and not known):
                self._release(waiter)
        if news is not None:
            waiter.answer(news)
        elif not known:
            if self._away:
                raise Unavailable("PostgreSQL is away: ask again in a moment")
            self._wanting()

    def _place(self, waiter: Waiter, cursor: Cursor | None, unreadable: bool) -> None:
        waiter.since = self._history.position
        if cursor is None:
            waiter.reset = unreadable
        elif cursor.epoch != self._epoch:
            waiter.reset = True
        else:
            waiter.since = cursor.snapshot
            waiter.versions = cursor.versions
            waiter.behind = bool(waiter.channels.logs) and not self._history.knows_all_since(cursor.snapshot)

    def _register(self, waiter: Waiter, wait: float) -> None:
        self._jobs.enter(waiter)
        for name, _ in waiter.channels.logs:
            self._logs.setdefault(name, set()).add(waiter)
        if waiter.behind:
            self._behind.add(waiter)
        varied = wait * random.uniform(1 - JITTER, 1 + JITTER) if wait > 0 else PATIENCE  # noqa: S311
        self._deadlines.add(waiter, varied)

    # -- 2. forgetting

    def forget(self, waiter: Waiter) -> None:
        """Its browser has left. Harmless if it was answered."""
        with self._lock:
            self._release(waiter)

    def _release(self, waiter: Waiter) -> None:
        """Undo :meth:`_register`; twice is harmless."""
        self._jobs.leave(waiter)
        for name, _ in waiter.channels.logs:
            waiters = self._logs.get(name)
            if waiters is not None:
                waiters.discard(waiter)
                if not waiters:
                    del self._logs[name]
        self._behind.discard(waiter)
        self._deadlines.discard(waiter)

    # -- 3. being told, and saying what to read

    def changed_jobs(self) -> tuple[list[int], list[int]]:
        """(dropped, new) since the last call: what need not be watched any more, and what is to be watched and read."""
        with self._lock:
            return self._jobs.take_changes()

    def due_jobs(self, told: Iterable[int]) -> list[int]:
        """Those of the jobs in a notification that somebody here waits for; and others whose turn it is to be read."""
        with self._lock:
            return [*self._jobs.take_due(), *self._jobs.known(told)]

    def all_jobs(self) -> list[int]:
        """Every job that is to be watched."""
        with self._lock:
            return self._jobs.all()

    @property
    def next_due(self) -> float:
        """Seconds until :meth:`due_jobs` is worth a call."""
        with self._lock:
            return self._jobs.next_due

    def jobs_read(self, asked: Iterable[int], states: Mapping[int, JobState]) -> None:
        """What the database says of these jobs; of one that is not in ``states``, that there is none."""
        with self._lock:
            touched = self._jobs.update(asked, states)
            verdicts = self._decide(touched)
        _give(verdicts)

    def log_read(self, messages: Sequence[Message], upto: Snapshot) -> None:
        """What came since :attr:`position`, and the snapshot that found it."""
        with self._lock:
            self._history.add(messages, upto)
            touched: set[Waiter] = set()
            for name in {message.channel for message in messages}:
                touched |= self._logs.get(name, set())
            verdicts = self._decide(touched)
        _give(verdicts)

    def behind(self) -> list[Waiter]:
        """Who brought a cursor that the history does not reach back to. Those it has caught up with are answered."""
        with self._lock:
            caught_up = [waiter for waiter in self._behind if self._history.knows_all_since(waiter.since)]
            for waiter in caught_up:
                waiter.behind = False
            self._behind.difference_update(caught_up)
            verdicts = self._decide(caught_up)
            left = list(self._behind)
        _give(verdicts)
        return left

    def missed(self, waiters: Iterable[Waiter], messages: Sequence[Message] | None) -> None:
        """What came after those waiters' cursor, up to :attr:`position`; None if nobody can say."""
        with self._lock:
            behind = [waiter for waiter in waiters if waiter in self._behind]
            for waiter in behind:
                names = {name for name, _ in waiter.channels.logs}
                waiter.missed = [message for message in messages or () if message.channel in names]
                waiter.since = self._history.position
                waiter.behind = False
                if messages is None:
                    self._reset(waiter)
            self._behind.difference_update(behind)
            verdicts = self._decide(behind)
        _give(verdicts)

    def replaced(self, epoch: str, position: Snapshot) -> None:
        """It is another database, or another timeline of it: nobody's cursor can be honoured."""
        with self._lock:
            self._epoch = epoch
            self._history = History(position)
            waiters = list(self._deadlines)
            for waiter in waiters:
                waiter.since = position
                waiter.behind = False
                self._reset(waiter)
            self._behind.clear()
            self._jobs.doubt()
            verdicts = self._decide(waiters)
        _give(verdicts)

    def _reset(self, waiter: Waiter) -> None:
        waiter.missed = ()
        waiter.versions = {}
        waiter.reset = waiter.at_once = True

    def away(self, away: bool) -> None:
        """Whether the database is away. Who waits for it gets its cursor back, and hears more when it asks again."""
        with self._lock:
            self._away = away
            waiters = list(self._deadlines) if away else []
            verdicts = [(waiter, self._nothing(waiter)) for waiter in waiters if not self._is_known(waiter)]
            for waiter, _ in verdicts:
                self._release(waiter)
        _give(verdicts)

    # -- 4. the time is over

    def expire(self) -> None:
        """Answer who has waited long enough. To be called every :data:`longpoll.deadlines.STEP`."""
        with self._lock:
            verdicts = self._end(self._deadlines.late())
        _give(verdicts)

    # -- 5. the end

    def close(self) -> None:
        """Answer everybody; who comes from now on is answered at once."""
        with self._lock:
            self._closing = True
            verdicts = self._end(list(self._deadlines))
        _give(verdicts)

    # -- deciding, under the lock

    def _end(self, waiters: Iterable[Waiter]) -> Verdicts:
        verdicts = [(waiter, self._nothing(waiter)) for waiter in waiters]
        for waiter, _ in verdicts:
            self._release(waiter)
        return verdicts

    def _decide(self, waiters: Iterable[Waiter]) -> Verdicts:
        verdicts = []
        for waiter in waiters:
            if (news := self._news(waiter)) is not None:
                self._release(waiter)
                verdicts.append((waiter, news))
        return verdicts

    def _is_known(self, waiter: Waiter) -> bool:
        return not waiter.behind and self._jobs.knows(waiter)

    def _news(self, waiter: Waiter) -> News | None:
        """The reply for a waiter as things stand, or None if it is to wait on."""
        missed = [] if waiter.behind else self._missed(waiter)
        if len(missed) > MAX_REPLY:
            missed = []
            self._reset(waiter)
            waiter.since = self._history.position
        states, versions = self._jobs.news(waiter)
        # A reset comes with the state of every job; otherwise what is known goes out, and the rest follows.
        ready = waiter.at_once and self._is_known(waiter)
        if not ready and (waiter.reset or not (states or missed)):
            return None
        told = [Told(asked, state.event, state.data, version) for asked, state, version in states]
        told += [
            Told(asked, message.event, message.data, str(message.id))
            for message in missed
            for name, asked in waiter.channels.logs
            if name == message.channel
        ]
        return News(told, encode(self._epoch, self._seen(waiter), versions), waiter.reset)

    def _missed(self, waiter: Waiter) -> list[Message]:
        found = list(waiter.missed)
        for name, _ in waiter.channels.logs:
            found += self._history.since(name, waiter.since)
        found.sort(key=lambda message: message.id)
        return found

    def _nothing(self, waiter: Waiter) -> News:
        return News((), encode(self._epoch, self._seen(waiter), self._jobs.news(waiter)[1]), waiter.reset)

    def _seen(self, waiter: Waiter) -> Snapshot:
        return waiter.since if waiter.behind else self._history.position


def _give(verdicts: Verdicts) -> None:
    for number, (waiter, news) in enumerate(verdicts):
        waiter.answer(news)
        if number % 100 == 99:
            time.sleep(0)  # thousands on one channel: let others have a turn
