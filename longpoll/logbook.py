"""Which messages came, who waits for them, and how far each has come. Part of the hub, and guarded by its lock."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

from longpoll.cursor import Snapshot
from longpoll.history import History
from longpoll.names import keys
from queueapi.messages import Message

if TYPE_CHECKING:
    from longpoll.waiter import Waiter

# Messages of one reply. Who has missed more is told so, instead of being buried in them.
MAX_REPLY: Final = 5_000


class LogBook:
    """1. notes who waits on which channel, and from where on; 2. takes in messages; 3. tells a waiter what it has
    missed; 4. tells the reader who has missed more than is known here, and takes in what that was.

    Args:
        position: where the log stands.
    """

    def __init__(self, position: Snapshot) -> None:
        self._history = History(position)
        self._waiters: dict[str, set[Waiter]] = {}
        self._behind: set[Waiter] = set()

    @property
    def position(self) -> Snapshot:
        """All that this sees has been taken in."""
        return self._history.position

    def listeners(self, key: str) -> int:
        """How many wait on that channel or pattern."""
        return len(self._waiters.get(key, ()))

    # -- 1. who waits

    def enter(self, waiter: Waiter, since: Snapshot | None) -> None:
        """From now on it waits on its channels for what ``since`` does not see; None: for what comes from now on."""
        waiter.since = since or self.position
        for name, _ in waiter.channels.logs:
            self._waiters.setdefault(name, set()).add(waiter)
        if waiter.channels.logs and not self._history.knows_all_since(waiter.since):
            waiter.behind = True
            self._behind.add(waiter)

    def leave(self, waiter: Waiter) -> None:
        """It waits no more; twice is harmless."""
        for name, _ in waiter.channels.logs:
            waiters = self._waiters.get(name)
            if waiters is not None:
                waiters.discard(waiter)
                if not waiters:
                    del self._waiters[name]
        self._behind.discard(waiter)

    def start_over(self, waiter: Waiter) -> None:
        """What it has missed is given up: it waits for what comes from now on."""
        waiter.since = self.position
        waiter.missed = ()
        waiter.behind = False
        self._behind.discard(waiter)

    # -- 2. what came

    def add(self, messages: Sequence[Message], upto: Snapshot) -> set[Waiter]:
        """Take in what came since :attr:`position`, and the snapshot that found it; whom it concerns."""
        self._history.add(messages, upto)
        touched: set[Waiter] = set()
        for channel in {message.channel for message in messages}:
            for key in keys(channel):
                touched |= self._waiters.get(key, set())
        return touched

    def replace(self, position: Snapshot) -> None:
        """It is another log: nothing that was known of the old one counts. Everybody has to start over."""
        self._history = History(position)

    # -- 3. what a waiter has missed

    def missed(self, waiter: Waiter) -> list[Message] | None:
        """What came since it began, in order; None if that is too much. Nothing, as long as not all is known."""
        if waiter.behind:
            return []
        wanted = {key for key, _ in waiter.channels.logs}
        found = list(waiter.missed)
        for key in wanted:
            found += self._history.since(key, waiter.since)
        if len(wanted) > 1:  # a channel and a pattern that matches it
            found = list({message.id: message for message in found}.values())
        if len(found) > MAX_REPLY:
            return None
        if not found:
            waiter.since = self.position  # the same for it, and thousands share this one
        found.sort(key=lambda message: message.id)
        return found

    def seen(self, waiter: Waiter) -> Snapshot:
        """How far it has come when it has been told :meth:`missed`."""
        return waiter.since if waiter.behind else self.position

    # -- 4. who is behind

    def catch_up(self) -> list[Waiter]:
        """Those that were behind, and are no more since the history has reached them: they were ahead of it."""
        caught_up = [waiter for waiter in self._behind if self._history.knows_all_since(waiter.since)]
        for waiter in caught_up:
            waiter.behind = False
        self._behind.difference_update(caught_up)
        return caught_up

    @property
    def behind(self) -> list[Waiter]:
        """Those whose messages must be read for them alone."""
        return list(self._behind)

    def replay(self, waiters: Iterable[Waiter], messages: Sequence[Message]) -> list[Waiter]:
        """Take in what came on the channels of those that are behind, up to :attr:`position`; who still waits."""
        behind = [waiter for waiter in waiters if waiter in self._behind]
        for waiter in behind:
            wanted = {key for key, _ in waiter.channels.logs}
            self.start_over(waiter)
            waiter.missed = [message for message in messages if not wanted.isdisjoint(keys(message.channel))]
        return behind
