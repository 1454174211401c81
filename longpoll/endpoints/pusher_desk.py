"""What all connections of a Pusher application share in one process."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Protocol

import msgspec

from longpoll.dialects import pusher, pusher_words
from longpoll.dialects.pusher_api import CACHE_AGE
from longpoll.dialects.pusher_auth import Keys
from longpoll.dialects.pusher_names import user_channel
from longpoll.endpoints.pusher_application import Application
from longpoll.presence import Presence
from longpoll.pusher_webhooks import Webhooks
from longpoll.services import Services
from queueapi.messages import Message, NewMessage
from queueapi.postgres.atomic import atomic
from queueapi.postgres.census import Census
from queueapi.postgres.messages import Messages
from queueapi.postgres.sessions import Borrowed
from queueapi.presence import Change, Roll

# Of a message that a server says about the channel.
INTERNAL: Final = '{"internal":true}'
# What it says to a user's connections that are to go.
TERMINATE: Final = "terminate"


class Guest(Protocol):
    """A connection, as far as it can be sent away."""

    def close(self, code: int, reason: str) -> None:
        """Send it away. Twice is harmless."""


class Desk:
    """1. keeps who is connected here; 2. publishes; 3. tells the log, and webhooks, who comes and goes; 4. sends
    everybody away.

    Attributes:
        keys: the application's.
        presence: tells the database.
    """

    def __init__(self, application: Application, services: Services) -> None:
        self.application = application
        self.services = services
        self.keys = Keys(application.key, application.secret)
        self.webhooks = Webhooks(services.runtime, application.key, application.webhooks)
        self.presence = Presence(
            services.runtime.open,
            services.feed.events,
            self._announce,
            self._tell_counts if application.subscription_counts else None,
            lambda: self._send_away(pusher.COME_BACK, "this server was taken for dead: connect again"),
            lambda: self._send_away(pusher.COME_BACK, "this server stops: connect again"),
        )
        services.feed.guests.join(self.presence)
        self._guests: set[Guest] = set()
        self._worded: tuple[Roll | None, dict[str, str]] = (None, {})

    # -- 1. who is connected

    def enter(self, guest: Guest) -> None:
        """It is connected, until :meth:`leave`."""
        self._guests.add(guest)

    def leave(self, guest: Guest) -> None:
        """It is not any more. Twice is harmless."""
        self._guests.discard(guest)

    def work(self, task: Callable[[], object]) -> None:
        """Do what may take its time, when whoever asks has no time."""
        threading.Thread(target=_guarded, args=(task,), daemon=True).start()

    def members(self, roll: Roll, channel: str) -> str:
        """The channel's members, as a client is told them: worded once for all who have joined together."""
        of, worded = self._worded
        if of is not roll:
            of, worded = self._worded = roll, {}
        if channel not in worded:
            worded[channel] = pusher_words.members_of(roll.members.get(channel, ()))
        return worded[channel]

    def latest(self, channel: str) -> Message | None:
        """What a cache channel remembers.

        Raises:
            StoreUnavailable: PostgreSQL is away.
        """
        found = Census(self.services.runtime.pool).latest([channel], CACHE_AGE).get(channel)
        return None if found is None else found.message

    def missed(self, channel: str) -> None:
        """A cache channel had nothing to remember: webhooks are told, whose turn it is to say something."""
        if self.webhooks:
            self.work(lambda: self.publish([], {"name": "cache_miss", "channel": channel}))

    # -- 2. publishing

    def publish(self, messages: Sequence[NewMessage], *hooks: Mapping[str, object]) -> None:
        """Publish messages, and tell webhooks about it: both or neither.

        Raises:
            StoreUnavailable: PostgreSQL is away.
        """
        pool = self.services.runtime.pool
        if not hooks or not self.webhooks:
            Messages(pool).publish(messages)
            return
        with atomic(pool) as inside:
            if messages:
                Messages(inside).publish(messages)
            self.webhooks.push(inside, hooks)

    def terminate(self, user_id: str) -> None:
        """Send away all connections that are signed in as that user, on all nodes.

        Raises:
            StoreUnavailable: PostgreSQL is away.
        """
        self.publish([NewMessage(user_channel(user_id), TERMINATE, "null", INTERNAL)])

    # -- 3. who comes and goes

    def _announce(self, inside: Borrowed, changes: Sequence[Change]) -> None:
        told = [
            NewMessage(
                one.channel, one.event, pusher_words.member(pusher.Person(one.user_id, one.info)), INTERNAL
            )
            for one in changes
            if one.user_id is not None
        ]  # fmt: skip
        if told:
            Messages(inside).publish(told)
        self.webhooks.push(inside, [_hook(one) for one in changes])

    def _tell_counts(self, inside: Borrowed, counts: Mapping[str, int]) -> None:
        told = [NewMessage(name, "subscription_count", _count(count), INTERNAL) for name, count in counts.items()]
        Messages(inside).publish(told)
        hooks = [
            {"name": "subscription_count", "channel": name, "subscription_count": count}
            for name, count in counts.items()
        ]
        self.webhooks.push(inside, hooks)

    # -- 4. away

    def _send_away(self, code: int, reason: str) -> None:
        for guest in list(self._guests):
            guest.close(code, reason)


def _hook(change: Change) -> dict[str, object]:
    hook: dict[str, object] = {"name": change.event, "channel": change.channel}
    if change.user_id is not None:
        hook["user_id"] = change.user_id
    return hook


def _count(count: int) -> str:
    return msgspec.json.encode({"subscription_count": count}).decode()


def _guarded(task: Callable[[], object]) -> None:
    try:
        task()
    except Exception:
        logging.getLogger("longpoll").exception("what a connection asked for failed")
