"""What keeps the log of messages in order where no worker does: a deployment may have messages and no jobs."""

from __future__ import annotations

import random
from typing import Final

from queueapi.errors import QueueAPIError
from queueapi.events import Events
from queueapi.loop import Loop
from queueapi.postgres.sessions import Dedicated, Open
from queueapi.postgres.upkeep import Upkeep

# Seconds. Partitions are made a week ahead and dropped by the day, so an hour is soon enough; varied, so that the
# processes of a deployment do not all come at once.
EVERY: Final = 3_600.0
# After a failure: the database is away, or this user may not.
AGAIN: Final = 60.0


class Caretaker:
    """1. makes the partitions of the coming days; 2. drops those whose messages are past their time.

    Any number may do so at once, beside the workers' supervisors: each looks first whether anything is left to do.

    A guest of the feed's, which starts and stops with it.

    Args:
        open_: opens a connection; there is one only while there is work.
        message_days: for how many days messages are kept.
        events: told ``upkeep_failed``.
    """

    channel = None

    def __init__(self, open_: Open, message_days: int, events: Events) -> None:
        self._open = open_
        self._message_days = message_days
        self._events = events
        self._loop: Loop | None = None

    def start(self) -> None:
        """See :class:`longpoll.guests.Guest`."""
        self._loop = Loop("longpoll upkeep", self._tick, self._events)
        self._loop.start()

    def heard(self, payload: str) -> None:
        """See :class:`longpoll.guests.Guest`."""

    def look_again(self) -> None:
        """See :class:`longpoll.guests.Guest`."""

    def stop(self) -> None:
        """See :class:`longpoll.guests.Guest`."""
        if self._loop is not None:
            self._loop.stop(timeout=5)

    def _tick(self) -> float:
        session = Dedicated(self._open)
        try:
            upkeep = Upkeep(session, self._message_days)
            upkeep.partition_messages()
            upkeep.prune_messages()
        except QueueAPIError as error:
            self._events.emit("upkeep_failed", error=error)
            return AGAIN
        finally:
            session.close()
        return EVERY * random.uniform(0.9, 1.1)  # noqa: S311
