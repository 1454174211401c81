"""What was published before somebody came: the last messages of channels, and the cursor that goes on from there.

The messages and the cursor are one look at the log, so a poll with that cursor brings what is not among them, and
nothing that is. How far back anybody may look is said for each channel by :meth:`longpoll.log.Channels.keep`.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from longpoll.cursor import Snapshot, encode, epoch_of
from longpoll.names import checked_pattern, shortened
from queueapi.errors import SettingsError
from queueapi.messages import Message
from queueapi.runtime import Runtime

# Messages of a channel of which nobody has said otherwise: a page of them. How old they may be is not limited
# further: the log itself forgets them.
COUNT: Final = 100
# The most that can be said, which is also what a poll brings at once; and bytes of all together.
MOST: Final = 5_000
MOST_BYTES: Final = 16_000_000

DAY: Final = 86_400.0
_LARGEST: Final = 2**31


class Published(NamedTuple):
    """A message that was published; ``at`` has a timezone."""

    id: int
    channel: str
    event: str
    data: Any
    at: dt.datetime


class Past(NamedTuple):
    """The last messages of a channel, oldest first.

    Attributes:
        cursor: for the page, which goes on from there: ``live.subscribe('news', cursor)``; in other clients the
            cursor of the first poll, event stream or websocket frame.
    """

    messages: list[Published]
    cursor: str


def past_of(runtime: Runtime, channel: str, count: int | None, age: float | None) -> Past:
    """As :func:`read`, of one channel, for Python."""
    messages, cursor = read(runtime, [channel], count, age)
    return Past([Published(m.id, m.channel, m.event, json.loads(m.data), at) for m, at in messages], cursor)


def read(
    runtime: Runtime, channels: Sequence[str], count: int | None = None, age: float | None = None
) -> tuple[list[tuple[Message, dt.datetime]], str]:
    """The last messages of some channels, in the order of the log, and the cursor that goes on from there.

    Args:
        channels: their names in the log.
        count: of each, at most; also at most what :func:`keep` says.
        age: in seconds, likewise.

    Raises:
        SettingsError: a number is out of range.
        StoreUnavailable: PostgreSQL is away.
    """
    if (count is not None and not 0 <= count < _LARGEST) or (age is not None and not 0 < age < _LARGEST):
        raise SettingsError(f"count={count} and age={age} must be a number of messages and a time in seconds")
    from queueapi.postgres.messages import Limits, Messages

    log = Messages(runtime.pool)
    # The name first: if the database is replaced meanwhile, the cursor is found to be of another, and not of this one.
    epoch, _ = log.position()
    usual = Limits(COUNT, runtime.settings.message_days * DAY)
    by_channel = {channel: closest_first(channel) for channel in channels}
    snapshot, messages = log.history(by_channel, Limits(count, age), usual, MOST_BYTES)
    return messages, encode(epoch_of(epoch), Snapshot.parse(snapshot), {})


def keep(runtime: Runtime, pattern: str, count: int | None, age: float | None) -> None:
    """See :meth:`longpoll.log.Channels.keep`."""
    from queueapi.postgres.messages import Messages

    log, key = Messages(runtime.pool), checked_pattern(pattern)
    if count is None and age is None:
        log.forget_keep(key)
        return
    longest = runtime.settings.message_days * DAY
    number, seconds = COUNT if count is None else count, longest if age is None else age
    if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number <= MOST:
        raise SettingsError(f"count={shortened(count)} of {pattern} must be a whole number from 0 to {MOST:,}")
    if not 0 < seconds <= longest:
        raise SettingsError(
            f"age={age} of {pattern} must be above 0 and at most {longest:,.0f} seconds, as long as messages are kept: "
            "raise QUEUEAPI_MESSAGE_DAYS"
        )
    log.keep(key, number, float(seconds))


def closest_first(channel: str) -> list[str]:
    """What limits of that channel may be said for: its own name, then the patterns around it. Private ones are not left
    out: a limit shows nobody anything."""
    parts = channel.split(".")
    above = [".".join(parts[:depth]) + "." if depth else "" for depth in reversed(range(len(parts)))]
    return [channel, f"{above[0]}*", *(f"{prefix}**" for prefix in above)]


def seconds_of(time: float | dt.timedelta | None) -> float | None:
    """A time as a number of seconds."""
    return time.total_seconds() if isinstance(time, dt.timedelta) else time
