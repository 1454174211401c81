"""Who waits for what. Knows no database, no socket and no dialect; whoever reads the database tells it what it read.

The order is the correctness argument: register the waiter, then read, then wait. Decisions are made under the
lock, answers are given outside it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from longpoll.cursor import Cursor, Snapshot
from longpoll.deadlines import Deadlines, varied
from longpoll.errors import Unavailable
from longpoll.jobbook import JobBook, JobState
from longpoll.logbook import LogBook
from longpoll.verdicts import Judge, Same, Verdicts, give
from longpoll.waiter import Waiter
from queueapi.messages import Message

# What a poll that asked not to wait may take all the same, if the database must be asked.
PATIENCE: Final = 10.0


class Hub:
    """1. registers a waiter, and answers it at once if there is news; 2. forgets one whose browser left; 3. is told
    what the database says of jobs, of the log, and of what single waiters missed; 4. answers who has waited long
    enough; 5. answers all, to stop.

    Args:
        epoch: the database's, see :func:`longpoll.cursor.epoch_of`.
        position: where the log stands now.
        wanting: called when something must be read that was not asked for before.

    Attributes:
        is_away: whether the database is.
        is_closing: whether nobody is to wait any more: see :meth:`close`.
    """

    def __init__(self, epoch: str, position: Snapshot, wanting: Callable[[], object]) -> None:
        self._wanting = wanting
        self._lock = threading.Lock()
        self._jobs = JobBook()
        self._log = LogBook(position)
        self._judge = Judge(epoch, self._jobs, self._log)
        self._deadlines = Deadlines()  # of all waiters there are
        self.is_away = False
        self.is_closing = False

    @property
    def position(self) -> Snapshot:
        """Where the log stands."""
        return self._log.position

    @property
    def epoch(self) -> str:
        """What names the database and this life of it in cursors."""
        return self._judge.epoch

    @property
    def held(self) -> int:
        """How many waiters there are."""
        with self._lock:
            return len(self._deadlines)

    def listeners(self, key: str) -> int:
        """How many wait on that channel or pattern."""
        with self._lock:
            return self._log.listeners(key)

    @property
    def watched(self) -> int:
        """How many jobs they wait for, or have just waited for."""
        return len(self._jobs)

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
            known = self._judge.is_known(waiter)
            if self.is_away and not known:
                self._log.leave(waiter)
                raise Unavailable("PostgreSQL is away: ask again in a moment")
            self._jobs.enter(waiter)
            self._deadlines.add(waiter, varied(wait) if wait > 0 else PATIENCE)
            news = self._judge.news(waiter, self.is_closing, {})
            if news is not None:
                self._release(waiter)
        if news is not None:
            waiter.answer(news)
        elif not known:
            self._wanting()

    def _recognise(self, waiter: Waiter, cursor: Cursor | None, unreadable: bool) -> Snapshot | None:
        """Where the waiter goes on from, if it says so and that can be honoured."""
        if cursor is None or cursor.epoch != self._judge.epoch:
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
            cursor = "" if waiter.reset else self._judge.cursor(waiter, waiter.versions)
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
        give(verdicts)

    def log_read(self, messages: Sequence[Message], upto: Snapshot) -> None:
        """What came since :attr:`position`, and the snapshot that found it."""
        with self._lock:
            touched = self._log.add(messages, upto)
            verdicts = self._decide(touched)
        give(verdicts)

    def behind(self) -> list[Waiter]:
        """Who brought a cursor that the history does not reach back to. Those it has caught up with are answered."""
        with self._lock:
            verdicts = self._decide(self._log.catch_up())
            left = self._log.behind
        give(verdicts)
        return left

    def missed(self, waiters: Iterable[Waiter], messages: Sequence[Message]) -> None:
        """What came after those waiters' cursor, up to :attr:`position`."""
        with self._lock:
            verdicts = self._decide(self._log.replay(waiters, messages))
        give(verdicts)

    def lost(self, waiters: Iterable[Waiter]) -> None:
        """Nobody can say what came after those waiters' cursor, or it is too much."""
        with self._lock:
            behind = self._log.replay(waiters, ())
            for waiter in behind:
                self._judge.reset(waiter)
            verdicts = self._decide(behind)
        give(verdicts)

    def replaced(self, epoch: str, position: Snapshot) -> None:
        """It is another database, or another timeline of it: nobody's cursor can be honoured."""
        with self._lock:
            self._judge.epoch = epoch
            self._log.replace(position)
            self._jobs.doubt()
            waiters = list(self._deadlines)
            for waiter in waiters:
                self._judge.reset(waiter)
            verdicts = self._decide(waiters)
        give(verdicts)

    def away(self, away: bool) -> None:
        """Whether the database is away. Who waits for it gets its cursor back, and hears more when it asks again."""
        with self._lock:
            self.is_away = away
            waiters = list(self._deadlines) if away else []
            verdicts = self._end(waiter for waiter in waiters if not self._judge.is_known(waiter))
        give(verdicts)

    # -- 4. the time is over

    def expire(self) -> None:
        """Answer who has waited long enough. To be called every :data:`longpoll.deadlines.STEP`."""
        with self._lock:
            verdicts = self._end(self._deadlines.late())
        give(verdicts)

    # -- 5. the end

    def close(self) -> None:
        """Answer everybody; who comes from now on is answered at once."""
        with self._lock:
            self.is_closing = True
            verdicts = self._end(list(self._deadlines))
        give(verdicts)

    # -- deciding, under the lock

    def _decide(self, waiters: Iterable[Waiter], whatever: bool = False) -> Verdicts:
        verdicts = []
        same: Same = {}
        for waiter in waiters:
            if (news := self._judge.news(waiter, whatever, same)) is not None:
                self._release(waiter)
                verdicts.append((waiter, news))
        return verdicts

    def _end(self, waiters: Iterable[Waiter]) -> Verdicts:
        """Answer them whatever there is, and be it nothing."""
        return self._decide(list(waiters), whatever=True)
