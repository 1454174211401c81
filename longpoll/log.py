"""Message channels from the application's side: ``channels['news'].trigger('published', {...})``.

A message is a row of the log. It can be written in the caller's transaction, by a web app, a job, a script, or by hand
in psql: whoever commits it has published it.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from longpoll import past
from longpoll.names import CHANNEL, checked_channel, checked_pattern, shortened
from longpoll.past import Past, seconds_of
from queueapi.borrowing import borrowed
from queueapi.errors import SettingsError
from queueapi.handles import TICKET_EXPIRES
from queueapi.messages import NewMessage
from queueapi.runtime import Runtime
from queueapi.serializer import data_dumps

# What a message is called where messages have no names: in Bayeux, and so in Private Pub and danthes.
MESSAGE: Final = "message"
# PostgreSQL stores no NUL, and half a surrogate pair is no text. What Pusher's servers say themselves begins so.
_EVENT: Final = re.compile("(?!pusher:|pusher_internal:)[^\0\ud800-\udfff]{1,200}")
_SOCKET: Final = re.compile(r"[0-9]{1,20}\.[0-9]{1,20}", re.ASCII)

_encode = msgspec.json.Encoder().encode


class Channels:
    """All message channels: ``channels['news']``. Cheap, and connects to nothing until something is published.

    1. gives a channel; 2. publishes on one or on many; 3. says how much of a channel those see who come late.

    Args:
        runtime: called at the first use.
    """

    def __init__(self, runtime: Callable[[], Runtime]) -> None:
        self._runtime = runtime

    # -- 1. one channel

    def __getitem__(self, name: str) -> Channel:
        return Channel(self, checked_channel(name))

    # -- 2. publishing

    def trigger(
        self,
        names: str | Iterable[str],
        event: str,
        data: object = None,
        *,
        socket_id: str | None = None,
        conn: object | None = None,
        session: object | None = None,
    ) -> list[int]:
        """Publish a message on a channel, or on each of several, all or none.

        Every browser that listens gets it, and those that come back while the log keeps it.

        Args:
            event: what browsers bind to; 1 to 200 characters.
            data: anything that JSON can carry.
            socket_id: the connection of Pusher's client that caused it, and shall not get it back.
            conn: a connection of psycopg or Django: the message exists if and only if its transaction commits.
            session: the same for a session of SQLAlchemy.

        Returns:
            The messages' numbers, in the order of the channels.

        Raises:
            BadChannel: no channel can have that name. A ValueError.
            NotSerializable: a TypeError; names what in the data JSON cannot carry, or how large it is.
            SettingsError: the event is empty, too long, or Pusher's own. A ValueError.
            StoreUnavailable: PostgreSQL is away.
        """
        flat = [checked_channel(name) for name in ([names] if isinstance(names, str) else names)]
        message = self._message(", ".join(flat), event, data, socket_id)
        return self.send([message._replace(channel=name) for name in flat], conn, session)

    def trigger_batch(
        self, batch: Iterable[Mapping[str, Any]], *, conn: object | None = None, session: object | None = None
    ) -> list[int]:
        """Publish different messages, all or none. Each is ``{"channel": …, "name": …, "data": …}``, as in Pusher's
        libraries; ``socket_id`` if it has one. For the rest see :meth:`trigger`."""
        messages = [
            self._message(checked_channel(one.get("channel")), one.get("name"), one.get("data"), one.get("socket_id"))
            for one in batch
        ]
        return self.send(messages, conn, session)

    def publish(
        self, name: str, data: object = None, *, conn: object | None = None, session: object | None = None
    ) -> int:
        """Publish a message without a name, as Faye's are: ``publish('/messages', {...})``. Its event is ``message``.

        The rest as :meth:`trigger`.
        """
        return self.trigger(name, MESSAGE, data, conn=conn, session=session)[0]

    def send(
        self, messages: Sequence[NewMessage], conn: object | None = None, session: object | None = None
    ) -> list[int]:
        """Publish what has been checked. One INSERT, however many they are; their numbers."""
        connection = borrowed(conn, session)
        if not messages:
            return []
        from queueapi.postgres.messages import Messages
        from queueapi.postgres.sessions import Borrowed

        return Messages(self._runtime().pool if connection is None else Borrowed(connection)).publish(messages)

    def _message(self, channel: str, event: Any, data: object, socket_id: Any) -> NewMessage:
        if not isinstance(event, str) or not _EVENT.fullmatch(event):
            raise SettingsError(
                f"{shortened(event)} cannot be the name of an event: use 1 to 200 characters of text, which do not "
                "begin with pusher: or pusher_internal:"
            )
        if socket_id is not None and not (isinstance(socket_id, str) and _SOCKET.fullmatch(socket_id)):
            raise SettingsError(f"{shortened(socket_id)} is no socket_id: Pusher's clients have one such as 123.456")
        what = f"the data of {shortened(event)} on {channel if len(channel) <= 80 else channel[:60] + '…'}"
        meta = None if socket_id is None else _encode({"sender": socket_id}).decode()
        return NewMessage(channel, event, data_dumps(what, data, self._runtime().settings.max_message), meta)

    # -- 3. the past

    def keep(self, pattern: str, count: int | None = None, age: float | dt.timedelta | None = None) -> None:
        """Say how much of a channel those see who come late: see :meth:`Channel.history`.

        Holds for all processes on this database, from now on; of a channel's own name and the patterns that match it,
        the closest counts. With neither count nor age, what was said is taken back. Nothing is deleted by it: the log
        forgets whole days, after ``QUEUEAPI_MESSAGE_DAYS``.

        Args:
            pattern: as in ``/chat/**``, or a channel's name.
            count: the last so many messages; not given: 100.
            age: none older than so many seconds; not given: as old as they are kept.

        Raises:
            BadChannel, SettingsError: ValueErrors; such a pattern, count or age cannot be.
        """
        past.keep(self._runtime(), pattern, count, seconds_of(age))

    def past(self, name: str, count: int | None = None, age: float | dt.timedelta | None = None) -> Past:
        """See :meth:`Channel.history`."""
        return past.past_of(self._runtime(), checked_channel(name), count, seconds_of(age))

    def ticket(self, name: str, expires: float | dt.timedelta = TICKET_EXPIRES) -> str:
        """See :meth:`Channel.ticket`; also for a pattern, as in ``ticket('/private-chat/**')``."""
        return self._runtime().signer().sign(CHANNEL, checked_pattern(name), seconds_of(expires) or 0.0)


class Channel:
    """A log in which every message counts. A value: bound to its name, holds no connection."""

    __slots__ = ("_channels", "name")

    def __init__(self, channels: Channels, name: str) -> None:
        self._channels = channels
        self.name = name

    def __repr__(self) -> str:
        return f"<Channel {self.name}>"

    def trigger(
        self,
        event: str,
        data: object = None,
        *,
        socket_id: str | None = None,
        conn: object | None = None,
        session: object | None = None,
    ) -> int:
        """Publish a message; its number. See :meth:`Channels.trigger`."""
        return self._channels.trigger(self.name, event, data, socket_id=socket_id, conn=conn, session=session)[0]

    publish = trigger

    def history(self, count: int | None = None, age: float | dt.timedelta | None = None) -> Past:
        """The last messages, oldest first, and the cursor with which a browser goes on from there: nothing is missing
        in between, and nothing comes twice.

        Args:
            count: at most so many; never more than :meth:`Channels.keep` says, which is 100 unless it was said.
            age: none older than so many seconds.

        Raises:
            StoreUnavailable: PostgreSQL is away.
        """
        return self._channels.past(self.name, count, age)

    def ticket(self, expires: float | dt.timedelta = TICKET_EXPIRES) -> str:
        """What a browser needs to listen to this channel if it is private, for so many seconds."""
        return self._channels.ticket(self.name, expires)
