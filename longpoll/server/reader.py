"""The request reader: bytes in, whole requests out. It owns no socket and knows no time."""

from __future__ import annotations

import re
from typing import NamedTuple

from longpoll.server import heads, strict
from longpoll.server.chunked import ChunkedBody
from longpoll.server.heads import Head
from longpoll.server.strict import Refusal

_BARE_LF = re.compile(rb"(?<!\r)\n")


class Request(NamedTuple):
    """A request that has arrived to its last byte."""

    head: Head
    body: bytes


class Reader:
    """Collects what one connection sends.

    1. `feed` it bytes as they come.
    2. `request` gives the next whole request, or why there will be none, or None while it is incomplete.
    3. Bytes of the request after that one stay in it.
    """

    __slots__ = ("_buffer", "_chunks", "_head", "_max_body", "_told_to_continue")

    def __init__(self, max_body: int) -> None:
        """*max_body*: the longest request body taken, in bytes."""
        self._buffer = bytearray()
        self._max_body = max_body
        self._reset()

    def _reset(self) -> None:
        self._head: Head | None = None
        self._chunks: ChunkedBody | None = None
        self._told_to_continue = False

    def feed(self, data: bytes) -> None:
        self._buffer += data

    @property
    def size(self) -> int:
        """How many bytes are in it."""
        return len(self._buffer) + (len(self._chunks.content) if self._chunks else 0)

    def rest(self) -> bytes:
        """What came behind the last request; for something else than a request."""
        return bytes(self._buffer)

    @property
    def empty(self) -> bool:
        """Whether nothing of a request is here."""
        return self._head is None and not self._buffer

    @property
    def in_body(self) -> bool:
        """Whether a head was accepted and its body is awaited."""
        return self._head is not None

    def request(self) -> Request | Refusal | None:
        found = self._head or self._take_head()
        return self._take_body(found) if isinstance(found, Head) else found

    def must_say_continue(self) -> bool:
        """Whether the client waits to be told to send the body: True once a request."""
        if self._told_to_continue or self._head is None or self._buffer or not self._head.waits:
            return False
        self._told_to_continue = True
        return True

    def _take_head(self) -> Head | Refusal | None:
        buffer = self._buffer
        while buffer.startswith(b"\r\n"):  # old clients end a form with a line end too many
            del buffer[:2]
        end = buffer.find(b"\r\n\r\n", 0, strict.MAX_HEAD)
        if end < 0:
            return self._refuse_beginning()
        found = heads.read(bytes(buffer[: end + 4]), self._max_body)
        if isinstance(found, Head):
            del buffer[: end + 4]
            self._head = found
            if found.length is None:
                self._chunks = ChunkedBody(self._max_body)
        return found

    def _refuse_beginning(self) -> Refusal | None:
        """Judges a head that is not whole: what can never become one is told so now, not at the deadline."""
        buffer = self._buffer
        line_end = buffer.find(b"\r\n", 0, strict.MAX_REQUEST_LINE + 2)
        if line_end >= 0:
            refused = strict.refuse_request_line(bytes(buffer[:line_end]))
            if refused:
                return refused
        elif len(buffer) > strict.MAX_REQUEST_LINE + 1:
            return strict.refuse_request_line(bytes(buffer))
        if len(buffer) >= strict.MAX_HEAD:
            return Refusal(431, f"The head of the request is longer than {strict.MAX_HEAD} bytes.")
        if _BARE_LF.search(buffer):
            return Refusal(400, "A line of the head ends in a bare CR or LF; only CR LF ends a line.")
        return None

    def _take_body(self, head: Head) -> Request | Refusal | None:
        if self._chunks is not None:
            outcome = self._chunks.take(self._buffer)
            if outcome is not True:
                return outcome or None
            body = bytes(self._chunks.content)
        else:
            length = head.length or 0
            if len(self._buffer) < length:
                return None
            body = bytes(self._buffer[:length])
            del self._buffer[:length]
        self._reset()
        return Request(head, body)
