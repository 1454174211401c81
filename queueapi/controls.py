"""What can be changed while everything runs: pauses and limits. What a backend offers for that."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Literal, NamedTuple, Protocol

from queueapi.errors import NotOffered


class Pause(NamedTuple):
    """What shall not begin, on any worker: a queue's jobs, or a kind's."""

    what: Literal["queue", "kind"]
    name: str
    paused_at: dt.datetime


class LimitStatus(NamedTuple):
    """A limit, and how far it is used up.

    Attributes:
        key: ``at-once:NAME`` or ``rate:NAME``, with ``:VALUE`` if it is of a value of its own.
        slots: at most so many run at once.
        starts, per: at most so many begin in so many seconds. bucket: refilled evenly, not as a window.
        by_hand: said at run time; the class does not count.
        used: so many begun, of the starts.
        running: so many have a place now, of the slots.
        waiting: so many are held back by it; no more than 10,000 are counted.
    """

    key: str
    slots: int | None
    starts: int | None
    per: float | None
    bucket: bool
    by_hand: bool
    used: float
    running: int
    waiting: int


class Controls(Protocol):
    """The switches of a backend."""

    def pause(self, what: Literal["queue", "kind"], name: str) -> bool:
        """Let none of it begin any more, on any worker; whether that is new."""

    def resume(self, what: Literal["queue", "kind"], name: str) -> bool:
        """Let it go on; whether it was paused."""

    def paused(self) -> list[Pause]:
        """All that is paused."""

    def set_limit(self, key: str, slots: int | None, starts: int | None, period: float | None, bucket: bool) -> None:
        """Say what the limit is, whatever the class says, for the key and for those of its values that nothing else
        was said of."""

    def forget_limits(self, keys: Sequence[str]) -> bool:
        """Let the class count again; whether anything else was said of any of these keys."""

    def limits(self) -> list[LimitStatus]:
        """All limits that were used lately, or said at run time."""


def controls_of(backend: object, doing: str) -> Controls:
    """The backend's switches.

    Raises:
        NotOffered: it has none.
    """
    controls: Controls | None = getattr(backend, "controls", None)
    if controls is None:
        raise NotOffered(f"{doing} is for jobs on PostgreSQL, which workers share; this queue lives in its own process")
    return controls
