"""One client's session, on the node that serves it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import lru_cache
from typing import Protocol

from longpoll.cursor import decode
from longpoll.errors import Refused, Unavailable
from longpoll.follower import Follower
from longpoll.hub import Hub
from longpoll.sessions.asking import Answer, Connect, Held, Sent, Stream
from longpoll.sessions.subscriptions import Beginnings, Subscriptions, beginning, channels_of, dump, load
from longpoll.waiter import News, Waiter
from queueapi.postgres.clients import ClientRow

_decode = lru_cache(maxsize=1_000)(decode)  # after a message to thousands all of them have the same


class Notes(Protocol):
    """Where a session's state is written down; see :mod:`longpoll.sessions.ledger`."""

    def note(self, session: Session) -> None:
        """Soon."""

    def write(self, session: Session, then: Callable[[bool], object]) -> None:
        """Now, and then call ``then`` with whether the session is still this node's."""


class Session:
    """1. holds one connect and answers it; 2. takes from the next whether that answer arrived, and if not, sends the
    same again; 3. changes what is listened to, also meanwhile; 4. has a stream instead, which nothing confirms but its
    cursor; 5. says where it stands; 6. ends here, because another node has it, or for good.

    Confirmed is what another connect has asked beyond: one with another id or, if the client counts, with the number
    of the last answer. How far that reached is written down before it is sent where the client counts or wanders from
    node to node, so that nothing comes twice; otherwise soon after: if this process dies in between, something does.
    """

    def __init__(self, row: ClientRow, hub: Hub, notes: Notes) -> None:
        self.id = row.id
        self.turn = row.turn
        self.key = (row.id, row.turn)  # what is written about it must bear both
        self.roaming = row.roaming
        self.acks = row.acks
        self.editing = threading.Lock()  # whoever changes the subscriptions, in the table as well
        self.subscriptions: Subscriptions = load(row.subscriptions or "{}")
        self.seen_at = time.monotonic()
        self._hub = hub
        self._notes = notes
        self._lock = threading.Lock()  # held for no longer than it takes to look
        self._channels = channels_of(self.subscriptions)
        self._beginnings = Beginnings(self.subscriptions)
        self._version = 0  # of the channels
        self._cursor = row.cursor
        self._sent = None if row.sent is None else Sent(row.sent, row.sent_for or "", row.number)
        self._number = row.number
        self._fresh = row.sent is None and not row.number  # no connect yet, as far as is known
        self._held: Held | None = None
        self._stream: Stream | None = None

    # -- 1. a connect

    def connect(self, connect: Connect, answer: Callable[[Answer], object]) -> Held:
        """Answer with what came since, at once or later; another connect that waits is answered empty-handed.

        Raises:
            Unavailable: PostgreSQL must be asked for that, and is away.
        """
        held = Held(connect, answer)
        if self._fresh:  # clients wait for this one before they do anything else
            held.until, self._fresh = 0.0, False
        if self._stream is not None and held.until <= time.monotonic():
            answer(Answer(None, self._number))  # what comes goes over the stream
            return held
        self._leave_stream()
        with self._lock:
            former, self._held = self._held, held
            self._confirm(connect)
        self._dismiss(former)
        try:
            self._wait(held)
        except Refused:
            self.forget(held)
            raise
        return held

    def _wait(self, held: Held) -> None:
        with self._lock:
            if self._held is not held:
                return
            version, cursor = self._version, _decode(self._cursor)
            held.waiter = waiter = Waiter(self._channels, lambda news: self._heard(held, waiter, news))
        self._hub.wait(waiter, cursor, held.until - time.monotonic(), unreadable=cursor is None)
        if version != self._version:
            self._wait_anew(held, waiter)

    def _wait_anew(self, held: Held, waiter: Waiter) -> None:
        """Other channels are wanted. Where it was answered meanwhile, the next connect asks for them."""
        cursor = self._hub.take_back(waiter)
        if cursor is not None:
            with self._lock:
                if self._held is held:
                    self._cursor = cursor
            self._wait(held)

    def _heard(self, held: Held, waiter: Waiter, news: News) -> None:
        with self._lock:
            if self._held is not held or held.waiter is not waiter:
                return  # nobody is waiting for this; what it says is found again
            self._held = None
            self.seen_at = time.monotonic()
            news = self._beginnings.trim(news)
            if news.messages or news.reset:
                self._number += 1
                self._sent = Sent(news.cursor, held.id, self._number)
            else:
                self._cursor = news.cursor
            answer = Answer(news, self._number)
        if (self.acks or self.roaming) and (news.messages or news.reset):
            self._notes.write(self, lambda ours: held.answer(answer if ours else Answer(None, answer.number)))
        else:
            held.answer(answer)
            self._notes.note(self)

    def forget(self, held: Held) -> None:
        """The client has left. Harmless if it was answered."""
        with self._lock:
            if self._held is not held:
                return
            self._held = None
        if held.waiter is not None:
            self._hub.forget(held.waiter)

    def release(self) -> None:
        """Answer the connect that waits, if there is one: its client has something else to do, or to hear."""
        with self._lock:
            held, self._held = self._held, None
        self._dismiss(held)

    def _dismiss(self, held: Held | None) -> None:
        if held is not None:
            if held.waiter is not None:
                self._hub.forget(held.waiter)
            held.answer(Answer(None, self._number))

    # -- 2. what has arrived

    def _confirm(self, connect: Connect) -> None:
        self.seen_at = time.monotonic()
        sent, self._sent = self._sent, None
        if sent is None:
            return
        counts = self.acks and connect.ack is not None
        arrived = connect.ack == sent.number if counts else connect.id is None or connect.id != sent.id
        if arrived:
            self._cursor = sent.cursor
            self._beginnings.pass_by(sent.cursor)

    # -- 3. what is listened to

    def change(self, subscriptions: Subscriptions) -> None:
        """From now on these."""
        with self._lock:
            self.subscriptions = subscriptions
            self._channels = channels_of(subscriptions)
            self._beginnings = Beginnings(subscriptions)
            self._version += 1
            held, stream = self._held, self._stream
            waiter = held.waiter if held else None
        if stream is not None:
            stream.follower.change(self._channels)
        if held is not None and waiter is not None:
            try:
                self._wait_anew(held, waiter)
            except Unavailable:
                self.release()

    def beginning(self, snapshot: str) -> str | None:
        """From when on it hears what it subscribes to at that moment of the database."""
        return beginning(self._cursor, snapshot)

    # -- 4. a stream

    def stream(self, cursor: str | None, tell: Callable[[News], object], ended: Callable[[], object]) -> Stream:
        """Tell what came since the cursor, or since what was confirmed, until the stream is left or ended."""
        follower = Follower(self._hub, lambda news: tell(self._beginnings.trim(news)), lambda _: self.leave(stream))
        stream = Stream(follower, ended)
        self.release()
        self._leave_stream()
        with self._lock:
            self._stream = stream
            if cursor is not None and _decode(cursor) is not None:
                self._cursor = cursor  # so far it came: nobody knows better than the client
            channels, start = self._channels, self._cursor if cursor is None else cursor
        stream.follower.follow(channels, start)
        return stream

    def beat(self) -> None:
        """Its client is there: it has what was sent before it last said so."""
        with self._lock:
            self.seen_at = time.monotonic()
            if self._stream is not None:
                self._cursor = self._stream.mark or self._cursor
                self._stream.mark = self._stream.follower.cursor
        self._notes.note(self)

    def leave(self, stream: Stream) -> None:
        """It is over. Twice is harmless."""
        stream.follower.stop()
        with self._lock:
            if self._stream is stream:
                self._stream = None
                self.seen_at = time.monotonic()
        stream.end()

    def _leave_stream(self) -> None:
        if (stream := self._stream) is not None:
            self.leave(stream)

    # -- 5. where it stands

    def row(self, subscriptions: Subscriptions | None = None) -> ClientRow:
        """As it is written down."""
        text = None if subscriptions is None else dump(subscriptions)
        with self._lock:
            cursor, for_ = (self._sent.cursor, self._sent.id) if self._sent else (None, None)
            return ClientRow(
                self.id, self.turn, self.roaming, self.acks, text, self._cursor, cursor, for_, self._number
            )

    def is_idle(self, seconds: float) -> bool:
        """Whether nothing was heard of its client for so long."""
        return not self._held and not self._stream and time.monotonic() - self.seen_at > seconds

    # -- 6. the end

    def end(self) -> None:
        """Here, at least. Its client asks again, and is told what is so, or goes on elsewhere."""
        self.release()
        self._leave_stream()
