"""What a connection of Pusher's protocol and whatever carries it hand each other."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from longpoll.endpoints.pusher_subscriptions import Standing


class Wire(Protocol):
    """What carries a connection. Calls come one after another, and must not block."""

    def send(self, frame: str) -> None:
        """To the client."""

    def flush(self) -> None:
        """There is no more for now."""

    def idle(self) -> None:
        """Nothing has come for a while."""

    def close(self, code: int, reason: str) -> None:
        """After all that was sent."""

    def end(self) -> None:
        """It is over, whoever ended it: what it held is given up."""


class Rest(NamedTuple):
    """What is left of a connection that has been answered."""

    standing: Standing
    cursor: str | None
