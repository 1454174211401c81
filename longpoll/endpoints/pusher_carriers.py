"""What carries a connection without a websocket for the time of one request: a poll, or a stream.

When its reply is as long as it should be, the connection is written down and given back, and only then is the client
told the last line: its next request finds all that it needs, wherever that arrives.
"""

from __future__ import annotations

import threading
from typing import Final, NamedTuple

from longpoll.dialects import pusher, pusher_xhr
from longpoll.dialects.pusher_xhr import HEARTBEAT, LONGEST_STREAM, PRELUDE, characters, closed
from longpoll.door import Visitor
from longpoll.endpoints.pusher_connection import Connection
from longpoll.endpoints.pusher_desk import Desk
from longpoll.endpoints.pusher_subscriptions import written
from longpoll.presence import BETWEEN
from longpoll.transports.held import HeldReply
from longpoll.transports.stream import StreamReply
from queueapi.presence import Ending, Outcome, Releasing

_LOST: Final = closed(pusher.COME_BACK, "this connection is no more: connect again")


class Session(NamedTuple):
    """The connection's row, as this request has taken it."""

    id: str
    lease: int


class Carrier:
    """See :class:`longpoll.endpoints.pusher_wire.Wire`.

    1. carries a connection; 2. collects what is said to the client; 3. gives it back; 4. ends it.

    Raises:
        TooMuch: the client's address has as many connections as it may.
    """

    connection: Connection
    session: Session

    def __init__(self, desk: Desk, visitor: Visitor) -> None:
        desk.services.meter.enter(visitor)
        self._desk = desk
        self._address = visitor.address
        self._counted = True
        self._frames: list[str] = []
        self._carriers: dict[str, Carrier] = {}

    # -- 1. carrying

    def carry(self, connection: Connection, session: Session, carriers: dict[str, Carrier]) -> None:
        """From now on this one hears what the client says in other requests."""
        self.connection = connection
        self.session = session
        self._carriers = carriers
        carriers[session.id] = self

    def hear(self, frame: str) -> bool:
        """The client says something in another request. False: another carries it now, or will."""
        return self.connection.hear(frame)

    def ping(self) -> None:
        """The client asks whether we are there."""

    def replaced(self) -> None:
        """Another request of the same client has come: whatever answers this one, nobody reads it."""
        self.connection.give_up()
        self._leave()
        self.lose()

    def lose(self) -> None:
        """Another request has the connection."""
        self.finish(_LOST)

    def gone(self) -> None:
        """The client has left in the middle of this request: that is how it closes."""
        self.uncount()
        if self._carriers:
            self.connection.gone()

    # -- 2. collecting

    def send(self, frame: str) -> None:
        """With the next line."""
        self._frames.append(frame)

    def flush(self) -> None:
        """There is no more for now."""
        raise NotImplementedError

    def idle(self) -> None:
        """Nothing has come for a while."""
        raise NotImplementedError

    def _line(self) -> bytes:
        line, self._frames = pusher_xhr.frames(self._frames), []
        return line

    # -- 3. giving back

    def give_back(self, line: bytes) -> None:
        """Write down how another goes on; then tell the client the last line."""
        connection, session = self.connection, self.session
        rest = connection.give_up()
        self._leave()

        def done(outcome: Outcome | None) -> None:
            if outcome is None or session.id not in outcome.released:
                self.lose()
            else:
                self.hand_over(line)

        releasing = Releasing(session.id, session.lease, written(rest.standing), rest.cursor)
        self._desk.presence.release(connection.socket_id, releasing, done)

    def hand_over(self, line: bytes) -> None:
        """The last line of this request; another will follow."""
        raise NotImplementedError

    def _leave(self) -> None:
        if self._carriers.get(self.session.id) is self:
            del self._carriers[self.session.id]

    # -- 4. the end

    def close(self, code: int, reason: str) -> None:
        """After all that was sent."""
        line = self._line() if self._frames else b""
        self.finish(line + closed(code, reason))

    def end(self) -> None:
        """There will be no other request."""
        self._leave()
        self._desk.presence.end(self.connection.socket_id, Ending(*self.session))

    def finish(self, line: bytes) -> None:
        """The last line of all."""
        raise NotImplementedError

    def uncount(self) -> None:
        """The request is over. Twice is harmless."""
        if self._counted:
            self._counted = False
            self._desk.services.meter.leave(self._address)


class Poll(Carrier):
    """Ends with the first line."""

    def __init__(self, desk: Desk, visitor: Visitor) -> None:
        super().__init__(desk, visitor)
        self.reply = HeldReply(self.gone)

    def flush(self) -> None:
        """That is all, unless more is just coming."""
        if self._frames and self.connection.is_quiet:
            self.give_back(self._line())

    def idle(self) -> None:
        """Before a proxy loses its patience."""
        if self.connection.is_quiet:
            self.give_back(HEARTBEAT)

    def ping(self) -> None:
        """An answer is an answer."""
        with self.connection.lock:
            if not self.connection.is_over:
                self.idle()

    def hand_over(self, line: bytes) -> None:
        """See :class:`Carrier`."""
        self.finish(line)

    def finish(self, line: bytes) -> None:
        """See :class:`Carrier`."""
        self.uncount()
        self.reply.answer(line)


class Stream(Carrier):
    """Goes on, line by line. Its client keeps all of it, and asks for another when that is too long, as soon as it has
    read what there is: so after the line that makes it too long there is none."""

    def __init__(self, desk: Desk, visitor: Visitor) -> None:
        super().__init__(desk, visitor)
        self.reply = StreamReply(self.gone)
        self._length = 0
        self.write(PRELUDE)

    def write(self, line: bytes) -> None:
        """One more line."""
        self._length += characters(line)
        self.reply.write(line)

    def flush(self) -> None:
        """What there is, at once; the last of it when nothing else is coming."""
        if self._frames and self._has_room(line := pusher_xhr.frames(self._frames)):
            self._frames = []
            self._put(line)

    def idle(self) -> None:
        """The client answers it with a request, and keeps the stream open for it."""
        if self._has_room(HEARTBEAT):
            self._put(HEARTBEAT)

    def _has_room(self, line: bytes) -> bool:
        return self.connection.is_quiet or self._length + characters(line) <= LONGEST_STREAM

    def _put(self, line: bytes) -> None:
        if self._length + characters(line) > LONGEST_STREAM:
            self.give_back(line)
        else:
            self.write(line)

    def hand_over(self, line: bytes) -> None:
        """Not the end of the reply: that would be the end of the connection. The client leaves it by itself."""
        self.write(line)
        patience = threading.Timer(BETWEEN, self.reply.end)
        patience.daemon = True
        patience.start()

    def finish(self, line: bytes) -> None:
        """See :class:`Carrier`."""
        self.write(line)
        self.reply.end()
