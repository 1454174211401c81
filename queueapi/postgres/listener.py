"""LISTEN: one connection that only hears. What it hears is a hint; whoever is told looks for himself."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from psycopg import sql

from queueapi.events import Events
from queueapi.loop import Loop
from queueapi.postgres.connection import translated
from queueapi.postgres.sessions import Dedicated, Open

# After this much silence the connection is asked whether it is still there.
PING_EVERY = 10.0


class Listener:
    """1. keeps a connection of its own that listens to some channels; 2. tells ``heard`` of every notification;
    3. after every (re)connection tells ``listening``, since what was said meanwhile is lost: look again;
    4. asks a silent connection whether it is alive, and replaces a dead one.

    Args:
        open_: opens a connection.
        channels: their names, at most 63 bytes each.
        heard: called with (channel, payload).
        listening: called after each LISTEN, when nothing said from now on can be missed.
        events: told when the server is away and back.
    """

    def __init__(
        self,
        open_: Open,
        channels: Sequence[str],
        heard: Callable[[str, str], None],
        listening: Callable[[], None],
        events: Events,
    ) -> None:
        self._session = Dedicated(open_)
        self._channels = channels
        self._heard = heard
        self._listening = listening
        self._generation = 0
        self._loop = Loop("listener", self._tick, events)

    def start(self) -> None:
        """Start listening, in a thread of its own."""
        self._loop.start()

    def stop(self) -> None:
        """Stop; a wait in progress ends with its connection."""
        self._loop.stop(timeout=0)
        self._session.close()

    def _tick(self) -> float:
        connection = self._session.connection()
        try:
            with translated("listen"):
                if self._session.generation != self._generation:
                    # Through a pooler nothing is heard: whoever waits finds it by his safety poll.
                    for channel in () if connection.pooled else self._channels:
                        connection.execute(sql.SQL("listen {}").format(sql.Identifier(channel)))
                    self._generation = self._session.generation
                    self._listening()
                    return 0.0  # a tick that went well: the server counts as back, however long the next listens
                # In slices, since a plain thread's wait cannot be ended from outside.
                until = time.monotonic() + PING_EVERY
                while not self._loop.stopping and (left := until - time.monotonic()) > 0:
                    for notice in connection.notifies(timeout=min(left, 1.0), stop_after=1):
                        self._heard(notice.channel, notice.payload)
                        until = time.monotonic() + PING_EVERY
                if not self._loop.stopping:
                    connection.execute("select 1")
        except BaseException:
            self._session.close()
            if self._loop.stopping:
                return 0.0
            raise
        return 0.0
