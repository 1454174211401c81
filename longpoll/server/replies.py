"""The bytes that stand before a body."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus
from types import MappingProxyType
from typing import NamedTuple

from longpoll.server.strict import Refusal

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
FULL = Refusal(503, "This server holds as many connections as it may; try again in a moment.")

TOO_MUCH = Refusal(503, "This server is receiving as many long requests as it may; try again in a moment.")

_OURS = (b"connection", b"content-length", b"transfer-encoding", b"date")  # of a kept reply, when it goes out
_NO_HEADERS: Mapping[str, str] = MappingProxyType({})


class ReplyHead(NamedTuple):
    """What is known of a held reply's head before there is a body."""

    fields: bytes  # the status line and the application's own headers, each with its line end
    keep_alive: bool
    http10: bool
    bodiless: bool  # the reply to a HEAD

    def before(self, body: bytes, closing: bool) -> bytes:
        """The whole head, its empty line included; *closing*: no other request is read afterwards."""
        connection = b"Connection: close\r\n" if closing else b""
        if self.http10 and not closing:
            connection = b"Connection: keep-alive\r\n"
        return b"%s%s%sContent-Length: %d\r\n\r\n" % (self.fields, date_field(), connection, len(body))


@lru_cache(maxsize=256)
def reply_head(
    status: bytes, fields: tuple[tuple[bytes, bytes], ...], keep_alive: bool, http10: bool, bodiless: bool
) -> ReplyHead:
    """One shared object for all replies that begin alike, as nearly all polls' do: 400 bytes less each."""
    return ReplyHead(head_of(status, fields), keep_alive, http10, bodiless)


def head_of(status: bytes, fields: Iterable[tuple[bytes, bytes]]) -> bytes:
    """The status line and the application's own headers, without what is known only when the reply goes out."""
    lines = [b"HTTP/1.1 %b" % status]
    lines += [b"%b: %b" % field for field in fields if field[0].lower() not in _OURS]
    return b"\r\n".join([*lines, b""])


def date_field() -> bytes:
    return _date_field(int(time.time()))


@lru_cache(maxsize=1)
def _date_field(second: int) -> bytes:
    # Answering 5,000 polls at once would otherwise format the same date 5,000 times.
    return f"Date: {formatdate(second, usegmt=True)}\r\n".encode()


def stream_head(fields: bytes, chunked: bool, closing: bool) -> bytes:
    """The whole head of a reply whose length nobody knows; *fields* as in `ReplyHead`."""
    coding = b"Transfer-Encoding: chunked\r\n" if chunked else b""
    connection = b"Connection: close\r\n" if closing else b""
    return b"%s%s%s%s\r\n" % (fields, date_field(), coding, connection)


def refusal_reply(refusal: Refusal) -> bytes:
    return plain(refusal.status, refusal.sentence)


def plain(status: int, sentence: str, headers: Mapping[str, str] = _NO_HEADERS) -> bytes:
    """A whole reply that says what was wrong, and that the connection ends."""
    body = f"{sentence}\n".encode()
    lines = [
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}",
        "Content-Type: text/plain; charset=utf-8",
        "Cache-Control: no-store",
        *(f"{name}: {value}" for name, value in headers.items()),
        "",
    ]
    return ReplyHead("\r\n".join(lines).encode(), False, False, False).before(body, closing=True) + body
