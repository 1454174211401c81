"""One poll that waits, and the reply that it gets: what hub, dialects and transports hand each other."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar

from longpoll.cursor import Snapshot
from longpoll.names import Channels
from queueapi.messages import Message

T = TypeVar("T")


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


@dataclass(frozen=True, slots=True)
class News:
    """A reply, before a dialect words it. ``reset``: the cursor could not be honoured, messages may be missing.

    Thousands may be told the same one.
    """

    messages: Sequence[Told]
    cursor: str
    reset: bool
    _worded: dict[object, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    def worded(self, write: Callable[[News], T]) -> T:
        """What ``write`` makes of it: made once, for all who are told it in the same words."""
        if write not in self._worded:
            self._worded[write] = write(self)
        words: T = self._worded[write]
        return words


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
