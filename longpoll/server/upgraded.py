"""A websocket on its connection."""

from __future__ import annotations

import logging
from collections import deque

from wsproto.frame_protocol import Frame, FrameProtocol, Opcode, ParseFailed

from longpoll.server.connection import Connection
from longpoll.server.ongoing import Ongoing
from longpoll.transports import frames
from longpoll.transports.websocket import VANISHED, WebSocketReply

PACKET = 4 * 1024  # bytes read at once
TURN = 32  # frames looked at before all others have their turn: a flood of the smallest then holds them up for 1 ms
FEW = 4  # messages that may wait for the application before no more are read
LONG = 64 * 1024  # and characters

logger = logging.getLogger("longpoll.server")


class Upgraded(Ongoing):
    """Keeps a connection as a websocket.

    1. It reads frames, answers pings and puts messages together.
    2. It hands messages to the application, one after another, in a greenlet that exists only meanwhile.
    3. It pings the client, and cuts it off if nothing comes back.
    4. It closes: either side may begin, the other answers, and nobody waits for that for ever.

    Measured with 5,000 of them: 1.9 KiB of memory each, its WebSocketReply included, when they come one after
    another; 3.3 KiB when all of them ask in the same moment and 5,000 greenlets are made to run once. One text to
    all of them is written in 70 ms.
    """

    __slots__ = (
        "_frames", "_head", "_is_closed", "_is_heard_out", "_is_left", "_is_paused", "_is_pinged", "_is_working",
        "_messages", "_partial",
    )  # fmt: skip
    _reply: WebSocketReply

    def __init__(self, connection: Connection, reply: WebSocketReply, head: bytes) -> None:
        super().__init__(connection)
        self._reply = reply
        self._head = head
        self._frames = FrameProtocol(client=False, extensions=[])
        self._partial: bytearray | None = None  # of a message in several frames
        self._messages: deque[str] | None = None
        self._is_closed = False  # by the client: whatever else it sends is not looked at
        self._is_heard_out = False  # it was the first to close, and what it had said before counts
        self._is_paused = self._is_pinged = self._is_working = self._is_left = False

    def begin(self) -> None:
        self._settle()
        early = self._connection.take_early()
        head, self._head = self._head, b""
        self._begin(head)
        if early:
            self._receive(early)

    # -- 1. frames come in

    def readable(self) -> None:
        data = self._connection.read(PACKET)
        if data:
            self._receive(data)

    def _receive(self, data: bytes) -> None:
        if self._is_closed or self._is_left:
            return
        self._is_pinged = False
        self._frames.receive_bytes(data)
        self._take_frames()
        self._settle()

    def _take_frames(self) -> None:
        try:
            for number, frame in enumerate(self._frames.received_frames(), 1):
                self._take(frame)
                if self._is_closed or self._is_left:
                    return
                if self._is_full() or number == TURN:
                    self._pause()
                    return
        except ParseFailed as error:
            self._fail(error.code, str(error))

    def _pause(self) -> None:
        self._is_paused = True
        self._connection.pause()
        if not self._is_full():
            self._connection.host.take_turns(self._read_on)

    def _read_on(self) -> None:
        if self._is_paused and not self._is_left and not self._is_full():
            self._is_paused = False
            self._connection.listen(self.readable)
            self._take_frames()
            self._settle()

    def _take(self, frame: Frame) -> None:
        if frame.opcode is Opcode.CLOSE:
            self._answer_close(int(frame.payload[0]))
        elif self._reply.over:
            pass  # we have closed: what it still sends is not for us
        elif frame.opcode is Opcode.PING:
            assert isinstance(frame.payload, bytes)
            self._connection.post([frames.pong(frame.payload)])
        elif frame.opcode is Opcode.BINARY:
            self._fail(frames.TEXT_ONLY, "only text is understood here")
        elif frame.opcode is Opcode.TEXT:
            assert isinstance(frame.payload, str)
            self._collect(frame.payload, frame.message_finished)

    def _collect(self, text: str, is_last: bool) -> None:
        """Takes a message, or one more piece of it."""
        host = self._connection.host
        if self._partial is None:
            self._partial = bytearray()
        self._partial += text.encode()
        if len(self._partial) > host.max_message:
            self._fail(frames.TOO_BIG, f"a message may have {host.max_message} bytes")
        elif not self._connection.count(self._size()):
            self._fail(frames.TRY_LATER, "the server is receiving as many long messages as it may")
        elif is_last:
            message, self._partial = self._partial.decode(), None
            self._add(message)

    # -- 2. messages go to the application

    def _add(self, message: str) -> None:
        if self._messages is None:
            self._messages = deque()
        self._messages.append(message)
        if not self._is_working:
            self._is_working = True
            self._connection.host.tell(self._work)

    def _work(self) -> None:
        assert self._messages is not None
        try:
            while self._messages and (self._is_heard_out or not self._reply.over):
                self._hand_over(self._messages[0])
                self._messages.popleft()
                self._connection.count(self._size())
                self._read_on()
        finally:
            self._is_working = False
            self._messages = None
        if self._is_left:
            self._connection.count(0)
            self._reply.abandon()
        else:
            self._read_on()

    def _hand_over(self, message: str) -> None:
        try:
            self._reply.on_message(message)
        except Exception:
            logger.exception("The application failed with a message of a websocket, which is closed")
            self._reply.close(frames.FAILED, "the server failed, and its log says why")

    def _waiting(self) -> int:
        """How many characters the application has not dealt with, the message that it is at included."""
        return sum(map(len, self._messages)) if self._messages else 0

    def _size(self) -> int:
        return len(self._partial or b"") + self._waiting()

    def _is_full(self) -> bool:
        return self._messages is not None and (len(self._messages) > FEW or self._waiting() > LONG)

    # -- 3. is the client still there?

    def expire(self) -> None:
        if self._connection.is_sending or self._is_last or self._is_pinged:
            self._connection.close()
        else:
            self._is_pinged = True
            self._connection.post([frames.ping()])

    def written(self) -> None:
        self._settle()

    def _settle(self) -> None:
        """Goes where it belongs, unless something is still to be sent."""
        connection = self._connection
        rooms = connection.host.rooms
        if connection.is_sending or self._is_left:
            return
        if self._is_last and self._is_closed:
            connection.proceed(closing=True)
        elif self._is_last:
            connection.enter(rooms.closing)
        elif self._is_paused:
            connection.enter(rooms.active)
        else:
            connection.enter(rooms.pinged if self._is_pinged else rooms.websockets)

    # -- 4. the end

    def _answer_close(self, code: int) -> None:
        self._reply.close_code = code
        self._end(frames.close(code))

    def _fail(self, code: int, reason: str) -> None:
        """The client does what it may not: it is told so, and no answer is awaited."""
        self._end(frames.close(code, reason))

    def _end(self, last: bytes) -> None:
        self._is_closed = True
        self._is_heard_out = not self._reply.over
        self._reply.put_last(last)

    def retire(self) -> None:
        self._reply.close(frames.GOING_AWAY, "the server stops")

    def leave(self) -> None:
        self._is_left = True
        self._partial = None
        if self._reply.close_code is None:
            self._reply.close_code = VANISHED
        if self._is_working:  # in that greenlet: after the last message
            self._connection.count(self._waiting())
        else:
            super().leave()
