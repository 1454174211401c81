"""A notification, one read, everybody woken: between the database and the hub."""

from __future__ import annotations

import os
import threading
from collections import deque

from longpoll.deadlines import STEP
from longpoll.guests import Guests
from longpoll.hub import Hub
from longpoll.reading import Reader
from queueapi.events import Events
from queueapi.loop import Loop
from queueapi.postgres.listener import Listener
from queueapi.postgres.messages import CHANNEL as MESSAGES
from queueapi.postgres.sessions import Dedicated, Open
from queueapi.postgres.watching import CHANNEL as JOBS


class Feed:
    """What one process knows of the database, read once for all its waiters.

    1. starts on first use, in whichever process that is; 2. hears what is said; 3. has read what that asks for, and
    after an outage everything; 4. answers those whose time is over; 5. stops: everybody is answered.

    Args:
        open_: opens a connection. The feed has two.
        events: told of outages.
        listen: opens a connection that can hear notifications, if the others go through a pooler.

    Attributes:
        guests: who hears of other things by the same connection.
        events: see above.
    """

    _reader: Reader
    _session: Dedicated
    _listener: Listener

    def __init__(self, open_: Open, events: Events, listen: Open | None = None) -> None:
        self._open = open_
        self._listen = listen or open_
        self.events = events
        self.guests = Guests()
        self._lock = threading.Lock()
        self._pid = 0

    @property
    def hub(self) -> Hub:
        """Who waits for what. There is one once the feed has started."""
        return self._reader.hub

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
        self._told: deque[int] = deque()
        self._anew = threading.Event()  # what is known is in doubt: read everything
        self._anew.set()
        self._loop = Loop("longpoll feed", self._guarded_tick, self.events)
        self._clock = Loop("longpoll clock", self._strike, self.events)
        channels = [JOBS, MESSAGES, *self.guests.channels]
        self._listener = Listener(self._listen, channels, self._heard, self._look_again, self.events)
        try:
            self._reader = Reader(self._session, self._loop.wake)
        except BaseException:
            self._session.close()
            raise
        self.guests.start()
        for actor in (self._loop, self._clock, self._listener):
            actor.start()

    # -- 2. and 3. hear, and have read

    def _heard(self, channel: str, payload: str) -> None:
        if channel == MESSAGES:
            self._reader.published = True
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
        reader = self._reader
        self._session.connection()
        if self._anew.is_set() or reader.forgotten:  # forgotten is who was stopped for that long
            self._anew.clear()
            reader.begin_anew()
        else:
            reader.stay()
        reader.read_jobs({self._told.popleft() for _ in range(len(self._told))})
        reader.read_log()
        return min(reader.poll, self.hub.next_due) if reader.read_missed() else 0.0

    # -- 4. and 5.

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
        if all(ended) and not self.hub.is_away:
            self._reader.leave()
        self._session.close()


# Of the process that forked us.
_inherited: list[object] = []
