"""How much one client, one channel and one address may have: messages, bytes, subscriptions and connections.

Each process counts by itself: what is allowed is allowed once a process.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from longpoll.door import Visitor
from longpoll.errors import TooMuch

# Buckets that are kept; beyond that the longest unused is forgotten, which only ever forgives.
_KEPT: Final = 50_000


@dataclass(frozen=True)
class Limits:
    """What is allowed. Rates are a second's; so much more may come at once as two seconds bring.

    Attributes:
        connections: of one address, held at a time. A company behind one address has hundreds of people.
        subscriptions: of one client. A page that shows more than that cannot be read.
        client_messages: published by one client. Typing and pointing make about ten.
        channel_messages: published by clients on one channel: every one of them goes to all who listen.
        address_messages: published from one address.
        client_bytes: published by one client: a picture now and then, no film.
    """

    connections: int = 2_000
    subscriptions: int = 500
    client_messages: float = 20.0
    channel_messages: float = 200.0
    address_messages: float = 400.0
    client_bytes: float = 1_000_000.0


class Bucket:
    """What is left of an allowance, which fills up again by itself."""

    __slots__ = ("_at", "_left")

    def __init__(self, full: float, now: float) -> None:
        self._left = full
        self._at = now

    def left(self, rate: float, full: float, now: float) -> float:
        """What may be taken now."""
        self._left = min(full, self._left + (now - self._at) * rate)
        self._at = now
        return self._left

    def take(self, amount: float) -> None:
        """Take so much, be it more than is left: it is owed then."""
        self._left -= amount


class Meter:
    """1. lets an address have another connection; 2. counts a client's subscriptions; 3. counts what clients publish.

    Args:
        clock: in seconds.
    """

    def __init__(self, limits: Limits | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self.limits: Final = limits or Limits()
        self._clock = clock
        self._connections: dict[str, int] = {}
        self._buckets: dict[tuple[str, str], Bucket] = {}

    # -- 1. connections

    def enter(self, visitor: Visitor) -> None:
        """One more connection is held for that address, if it is known, until :meth:`leave`.

        Raises:
            TooMuch: it has as many as it may.
        """
        if not visitor.address:  # a proxy's word is missing: it may be anybody's
            return
        held = self._connections.get(visitor.address, 0)
        if held >= self.limits.connections:
            raise TooMuch(
                f"{visitor.address} holds {held} connections, and no address may hold more: close some, or raise "
                "--limit connections="
            )
        self._connections[visitor.address] = held + 1

    def leave(self, address: str) -> None:
        """Undo :meth:`enter`."""
        held = self._connections.get(address, 0) - 1
        if held > 0:
            self._connections[address] = held
        else:
            self._connections.pop(address, None)

    # -- 2. subscriptions

    def subscribe(self, count: int) -> None:
        """A client is to have so many subscriptions.

        Raises:
            TooMuch: that is more than one may have.
        """
        if count > self.limits.subscriptions:
            raise TooMuch(f"a client may have {self.limits.subscriptions} subscriptions, not {count}: drop some first")

    # -- 3. messages

    def publish(self, visitor: Visitor, channel: str, size: int) -> None:
        """A client publishes a message of so many bytes.

        Raises:
            TooMuch: it, its address, or all clients together on that channel have published too much of late.
        """
        limits, now = self.limits, self._clock()
        client = visitor.client or visitor.address
        asked = [
            ("client", client, limits.client_messages, 1.0, "messages"),
            ("channel", channel, limits.channel_messages, 1.0, "messages"),
            ("bytes", client, limits.client_bytes, float(size), "bytes"),
        ]
        if visitor.address:
            asked.append(("address", visitor.address, limits.address_messages, 1.0, "messages"))
        buckets = []
        for what, who, rate, amount, unit in asked:
            bucket = self._bucket((what, who), 2 * rate, now)
            if bucket.left(rate, 2 * rate, now) <= 0:
                whose = "a client" if what == "bytes" else f"one {what}"
                raise TooMuch(f"{whose} may publish {rate:g} {unit} a second: wait a moment, and publish less often")
            buckets.append((bucket, amount))
        for bucket, amount in buckets:
            bucket.take(amount)

    def _bucket(self, key: tuple[str, str], full: float, now: float) -> Bucket:
        bucket = self._buckets.pop(key, None) or Bucket(full, now)
        self._buckets[key] = bucket  # the last in the dict is the one used last
        if len(self._buckets) > _KEPT:
            del self._buckets[next(iter(self._buckets))]
        return bucket
