"""What one connection of Pusher's protocol is subscribed to, and what it is told of it."""

from __future__ import annotations

from typing import Final

import msgspec

from longpoll.dialects.pusher import Meta, Person, read_meta
from longpoll.dialects.pusher_names import TO_USER, is_presence, user_channel
from longpoll.dialects.pusher_words import word
from longpoll.names import Channels, state_of
from longpoll.waiter import Told
from queueapi.messages import Message
from queueapi.presence import ADDED, REMOVED

_OTHERS: Final = Meta()
_decode = msgspec.json.Decoder().decode


class Subscription:
    """One channel.

    Attributes:
        member: as whom, in a presence channel.
        number: what a message about members has, at most, that the client has in its list already.
        waiting: what came before the client was told that it is subscribed; None: it was told.
        latest: what a cache channel remembers.
    """

    __slots__ = ("latest", "member", "number", "thing", "waiting")

    def __init__(self, channel: str, member: Person | None = None) -> None:
        state = state_of(channel)
        self.thing: int | str = channel if state is None else state
        self.member = member
        self.number = 0
        self.waiting: list[Told] | None = None
        self.latest: Message | None = None


class Standing(msgspec.Struct, omit_defaults=True):
    """A connection between two requests, as whoever answers the next gets it.

    Attributes:
        established: whether the client has been told its socket id.
        channels: with the member's id and :attr:`Subscription.number`, where there is one.
        user_data: of who is signed in, as it was signed.
        to_user: whether it listens to what is sent to its user.
    """

    established: bool = False
    channels: dict[str, tuple[str | None, int]] = {}
    user_data: str | None = None
    to_user: bool = False


FRESH: Final = "{}"  # the Standing of a client that has not been told anything

read = msgspec.json.Decoder(Standing).decode


def written(standing: Standing) -> str:
    """As a row has it; :func:`read` reads it."""
    return msgspec.json.encode(standing).decode()


class Subscriptions(dict[str, Subscription]):
    """All of a connection's, by the names of their channels.

    1. are kept between two requests; 2. say what to listen to; 3. word what is told.

    Attributes:
        user: who is signed in.
        to_user: whether the client subscribes to what is sent to him.
    """

    __slots__ = ("_socket_id", "to_user", "user")

    def __init__(self, socket_id: str) -> None:
        super().__init__()
        self.user: Person | None = None
        self.to_user = False
        self._socket_id = socket_id

    # -- 1. between two requests

    def put_back(self, standing: Standing) -> None:
        """As they were."""
        for channel, (user_id, number) in standing.channels.items():
            self[channel] = subscription = Subscription(channel, None if user_id is None else Person(user_id, None))
            subscription.number = number
        self.to_user = standing.to_user

    def standing(self, user_data: str | None) -> Standing:
        """As they are."""
        channels = {
            channel: (None if one.member is None else one.member.id, one.number) for channel, one in self.items()
        }
        return Standing(True, channels, user_data, self.to_user)

    # -- 2. listening

    def channels(self, *more: str) -> Channels:
        """What to listen to, and those channels of the log as well."""
        jobs = [(one.thing, channel) for channel, one in self.items() if isinstance(one.thing, int)]
        logs = [(one.thing, channel) for channel, one in self.items() if isinstance(one.thing, str)]
        if self.user is not None:
            more = (*more, user_channel(self.user.id))
        return Channels(tuple(jobs), (*logs, *((name, name) for name in more)))

    @property
    def is_waiting(self) -> bool:
        """Whether the client has not been told of each yet whether it is subscribed."""
        return any(one.waiting is not None for one in self.values())

    # -- 3. wording

    def worded(self, told: Told) -> str | None:
        """The frame; None if the client is not to hear that, or has heard it."""
        subscription = self.get(told.channel)
        if subscription is None:
            return self._worded_for_user(told)
        meta = _OTHERS if told.meta is None else read_meta(told.meta)
        if meta.sender == self._socket_id:
            return None
        if not meta.internal:
            user_id = meta.user_id if is_presence(told.channel) else None
            return word(told.event, told.channel, told.data, user_id)
        if told.event in (ADDED, REMOVED) and self._knows(subscription, told):
            return None
        return word(f"pusher_internal:{told.event}", told.channel, told.data)

    def _worded_for_user(self, told: Told) -> str | None:
        if self.user is None or not self.to_user or told.channel != user_channel(self.user.id):
            return None
        return word(told.event, TO_USER + self.user.id, told.data)

    def _knows(self, subscription: Subscription, told: Told) -> bool:
        """Of itself a client is told nothing, and nothing that its list of members takes into account."""
        if int(told.id) <= subscription.number:
            return True
        return subscription.member is not None and _decode(told.data).get("user_id") == subscription.member.id
