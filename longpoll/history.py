"""The messages of the last while, in memory: what browsers miss between two polls is found without the database."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Final, NamedTuple

from longpoll.cursor import Snapshot
from longpoll.names import keys
from queueapi.messages import Message

# Whichever is reached first; the newest batch stays, however large, since those who wait for it look here. A browser
# between two polls misses a second's worth; one that was away longer than this reaches is served from the database.
MAX_MESSAGES: Final = 10_000
MAX_BYTES: Final = 16_000_000


class Batch(NamedTuple):
    """What one look at the database found: all that ``upto`` sees and the batch before did not."""

    upto: Snapshot
    messages: Sequence[Message]


class History:
    """1. takes in batches, in the order in which they were read; 2. tells what a reader has missed on a channel or
    pattern; 3. forgets the oldest batches when there are too many.

    Attributes:
        position: what has been read so far.
        base: all that this does not see and ``position`` does is here.
    """

    def __init__(self, position: Snapshot) -> None:
        self.position = position
        self.base = position
        self._batches: deque[Batch] = deque()
        self._channels: dict[str, deque[tuple[Batch, Message]]] = {}
        self._messages = 0
        self._bytes = 0

    def add(self, messages: Sequence[Message], upto: Snapshot) -> None:
        """The messages that came since, and the snapshot that found them."""
        self.position = upto
        if not messages:
            return
        batch = Batch(upto, messages)
        self._batches.append(batch)
        for message in messages:
            entry = (batch, message)
            for key in keys(message.channel):
                self._channels.setdefault(key, deque()).append(entry)
            self._messages += 1
            self._bytes += len(message.data)
        while len(self._batches) > 1 and (self._messages > MAX_MESSAGES or self._bytes > MAX_BYTES):
            self._forget_oldest()

    def knows_all_since(self, since: Snapshot) -> bool:
        """Whether all that came after that snapshot, up to ``position``, is here."""
        return self.position.covers(since) and since.covers(self.base)

    def since(self, key: str, since: Snapshot) -> list[Message]:
        """What that snapshot does not see of a channel or pattern, in the order in which it was published."""
        missed: list[Message] = []
        for batch, message in reversed(self._channels.get(key, ())):
            if since.covers(batch.upto):
                break
            if not since.sees(message.xid):
                missed.append(message)
        missed.reverse()
        return missed

    def _forget_oldest(self) -> None:
        batch = self._batches.popleft()
        self.base = batch.upto
        for message in batch.messages:
            for key in keys(message.channel):
                kept = self._channels[key]
                kept.popleft()
                if not kept:
                    del self._channels[key]
            self._messages -= 1
            self._bytes -= len(message.data)
