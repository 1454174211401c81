"""One client of the native dialect that is told as things come, whatever carries it: an event stream or a websocket."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final

from longpoll.dialects.native import Ask
from longpoll.door import Visitor
from longpoll.errors import Refused, Unavailable
from longpoll.follower import HEARTBEAT, Follower
from longpoll.hub import Hub
from longpoll.services import Services
from longpoll.waiter import News
from queueapi.errors import StoreUnavailable

# Seconds after which tickets are looked at again: a poll shows its own each time, a stream only once.
RECHECK: Final = HEARTBEAT


class Listening:
    """1. asks, and later asks for something else; 2. is told; 3. is checked, since a ticket's time ends; 4. leaves.

    Args:
        tell: given each :class:`News`. Must not block.
        refuse: given why nothing more will come until it asks again.

    Raises:
        TooMuch: its address holds as many connections as it may.
    """

    def __init__(
        self,
        services: Services,
        visitor: Visitor,
        tell: Callable[[News], object],
        refuse: Callable[[Refused], object],
    ) -> None:
        self._services = services
        self._visitor = visitor
        self._tell = tell
        self._refuse = refuse
        self._asked: list[str] = []
        self._checked_at = 0.0
        self._follower: Follower | None = None
        self._gone = False
        services.meter.enter(visitor)

    # -- 1. asking

    def ask(self, ask: Ask) -> None:
        """Listen to these channels instead, from where the others stand; at first from the cursor.

        Raises:
            Refused: it may not, and what it listened to before goes on.
        """
        self._services.meter.subscribe(len(ask.channels))
        channels = self._services.door.listen(self._visitor, ask.channels)
        self._asked, self._checked_at = ask.channels, time.monotonic()
        if self._follower is None:
            follower = self._follower = Follower(self._hub(), self._told, self._failed)
            # At once: a proxy that holds back streams, or swallows websockets, is known by its silence.
            follower.follow(channels, ask.cursor, at_once=True)
            if self._gone:
                follower.stop()
        else:
            self._follower.change(channels)

    def _hub(self) -> Hub:
        try:
            return self._services.hub()
        except StoreUnavailable:
            raise Unavailable("PostgreSQL is away: ask again in a moment") from None

    # -- 2. being told

    def _told(self, news: News) -> None:
        self._tell(news)
        if time.monotonic() - self._checked_at >= RECHECK:
            self._checked_at = time.monotonic()
            # The application's word may take its time, and whoever tells us has others to tell.
            threading.Thread(target=self._check, daemon=True).start() if self._services.door.asks else self._check()

    # -- 3. being checked again

    def _check(self) -> None:
        try:
            self._services.door.listen(self._visitor, self._asked)
        except Refused as refused:
            self._failed(refused)
        except Exception:
            self._failed(Unavailable("the application does not say whether this may go on: ask again in a moment"))
            raise

    def _failed(self, refused: Refused) -> None:
        self._leave()
        self._refuse(refused)

    # -- 4. leaving

    def leave(self) -> None:
        """It is gone. Twice is harmless."""
        if not self._gone:
            self._gone = True
            self._services.meter.leave(self._visitor.address)
        self._leave()

    def _leave(self) -> None:
        follower, self._follower = self._follower, None
        if follower is not None:
            follower.stop()
