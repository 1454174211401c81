"""Waits again and again on the hub for one client: what a stream, a websocket or a session hears by."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Final

from longpoll.cursor import decode
from longpoll.errors import Refused
from longpoll.hub import Hub
from longpoll.names import Channels
from longpoll.waiter import News, Waiter

# Seconds until there are news, and be they none: a stream's heartbeat, and less than any proxy's patience.
HEARTBEAT: Final = 25.0


class Follower:
    """1. follows channels from a cursor on; 2. follows others instead, and misses nothing in between; 3. tells what
    comes, one after another; 4. stops, and says how far it came.

    Calls may come from any thread or greenlet, also from within ``tell``; while one of them works, the others leave
    what they bring to it.

    Args:
        tell: given each :class:`News`, and with none in it, a heartbeat. Must not block: thousands may be told at once.
        fail: given the reason why nothing more will come: the database is away and must be asked.
        wait: seconds between heartbeats.
    """

    __slots__ = (
        "_at_once",
        "_busy",
        "_changed",
        "_channels",
        "_cursor",
        "_fail",
        "_hub",
        "_lock",
        "_news",
        "_stopped",
        "_tell",
        "_wait",
        "_waiter",
    )  # fmt: skip

    def __init__(
        self,
        hub: Hub,
        tell: Callable[[News], object],
        fail: Callable[[Refused], object] = lambda _: None,
        wait: float = HEARTBEAT,
    ) -> None:
        self._hub = hub
        self._tell = tell
        self._fail = fail
        self._wait = wait
        self._lock = threading.Lock()
        self._channels = Channels((), ())
        self._cursor: str | None = None
        self._waiter: Waiter | None = None
        self._news: deque[News] = deque()
        self._busy = self._changed = self._stopped = self._at_once = False

    @property
    def cursor(self) -> str | None:
        """How far what was told reaches; None before the first news."""
        return self._cursor

    # -- 1. and 2.

    def follow(self, channels: Channels, cursor: str | None = None, at_once: bool = False) -> None:
        """Tell what comes after the cursor; without one, the present state of jobs and all messages from now on.

        Args:
            at_once: tell the first news soon, and be it none, so that a client sees that it is heard.

        What is not a cursor of ours is answered with a reset.
        """
        self._cursor = cursor
        self._at_once = at_once
        self.change(channels)

    def change(self, channels: Channels) -> None:
        """From now on these channels, from where the others stand."""
        with self._lock:
            self._channels = channels
            self._changed = True
            if self._busy:
                return
            self._busy = True
        self._work()

    # -- 3.

    def _heard(self, waiter: Waiter, news: News) -> None:
        with self._lock:
            if waiter is not self._waiter:
                return
            self._waiter = None
            self._news.append(news)
            if self._busy:
                return
            self._busy = True
        self._work()

    def _work(self) -> None:
        """Until there is nothing left to do. Whoever set ``_busy`` is here."""
        try:
            while (step := self._next()) is not None:
                step()
        except Refused as refused:
            self.stop()
            self._fail(refused)
        except BaseException:
            self._stopped = True
            raise

    def _next(self) -> Callable[[], object] | None:
        with self._lock:
            if self._stopped:
                return None
            if self._news:
                news = self._news.popleft()
                self._cursor = news.cursor
                return lambda: self._tell(news)
            if self._waiter is None:
                if self._hub.is_closing:  # it would answer at once, again and again
                    self._busy = False
                    return None
                self._changed = False
                self._waiter = waiter = Waiter(self._channels, lambda news: self._heard(waiter, news))
                cursor = self._cursor
                return lambda: self._enter(waiter, cursor)
            if self._changed:
                self._changed = False
                return self._leave
            self._busy = False
            return None

    def _enter(self, waiter: Waiter, text: str | None) -> None:
        cursor = decode(text) if text else None
        wait = self._wait if text and not self._at_once else 0.0  # without a cursor, it gets one at once
        self._at_once = False
        self._hub.wait(waiter, cursor, wait, unreadable=text is not None and cursor is None)
        if self._stopped:  # meanwhile: it was not there yet to be forgotten
            self._hub.forget(waiter)

    def _leave(self) -> None:
        """Take the waiter back, so that the next step enters another. If it was answered, its news comes first."""
        waiter = self._waiter
        if waiter is not None and (cursor := self._hub.take_back(waiter)) is not None:
            self._cursor = cursor
            self._waiter = None

    # -- 4.

    def leave(self) -> str | None:
        """Tell nothing more; a cursor of now, after all that was told. None if something is on its way."""
        with self._lock:
            already, self._stopped = self._stopped, True
            waiter, self._waiter = self._waiter, None
        return None if waiter is None or already else self._hub.take_back(waiter) or None

    def stop(self) -> str | None:
        """Tell nothing more; how far it came. Twice is harmless."""
        with self._lock:
            already, self._stopped = self._stopped, True
            waiter, self._waiter = self._waiter, None
        if waiter is not None and not already:
            self._hub.forget(waiter)
        return self._cursor
