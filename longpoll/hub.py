"""Who waits for what. Knows no database, no socket and no dialect; whoever reads the database tells it what it read.

The order is the correctness argument: register the waiter, then read, then wait. Decisions are made under the
lock, answers are given outside it.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final

from longpoll.cursor import Cursor, Snapshot, encode
from longpoll.deadlines import Deadlines
from longpoll.errors import Unavailable
from longpoll.jobbook import JobBook, JobState
from longpoll.logbook import LogBook
from longpoll.names import keys
from longpoll.waiter import News, Told, Waiter
from queueapi.messages import Message

# A wait is varied by this much either way, so that the polls which a restart brought together drift apart. Not 10 %,
# which is what we promise of 25 s: a deadline is met up to two steps late.
JITTER: Final = 0.08
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
        self._epoch = epoch
        self._wanting = wanting
        self._lock = threading.Lock()
        self._jobs = JobBook()
        self._log = LogBook(position)
        self._deadlines = Deadlines()  # of all waiters there are
        self._away = False
        self._closing = False

    @property
    def position(self) -> Snapshot:
        """Where the log stands."""
        return self._log.position

    @property
    def held(self) -> int:
        """How many waiters there are."""
        with self._lock:
            return len(self._deadlines)

    @property
    def epoch(self) -> str:
        """What names the database and this life of it in cursors."""
        return self._epoch

    def listeners(self, key: str) -> int:
        """How many wait on that channel or pattern."""
        with self._lock:
            return self._log.listeners(key)

    @property
    def watched(self) -> int:
        """How many jobs they wait for, or have waited for a moment ago."""
        return len(self._jobs)

    @property
    def is_away(self) -> bool:
        """Whether the database is."""
        return self._away

    @property
    def is_closing(self) -> bool:
        """Whether nobody is to wait any more: see :meth:`close`."""
        return self._closing

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
            since = self._recognise(waiter, cursor, unreadable)
            waiter.at_once = waiter.reset or wait <= 0
            self._log.enter(waiter, since)
            known = self._is_known(waiter)
            if self._away and not known:
                self._log.leave(waiter)
                raise Unavailable("PostgreSQL is away: ask again in a moment")
            self._jobs.enter(waiter)
            varied = wait * random.uniform(1 - JITTER, 1 + JITTER) if wait > 0 else PATIENCE  # noqa: S311
            self._deadlines.add(waiter, varied)
            news = self._news(waiter, whatever=self._closing)
            if news is not None:
                self._release(waiter)
        if news is not None:
            waiter.answer(news)
        elif not known:
            self._wanting()

    def _recognise(self, waiter: Waiter, cursor: Cursor | None, unreadable: bool) -> Snapshot | None:
        """Where the waiter goes on from, if it says so and that can be honoured."""
        if cursor is None or cursor.epoch != self._epoch:
            waiter.reset = unreadable or cursor is not None
            return None
        waiter.versions = cursor.versions
        return cursor.snapshot

    # -- 2. forgetting

    def forget(self, waiter: Waiter) -> None:
        """Its browser has left. Harmless if it was answered."""
        with self._lock:
            self._release(waiter)

    def take_back(self, waiter: Waiter) -> str | None:
        """Forget it; the cursor of all that it was told. None if it was answered: its news is on the way."""
        with self._lock:
            if waiter not in self._deadlines:
                return None
            cursor = "" if waiter.reset else encode(self._epoch, self._log.seen(waiter), waiter.versions)
            self._release(waiter)
        return cursor

    def _release(self, waiter: Waiter) -> None:
        """It waits no more, for whatever reason; twice is harmless."""
        self._jobs.leave(waiter)
        self._log.leave(waiter)
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
            touched = self._log.add(messages, upto)
            verdicts = self._decide(touched)
        _give(verdicts)

    def behind(self) -> list[Waiter]:
        """Who brought a cursor that the history does not reach back to. Those it has caught up with are answered."""
        with self._lock:
            verdicts = self._decide(self._log.catch_up())
            left = self._log.behind
        _give(verdicts)
        return left

    def missed(self, waiters: Iterable[Waiter], messages: Sequence[Message]) -> None:
        """What came after those waiters' cursor, up to :attr:`position`."""
        with self._lock:
            verdicts = self._decide(self._log.replay(waiters, messages))
        _give(verdicts)

    def lost(self, waiters: Iterable[Waiter]) -> None:
        """Nobody can say what came after those waiters' cursor, or it is too much."""
        with self._lock:
            behind = self._log.replay(waiters, ())
            for waiter in behind:
                self._reset(waiter)
            verdicts = self._decide(behind)
        _give(verdicts)

    def replaced(self, epoch: str, position: Snapshot) -> None:
        """It is another database, or another timeline of it: nobody's cursor can be honoured."""
        with self._lock:
            self._epoch = epoch
            self._log.replace(position)
            self._jobs.doubt()
            waiters = list(self._deadlines)
            for waiter in waiters:
                self._reset(waiter)
            verdicts = self._decide(waiters)
        _give(verdicts)

    def away(self, away: bool) -> None:
        """Whether the database is away. Who waits for it gets its cursor back, and hears more when it asks again."""
        with self._lock:
            self._away = away
            waiters = list(self._deadlines) if away else []
            verdicts = self._end(waiter for waiter in waiters if not self._is_known(waiter))
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

    def _decide(self, waiters: Iterable[Waiter], whatever: bool = False) -> Verdicts:
        verdicts = []
        for waiter in waiters:
            if (news := self._news(waiter, whatever)) is not None:
                self._release(waiter)
                verdicts.append((waiter, news))
        return verdicts

    def _end(self, waiters: Iterable[Waiter]) -> Verdicts:
        """Answer them whatever there is, and be it nothing."""
        return self._decide(list(waiters), whatever=True)

    def _news(self, waiter: Waiter, whatever: bool) -> News | None:
        """The reply for a waiter as things stand, or None if it is to wait on."""
        missed = self._log.missed(waiter)
        if missed is None:
            self._reset(waiter)
            missed = []
        states, versions = self._jobs.news(waiter)
        # A reset comes with the state of every job; otherwise what is known goes out, and the rest follows.
        due = waiter.at_once and self._is_known(waiter) if waiter.reset or not (states or missed) else True
        if not due and not whatever:
            return None
        told = [Told(asked, state.event, state.data, version) for asked, state, version in states]
        if missed:
            told += _worded(missed, waiter)
        return News(told, encode(self._epoch, self._log.seen(waiter), versions), waiter.reset)

    def _is_known(self, waiter: Waiter) -> bool:
        return not waiter.behind and self._jobs.knows(waiter)

    def _reset(self, waiter: Waiter) -> None:
        self._log.start_over(waiter)
        waiter.versions = {}
        waiter.reset = waiter.at_once = True


def _worded(missed: Sequence[Message], waiter: Waiter) -> Iterator[Told]:
    """Each message as often as it was asked for, under the text that did."""
    wanted: dict[str, list[str]] = {}
    for key, asked in waiter.channels.logs:
        wanted.setdefault(key, []).append(asked)
    for message in missed:
        for key in keys(message.channel):
            for asked in wanted.get(key, ()):
                id_, channel = str(message.id), message.channel
                yield Told(asked, message.event, message.data, id_, channel, message.meta, message.xid)


def _give(verdicts: Verdicts) -> None:
    for number, (waiter, news) in enumerate(verdicts):
        try:
            waiter.answer(news)
        except Exception:  # one that cannot be written must not cost the others theirs
            logging.getLogger("longpoll").exception("a reply could not be given")
        if number % 100 == 99:
            # Thousands on one channel: others get a turn. Not 0, for which gevent looks at no socket: 5,000 answers
            # take 190 ms instead of 140, and meanwhile a hundred other requests are served instead of five.
            time.sleep(0.001)
