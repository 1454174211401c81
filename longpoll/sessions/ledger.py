"""Where sessions stand is written down, for all of this process in one statement."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Final

from longpoll.sessions.session import Session
from longpoll.turns import Turns
from queueapi.errors import StoreUnavailable
from queueapi.events import Events
from queueapi.loop import Loop
from queueapi.postgres.clients import ClientRow

# Seconds until what is noted is written: a crash of this process in between brings its clients as much twice.
LAZY: Final = 1.0
# Seconds between two looks for sessions that have ended.
SWEEP: Final = 10.0
# Rows of one statement.
CHUNK: Final = 1_000

Then = Callable[[bool], object]


class Ledger:
    """1. notes which sessions have come further; 2. is asked to write one down before it goes on; 3. writes: those at
    once, with whom others wait for, and the others a little later; 4. tells whose turn it was not any more; 5. looks
    for what has ended; 6. writes the rest when it stops.

    Args:
        save: writes rows; (id, turn) of those that were ours.
        lost: told of a session that is another node's.
        sweep: the fifth duty.
    """

    def __init__(
        self,
        save: Callable[[Sequence[ClientRow]], set[tuple[str, int]]],
        lost: Callable[[Session], object],
        sweep: Callable[[], object],
        events: Events,
    ) -> None:
        self._save = save
        self._lost = lost
        self._sweep = sweep
        self._lock = threading.Lock()
        self._noted: dict[Session, None] = {}
        self._urgent: list[tuple[Session, Then]] = []
        self._due_at = float("inf")
        self._sweep_at = time.monotonic() + SWEEP
        self._loop = Loop("longpoll sessions", self._tick, events)

    def start(self) -> None:
        """Once."""
        self._loop.start()

    # -- 1. and 2.

    def note(self, session: Session) -> None:
        """Write it down soon."""
        with self._lock:
            first = not self._noted
            self._noted[session] = None
            if first:
                self._due_at = time.monotonic() + LAZY
        if first:
            self._loop.wake()

    def write(self, session: Session, then: Then) -> None:
        """Write it down now, and then call ``then`` with whether it is still ours. After the end: it is not."""
        with self._lock:
            stopped = self._loop.stopping
            if not stopped:
                self._urgent.append((session, then))
        if stopped:
            then(False)
        else:
            self._loop.wake()

    # -- 3. writing

    def _tick(self) -> float:
        self._write(everything=False)
        now = time.monotonic()
        if now >= self._sweep_at:
            self._sweep_at = now + SWEEP
            self._sweep()
        return max(0.0, min(self._due_at, self._sweep_at) - now)

    def _write(self, everything: bool) -> None:
        urgent, noted = self._take(everything)
        sessions = list({**dict.fromkeys(session for session, _ in urgent), **noted})
        try:
            ours = self._saved(sessions)
        except BaseException:
            self._put_back(urgent, noted)
            raise
        for session in sessions:
            if session.key not in ours:
                self._lost(session)
        _tell(urgent, ours)

    def _take(self, everything: bool) -> tuple[list[tuple[Session, Then]], dict[Session, None]]:
        with self._lock:
            urgent, self._urgent = self._urgent, []
            noted: dict[Session, None] = {}
            if everything or time.monotonic() >= self._due_at:
                noted, self._noted = self._noted, {}
                self._due_at = float("inf")
        return urgent, noted

    def _put_back(self, urgent: list[tuple[Session, Then]], noted: dict[Session, None]) -> None:
        with self._lock:
            self._urgent[:0] = urgent
            self._noted = {**noted, **self._noted}
            if self._noted:
                self._due_at = min(self._due_at, time.monotonic() + LAZY)

    def _saved(self, sessions: Sequence[Session]) -> set[tuple[str, int]]:
        ours: set[tuple[str, int]] = set()
        for start in range(0, len(sessions), CHUNK):
            ours |= self._save([session.row() for session in sessions[start : start + CHUNK]])
        return ours

    # -- 6.

    def stop(self) -> None:
        """Write what is left, if the database is there."""
        ended = self._loop.stop(timeout=5)
        try:
            if ended:
                self._write(everything=True)
        except StoreUnavailable:
            pass
        with self._lock:
            left, self._urgent = self._urgent, []
        _tell(left, set())


def _tell(urgent: list[tuple[Session, Then]], ours: set[tuple[str, int]]) -> None:
    turns = Turns()
    for session, then in urgent:
        try:
            then(session.key in ours)
        except Exception:  # one that cannot be answered must not cost the others theirs
            logging.getLogger("longpoll").exception("an answer could not be given")
        turns.done()
