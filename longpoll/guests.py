"""What shares a feed's ear and its life: told of notifications of its own, started and stopped with it."""

from __future__ import annotations

from typing import Protocol


class Guest(Protocol):
    """One of them.

    Attributes:
        channel: the NOTIFY channel that it wants to hear; None: it only lives as long as the feed.
    """

    @property
    def channel(self) -> str | None: ...

    def start(self) -> None:
        """The hub is there, in this process; after a fork, again in the child."""

    def heard(self, payload: str) -> None:
        """A notification came."""

    def look_again(self) -> None:
        """Nobody knows what was said until now: the listening has just begun, or begun anew."""

    def stop(self) -> None:
        """Everybody has been answered; what is to be written must be written now."""


class Guests:
    """All of a feed's. They join before it starts."""

    def __init__(self) -> None:
        self._all: list[Guest] = []

    def join(self, guest: Guest) -> None:
        """From the start on it hears what is said on its channel."""
        self._all.append(guest)

    @property
    def channels(self) -> list[str]:
        """What they want to hear."""
        return [guest.channel for guest in self._all if guest.channel is not None]

    def start(self) -> None:
        """See :class:`Guest`."""
        for guest in self._all:
            guest.start()

    def heard(self, channel: str, payload: str) -> None:
        """See :class:`Guest`."""
        for guest in self._all:
            if guest.channel == channel:
                guest.heard(payload)

    def look_again(self) -> None:
        """See :class:`Guest`."""
        for guest in self._all:
            guest.look_again()

    def stop(self) -> None:
        """See :class:`Guest`."""
        for guest in self._all:
            guest.stop()
