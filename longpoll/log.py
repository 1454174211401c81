"""Message channels from the publisher's side: ``channels['news'].publish('published', {...})``."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from typing import Final

from longpoll.names import CHANNEL, checked_channel, shortened
from queueapi.errors import SettingsError
from queueapi.handles import TICKET_EXPIRES
from queueapi.messages import NewMessage
from queueapi.runtime import Runtime
from queueapi.serializer import data_dumps

# Bytes of one message. It goes to every reader of the channel: what is larger should be fetched by who wants it.
MAX_DATA = 100_000
# PostgreSQL stores no NUL, and half a surrogate pair is no text.
_EVENT: Final = re.compile("[^\0\ud800-\udfff]{1,200}")


class Channels:
    """All message channels: ``channels['news']``. Cheap, and connects to nothing until something is published.

    Args:
        runtime: called at the first use.
    """

    def __init__(self, runtime: Callable[[], Runtime]) -> None:
        self._runtime = runtime

    def __getitem__(self, name: str) -> Channel:
        return Channel(self._runtime, checked_channel(name))


class Channel:
    """A log in which every message counts. A value: bound to its name, holds no connection."""

    __slots__ = ("_runtime", "name")

    def __init__(self, runtime: Callable[[], Runtime], name: str) -> None:
        self._runtime = runtime
        self.name = name

    def __repr__(self) -> str:
        return f"<Channel {self.name}>"

    def publish(self, event: str, data: object = None, *, conn: object | None = None) -> int:
        """Append a message; every browser that listens gets it, and those that come back within a day.

        Args:
            event: what browsers bind to; 1 to 200 characters.
            data: anything that JSON can carry.
            conn: a psycopg connection: the message exists if and only if its transaction commits.

        Returns:
            The message's number.

        Raises:
            NotSerializable: a TypeError; names what in the data JSON cannot carry.
            SettingsError: the event is empty or too long. A ValueError.
            StoreUnavailable: PostgreSQL is away.
        """
        if not isinstance(event, str) or not _EVENT.fullmatch(event):
            raise SettingsError(f"{shortened(event)} cannot be the name of an event: use 1 to 200 characters of text")
        text = data_dumps(f"the data of {event!r} on {self.name}", data, MAX_DATA)
        from queueapi.postgres.messages import Messages
        from queueapi.postgres.sessions import Borrowed

        session = self._runtime().pool if conn is None else Borrowed(conn)
        return Messages(session).publish([NewMessage(self.name, event, text)])[0]

    def ticket(self, expires: float | dt.timedelta = TICKET_EXPIRES) -> str:
        """What a browser needs to listen to this channel if it is private, for so many seconds."""
        seconds = expires.total_seconds() if isinstance(expires, dt.timedelta) else expires
        return self._runtime().signer().sign(CHANNEL, self.name, seconds)
