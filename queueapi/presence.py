"""Who is connected to which channels: what connections do, and what comes of it. Values alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from queueapi.messages import Message

OCCUPIED: Final = "channel_occupied"
VACATED: Final = "channel_vacated"
ADDED: Final = "member_added"
REMOVED: Final = "member_removed"


class Joining(NamedTuple):
    """A connection that subscribes to a channel.

    Attributes:
        user_id: of a member; None in a channel that has none.
        info: JSON, what the others are told of the member.
        fallback: the connection lives as long as its row in ``fallbacks``, not as long as the node.
    """

    connection: str
    channel: str
    user_id: str | None = None
    info: str | None = None
    fallback: bool = False


class Leaving(NamedTuple):
    """A connection that leaves a channel."""

    connection: str
    channel: str


class Releasing(NamedTuple):
    """A fallback connection that has been answered, and what whoever answers it next needs to know."""

    id: str
    lease: int
    state: str
    cursor: str | None


class Ending(NamedTuple):
    """A fallback connection that is over."""

    id: str
    lease: int


class Change(NamedTuple):
    """What came of it: one of the four words above, for one channel. ``user_id`` and ``info`` are a member's."""

    event: str
    channel: str
    user_id: str | None
    info: str | None


class Roll(NamedTuple):
    """The members of channels, as (user_id, info), and the highest number of a message that they take into account."""

    number: int
    members: Mapping[str, Sequence[tuple[str, str | None]]]


class Outcome(NamedTuple):
    """What was carried out.

    Attributes:
        joined: the (connection, channel) that are subscribed now. Of a fallback connection that is over, none are.
        full: those that are not, since the channel has as many members as it may.
        released: ids of fallback connections that were still ours to give back.
    """

    joined: set[tuple[str, str]]
    full: set[tuple[str, str]]
    released: set[str]
    roll: Roll


class Crowd(NamedTuple):
    """How many connections a channel has, and how many members."""

    connections: int
    users: int


class Latest(NamedTuple):
    """The last message of a channel, and its age in seconds. Of its transaction nothing is known."""

    message: Message
    age: float
