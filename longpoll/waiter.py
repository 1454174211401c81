"""One poll that waits, and the reply that it gets: what hub, dialects and transports hand each other."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from longpoll.cursor import Snapshot
from longpoll.names import Channels
from queueapi.messages import Message


class Told(NamedTuple):
    """One message of a reply. ``channel`` is the text that asked for it; ``data`` and ``meta`` are JSON.

    Attributes:
        name: the channel's own, in the log; of a job's state it is empty.
        xid: the transaction that published it; zero for a job's state.
    """

    channel: str
    event: str
    data: str
    id: str
    name: str = ""
    meta: str | None = None
    xid: int = 0


class News(NamedTuple):
    """A reply, before a dialect words it. ``reset``: the cursor could not be honoured, messages may be missing."""

    messages: Sequence[Told]
    cursor: str
    reset: bool


class Waiter:
    """One poll that waits. Belongs to the hub from :meth:`Hub.wait` until it is answered or forgotten.

    Attributes:
        since: what of the log the browser has seen.
        versions: job id -> version of the state that it was shown last.
        behind: ``since`` is further back than the history: the database must be asked.
        at_once: answer as soon as all is known, even if there is nothing to say.
    """

    __slots__ = ("answer", "at_once", "behind", "channels", "missed", "reset", "since", "step", "versions")

    def __init__(self, channels: Channels, answer: Callable[[News], object]) -> None:
        self.channels = channels
        self.answer = answer
        self.since: Snapshot
        self.versions: Mapping[int, str] = {}
        self.behind = False
        self.at_once = False
        self.reset = False
        self.missed: Sequence[Message] = ()  # from the database
        self.step = 0
