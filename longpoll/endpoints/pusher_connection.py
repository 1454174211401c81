"""One client of Pusher's protocol, whatever carries it: a websocket, a stream, or one poll after another."""

from __future__ import annotations

import threading
from typing import Final

import msgspec

from longpoll.dialects import pusher, pusher_words
from longpoll.dialects.pusher_names import fallback_channel, is_cache, user_channel
from longpoll.door import Visitor
from longpoll.endpoints.pusher_desk import TERMINATE, Desk
from longpoll.endpoints.pusher_hearing import Hearing
from longpoll.endpoints.pusher_subscriptions import Standing, Subscription, Subscriptions
from longpoll.endpoints.pusher_wire import Rest, Wire
from longpoll.errors import Refused
from longpoll.follower import Follower
from longpoll.names import Channels
from longpoll.presence import MEMBERS
from longpoll.waiter import News, Told
from queueapi.presence import Joining, Outcome

_LOST: Final = "messages may be missing: connect again"
_decode = msgspec.json.Decoder(str).decode


class Connection:
    """1. begins, or goes on where another node left it; 2. hears what its client says; 3. subscribes; 4. tells what
    comes; 5. is given up, so that another goes on with it; 6. ends.

    Args:
        wire: what carries it.
        session: it has no websocket, and outlives this request under that name.
    """

    __slots__ = (
        "_busy", "_cursor", "_follower", "_hearing", "_inbox", "_over", "desk", "lock", "socket_id", "subscriptions",
        "user_data", "visitor", "wire",
    )  # fmt: skip

    def __init__(self, desk: Desk, visitor: Visitor, wire: Wire, socket_id: str, session: str | None = None) -> None:
        self.desk = desk
        self.visitor = visitor
        self.wire = wire
        self.socket_id = socket_id
        self._inbox = None if session is None else fallback_channel(session)
        self.subscriptions = Subscriptions(socket_id)
        self.user_data: str | None = None
        self.lock = threading.RLock()
        self._hearing = Hearing(self)
        self._follower = Follower(desk.services.hub(), self._tell, self._fail)
        self._cursor: str | None = None
        self._busy = 0  # frames that are being heard
        self._over = False

    # -- 1. beginning

    def begin(self, standing: Standing | None = None, cursor: str | None = None) -> None:
        """Listen, and say who it is to a client that has not been told."""
        if standing is not None:
            self.subscriptions.put_back(standing)
            self.user_data = standing.user_data
            self.subscriptions.user = None if self.user_data is None else pusher.read_user(self.user_data)
        self._cursor = cursor
        self.desk.enter(self)
        self._busy += 1
        self._follower.follow(self._channels(), cursor)
        with self.lock:
            if standing is None or not standing.established:
                self.say(pusher_words.established(self.socket_id))
            self._busy -= 1
            self._flush()

    def follow(self) -> None:
        """Listen to what it is subscribed to now, from where it stands."""
        self._follower.change(self._channels())

    def _channels(self) -> Channels:
        with self.lock:
            return self.subscriptions.channels(*([] if self._inbox is None else [self._inbox]))

    # -- 2. hearing

    def hear(self, text: str) -> bool:
        """The client says something; may take its time. False: it has been given up, another must hear it."""
        with self.lock:
            if self._over:
                return False
            self._busy += 1
        try:
            self._hearing.hear(text)
        finally:
            with self.lock:
                self._busy -= 1
                self._flush()
        return True

    def say(self, frame: str) -> None:
        """To the client."""
        with self.lock:
            if not self._over:
                self.wire.send(frame)

    @property
    def is_over(self) -> bool:
        """Whether it has been given up, or has ended."""
        return self._over

    @property
    def is_quiet(self) -> bool:
        """Whether nothing is under way that its client waits for."""
        return not self._busy and not self.subscriptions.is_waiting

    def _flush(self) -> None:
        if not self._over:
            self.wire.flush()

    # -- 3. subscribing

    def join(self, channel: str, subscription: Subscription) -> None:
        """Have the database know of it, unless the client has changed its mind, or is gone."""
        member = subscription.member
        joining = Joining(
            self.socket_id,
            channel,
            None if member is None else member.id,
            None if member is None else member.info,
            self._inbox is not None,
        )
        with self.lock:
            if not self._over and self.subscriptions.get(channel) is subscription:
                self.desk.presence.join(joining, lambda outcome: self._joined(channel, subscription, outcome))

    def _joined(self, channel: str, subscription: Subscription, outcome: Outcome | None) -> None:
        """The client is told so, and what has come meanwhile."""
        with self.lock:
            if self._over or outcome is None or self.subscriptions.get(channel) is not subscription:
                return
            if (self.socket_id, channel) in outcome.full:
                self._turn_away(channel)
                return
            if (self.socket_id, channel) not in outcome.joined:
                self.close(pusher.COME_BACK, "this connection is no more: connect again")
                return
            roll = outcome.roll
            subscription.number = roll.number
            is_member = subscription.member is not None
            self.say(pusher_words.succeeded(channel, self.desk.members(roll, channel) if is_member else None))
            waiting, subscription.waiting = subscription.waiting or [], None
            if is_cache(channel):
                self._recall(channel, subscription, {told.id for told in waiting})
            for told in waiting:
                self._pass_on(told)
            self._flush()

    def _turn_away(self, channel: str) -> None:
        del self.subscriptions[channel]
        sentence = f"{channel} has {MEMBERS} members, and can have no more"
        self.say(pusher_words.refused(channel, "LimitReached", sentence, 429))
        self._flush()
        self.desk.work(self.follow)

    def _recall(self, channel: str, subscription: Subscription, coming: set[str]) -> None:
        latest = subscription.latest
        if latest is None:
            self.say(pusher_words.cache_miss(channel))
            self.desk.missed(channel)
        elif str(latest.id) not in coming:
            self.say(pusher_words.word(latest.event, channel, latest.data))

    # -- 4. telling

    def _tell(self, news: News) -> None:
        with self.lock:
            if self._over:
                return
            if news.reset:
                self.close(pusher.COME_BACK, _LOST)
                return
            for told in news.messages:
                self._told(told)
            is_first, self._cursor = self._cursor is None, news.cursor
            if news.messages:
                self._flush()
            elif not is_first:
                self.wire.idle()

    def _told(self, told: Told) -> None:
        user = self.subscriptions.user
        if told.channel == self._inbox:
            self._hear_later(_decode(told.data))
        elif told.event == TERMINATE and user is not None and told.channel == user_channel(user.id):
            self.close(pusher.NOT_WELCOME, "the application has sent you away")
        elif (subscription := self.subscriptions.get(told.channel)) and subscription.waiting is not None:
            subscription.waiting.append(told)
        else:
            self._pass_on(told)

    def _pass_on(self, told: Told) -> None:
        frame = self.subscriptions.worded(told)
        if frame is not None:
            self.say(frame)

    def _hear_later(self, frame: str) -> None:
        self._busy += 1

        def hear() -> None:
            try:
                self._hearing.hear(frame)
            finally:
                with self.lock:
                    self._busy -= 1
                    self._flush()

        self.desk.work(hear)

    # -- 5. giving up

    def give_up(self) -> Rest:
        """Tell nothing more; how another goes on. To be called when it is quiet."""
        with self.lock:
            self._over = True
            self.desk.leave(self)
            return Rest(self.subscriptions.standing(self.user_data), self._follower.leave() or self._cursor)

    # -- 6. the end

    def close(self, code: int, reason: str) -> None:
        """Send it away. Twice is harmless."""
        with self.lock:
            if not self._over:
                self._end()
                self.wire.close(code, reason)

    def gone(self) -> None:
        """Its client has left. Twice is harmless."""
        with self.lock:
            if not self._over:
                self._end()

    def _end(self) -> None:
        self._over = True
        self.desk.leave(self)
        self._follower.stop()
        self.wire.end()

    def _fail(self, refused: Refused) -> None:
        self.close(pusher.COME_BACK_LATER, str(refused))
