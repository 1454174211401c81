"""What a client of Pusher's protocol says, and what is done about it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import msgspec

from longpoll.dialects import pusher, pusher_words
from longpoll.dialects.pusher import Frame, Person, Subscribe
from longpoll.dialects.pusher_auth import BadSignature
from longpoll.dialects.pusher_names import (
    CLIENT,
    TO_USER,
    checked_event,
    checked_name,
    is_cache,
    is_presence,
    is_signed,
    takes_client_events,
)
from longpoll.endpoints.pusher_subscriptions import Subscription
from longpoll.errors import BadRequest, BadTicket, Forbidden, Refused, TooMuch, Unavailable
from longpoll.meter import Bucket
from queueapi.errors import StoreUnavailable
from queueapi.messages import NewMessage

if TYPE_CHECKING:
    from longpoll.endpoints.pusher_connection import Connection

# Frames that one client may send: so many a second, and as many at once as a page needs that has come back.
FRAMES: Final = 50.0
AT_ONCE: Final = 500.0
# Client events of one client: what Pusher itself lets through, which typing and pointing do with.
EVENTS: Final = 10.0
# Bytes of a client event: everybody hears what anybody says.
MAX_CLIENT_DATA: Final = 10_240

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


class Hearing:
    """1. hears a frame; 2. subscribes, and unsubscribes; 3. signs in; 4. passes on what a client says to others.

    Any number of frames may be heard at once, each in a thread or greenlet that may wait.
    """

    __slots__ = ("_connection", "_desk", "_events", "_frames")

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._desk = connection.desk
        now = time.monotonic()
        self._frames = Bucket(AT_ONCE, now)
        self._events = Bucket(2 * EVENTS, now)

    # -- 1. a frame

    def hear(self, text: str) -> None:
        """Whatever it is: what is wrong with it is said, and nothing else comes of it."""
        try:
            self._take(self._frames, FRAMES, AT_ONCE, "frames")
            self._do(pusher.read_frame(text))
        except Refused as refused:
            self._connection.say(pusher_words.error(_code(refused), str(refused)))

    def _do(self, frame: Frame) -> None:
        if frame.event == "pusher:ping":
            self._connection.say(pusher_words.pong())
        elif frame.event == "pusher:subscribe":
            self._subscribe(pusher.read_subscribe(frame.data))
        elif frame.event == "pusher:unsubscribe":
            self._unsubscribe(pusher.read_subscribe(frame.data).channel)
        elif frame.event == "pusher:signin":
            self._sign_in(pusher.read_sign_in(frame.data))
        elif frame.event.startswith(CLIENT):
            self._pass_on(frame)
        elif frame.event != "pusher:pong":
            raise BadRequest(f"the event {frame.event[:50]!r} means nothing here: those of clients begin with {CLIENT}")

    def _take(self, bucket: Bucket, rate: float, full: float, what: str) -> None:
        if bucket.left(rate, full, time.monotonic()) <= 0:
            raise TooMuch(f"a client may send {rate:g} {what} a second: wait a moment, and send less often")
        bucket.take(1)

    # -- 2. subscribing

    def _subscribe(self, asked: Subscribe) -> None:
        try:
            if asked.channel.startswith(TO_USER):
                self._subscribe_to_user(asked.channel)
            else:
                self._join(asked)
        except Refused as refused:
            kind = "AuthError" if refused.status in (401, 403) else "LimitReached" if refused.status == 429 else "Error"
            self._connection.say(pusher_words.refused(asked.channel[:200], kind, str(refused), refused.status))
        except StoreUnavailable:
            self._connection.close(pusher.COME_BACK_LATER, "PostgreSQL is away: connect again in a moment")

    def _subscribe_to_user(self, channel: str) -> None:
        connection = self._connection
        with connection.lock:
            user = connection.subscriptions.user
            if user is None or channel != TO_USER + user.id:
                raise BadSignature(f"{channel[:200]!r} is for connections that are signed in as that user")
            connection.subscriptions.to_user = True
        connection.say(pusher_words.succeeded(channel))

    def _join(self, asked: Subscribe) -> None:
        connection = self._connection
        channel = checked_name(asked.channel)
        self._check(channel, asked)
        subscription = Subscription(channel, self._member(asked) if is_presence(channel) else None)
        subscription.waiting = []
        with connection.lock:
            if channel in connection.subscriptions:
                raise BadRequest(f"there is an existing subscription to {channel}")
            self._desk.services.meter.subscribe(len(connection.subscriptions) + 1)
            connection.subscriptions[channel] = subscription
        connection.follow()  # from now on nothing is missed
        if is_cache(channel):
            subscription.latest = self._desk.latest(channel)
        try:
            connection.join(channel, subscription)
        except Unavailable:
            self._unsubscribe(channel)
            raise

    def _check(self, channel: str, asked: Subscribe) -> None:
        """
        Raises:
            BadSignature, BadChannel, Forbidden: the client may not listen there.
        """
        vouched = (
            is_signed(channel)
            and asked.auth is not None
            and self._desk.keys.allows_channel(asked.auth, self._connection.socket_id, channel, asked.channel_data)
        )
        try:
            self._desk.services.door.subscribe(self._connection.visitor, channel, vouched=vouched)
        except BadTicket:
            raise BadSignature(
                f"auth is {'missing' if asked.auth is None else 'wrong'}: sign {self._connection.socket_id}:{channel}"
                f"{'' if asked.channel_data is None else ' and channel_data'} by the application's secret"
            ) from None

    def _member(self, asked: Subscribe) -> Person:
        if asked.channel_data is not None:
            return pusher.read_member(asked.channel_data)
        user = self._connection.subscriptions.user
        if user is None:
            raise BadRequest(f"{asked.channel} needs channel_data that says who comes, or a user who is signed in")
        return user

    def _unsubscribe(self, channel: str) -> None:
        connection = self._connection
        with connection.lock:
            if channel.startswith(TO_USER):
                connection.subscriptions.to_user = False
                return
            if connection.subscriptions.pop(channel, None) is None:
                return
        connection.follow()
        self._desk.presence.leave(connection.socket_id, [channel])

    # -- 3. signing in

    def _sign_in(self, asked: pusher.SignIn) -> None:
        connection = self._connection
        if not self._desk.keys.allows_user(asked.auth, connection.socket_id, asked.user_data):
            sentence = "auth is wrong: sign the socket id, ::user:: and user_data by the application's secret"
            connection.say(pusher_words.error(pusher.NOT_WELCOME, sentence))
            connection.close(pusher.NOT_WELCOME, sentence)
            return
        user = pusher.read_user(asked.user_data)
        with connection.lock:
            connection.user_data, connection.subscriptions.user = asked.user_data, user
        connection.follow()
        connection.say(pusher_words.signed_in(asked.user_data))

    # -- 4. to the others

    def _pass_on(self, frame: Frame) -> None:
        try:
            self._publish(frame)
        except Refused as refused:
            self._connection.say(pusher_words.error(pusher.CLIENT_EVENT, str(refused)))

    def _publish(self, frame: Frame) -> None:
        channel, event = frame.channel or "", checked_event(frame.event)
        member = self._subscribed(channel).member
        data = pusher_words.as_json(_decode(frame.data)) if frame.data.startswith('"') else frame.data
        if (size := len(data.encode())) > MAX_CLIENT_DATA:
            raise TooMuch(f"the data of {event!r} has {size} bytes, and a client's may have {MAX_CLIENT_DATA}")
        self._take(self._events, EVENTS, 2 * EVENTS, "client events")
        services, socket_id = self._desk.services, self._connection.socket_id
        services.meter.publish(self._connection.visitor, channel, size)
        services.door.publish(self._connection.visitor, channel, vouched=True)
        hook: dict[str, object] = {"name": "client_event", "channel": channel, "event": event, "data": data}
        hook["socket_id"] = socket_id
        meta = {"sender": socket_id}
        if member is not None:
            hook["user_id"] = meta["user_id"] = member.id
        try:
            self._desk.publish([NewMessage(channel, event, data, _encode(meta).decode())], hook)
        except StoreUnavailable:
            raise Unavailable("PostgreSQL is away: send it again in a moment") from None

    def _subscribed(self, channel: str) -> Subscription:
        if not self._desk.application.client_events:
            raise Forbidden("client events are switched off")
        if not takes_client_events(channel):
            raise Forbidden(
                f"clients cannot publish on {channel[:200]!r}: they can on private- and presence- channels that are "
                "neither encrypted nor a job's"
            )
        subscription = self._connection.subscriptions.get(channel)
        if subscription is None or subscription.waiting is not None:
            raise Forbidden(f"subscribe to {channel[:200]!r}, and publish there when that has succeeded")
        return subscription


def _code(refused: Refused) -> int | None:
    return pusher.CLIENT_EVENT if refused.status == 429 else None
