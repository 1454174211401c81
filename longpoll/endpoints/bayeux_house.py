"""What all talks with Bayeux clients share, and where the replies to one request are gathered."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from longpoll.door import Visitor
from longpoll.services import Services
from longpoll.sessions.registry import Sessions

Words = list[Any]  # messages, as they are written
Put = Callable[[Words], object]


class Checker(Protocol):
    """Looks at what subscribes and publishes bring along in ``ext``, where tickets are not what they are let in by."""

    def subscribe(self, visitor: Visitor, channel: str, ext: Mapping[str, Any]) -> bool:
        """True: let it in. False: this is not mine.

        Raises:
            Refused: it is, and is not let in.
        """

    def publish(self, visitor: Visitor, channel: str, ext: Mapping[str, Any]) -> bool:
        """The same. Who is let in so is no client, but an application: it may publish as much as it likes."""

    def read(self, data: Any) -> tuple[str, str]:
        """(event, data as JSON) of what somebody publishes whom it let in.

        Raises:
            Refused: it may not.
        """


# (visitor, channel, data) -> what its sender gets back on that channel; None: nothing.
Service = Callable[[Visitor, str, Any], Any]


@dataclass(frozen=True)
class House:
    """What all talks share.

    Attributes:
        hold: seconds that a connect may wait.
        service: given what clients publish on ``/service/...``, which goes to nobody else.
    """

    services: Services
    sessions: Sessions
    checkers: Sequence[Checker]
    service: Service | None
    hold: float


def places(count: int, say: Put) -> list[Put]:
    """Where the reply to each message goes, once; ``say`` is given all of them, in order, when the last is there."""
    if count == 1:  # nearly all are alone
        return [say]
    if not count:
        say([])
    slots = _Slots(count, say)
    return [partial(slots.put, number) for number in range(count)]


class _Slots:
    def __init__(self, count: int, say: Put) -> None:
        self._slots: list[Words] = [[] for _ in range(count)]
        self._missing = count
        self._say = say
        self._lock = threading.Lock()

    def put(self, number: int, words: Words) -> None:
        with self._lock:
            self._slots[number] = words
            self._missing -= 1
            complete = not self._missing
        if complete:
            self._say([word for words in self._slots for word in words])
