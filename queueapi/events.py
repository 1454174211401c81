"""Events in the code, sentences elsewhere: whoever does something says so here, whoever cares subscribes."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

Subscriber = Callable[[str, dict[str, Any]], None]


class Events:
    """A list of subscribers. An instance, handed to whoever emits; there is no global one.

    A subscriber that raises is logged and the work goes on: to watch must never be to disturb.

    Args:
        every_job: False: nobody cares for each job that went well. Saying so would be a twentieth of what it costs.
    """

    def __init__(self, *subscribers: Subscriber, every_job: bool = True) -> None:
        self._subscribers = list(subscribers)
        self.every_job = every_job

    def subscribe(self, subscriber: Subscriber) -> None:
        """Call ``subscriber(name, fields)`` on every event from now on."""
        self._subscribers.append(subscriber)

    def emit(self, name: str, **fields: Any) -> None:
        """Tell every subscriber, in the order in which they came."""
        for subscriber in self._subscribers:
            try:
                subscriber(name, fields)
            except Exception:
                logging.getLogger("queueapi").exception("a subscriber failed on the event %r", name)
