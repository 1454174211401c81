"""A request body that comes in chunks: raw bytes out of a buffer, the body's bytes collected."""

from __future__ import annotations

import re

from longpoll.server import strict
from longpoll.server.strict import Refusal

# Extensions and trailers are read past and forgotten; nobody needs more of them than this, in bytes.
MAX_SIZE_LINE = 256
MAX_TRAILERS = 4096

_SIZE_LINE = re.compile(rb"([0-9A-Fa-f]{1,8})(?:[ \t]*;[\t\x20-\x7e\x80-\xff]*)?")


class ChunkedBody:
    """Takes one chunked body off the front of a buffer, however it is cut into packets.

    Stages: the line with a chunk's size, its bytes, the line end after them, and at last the trailers.
    """

    __slots__ = ("_left", "_max_body", "_stage", "_trailers", "content")

    def __init__(self, max_body: int) -> None:
        self.content = bytearray()
        self._max_body = max_body
        self._stage = self._size
        self._left = 0
        self._trailers = 0

    def take(self, buffer: bytearray) -> bool | Refusal:
        """Consumes what it can. True: the body is whole. False: more bytes are needed."""
        while True:
            outcome = self._stage(buffer)
            if outcome is not None:
                return outcome

    # Each stage consumes its part and returns None, or what `take` is to return.

    def _size(self, buffer: bytearray) -> bool | Refusal | None:
        line = _take_line(buffer, MAX_SIZE_LINE)
        if not isinstance(line, bytes):
            return line
        match = _SIZE_LINE.fullmatch(line)
        if not match:
            return Refusal(400, "A chunk must begin with its size in hexadecimal digits.")
        self._left = int(match[1], 16)
        if len(self.content) + self._left > self._max_body:
            return strict.too_large(self._max_body)
        self._stage = self._data if self._left else self._trailer
        return None

    def _data(self, buffer: bytearray) -> bool | Refusal | None:
        part = buffer[: self._left]
        del buffer[: self._left]
        self.content += part
        self._left -= len(part)
        if self._left:
            return False
        self._stage = self._data_end
        return None

    def _data_end(self, buffer: bytearray) -> bool | Refusal | None:
        if buffer[:2] == b"\r\n":
            del buffer[:2]
            self._stage = self._size
            return None
        if buffer and buffer != b"\r":
            return Refusal(400, "A chunk is longer than the size it began with.")
        return False

    def _trailer(self, buffer: bytearray) -> bool | Refusal | None:
        line = _take_line(buffer, MAX_TRAILERS - self._trailers)
        if not isinstance(line, bytes):
            return line
        if not line:
            return True
        self._trailers += len(line) + 2
        return strict.refuse_field(line)


def _take_line(buffer: bytearray, limit: int) -> bytes | bool | Refusal:
    """The next line without its end; False if it is not whole yet."""
    end = buffer.find(b"\r\n", 0, limit + 2)
    if end < 0:
        if len(buffer) > limit:
            return Refusal(400, "A chunk's size line or the trailers are too long.")
        return False
    line = bytes(buffer[:end])
    del buffer[: end + 2]
    return line
