"""A websocket's client made of bytes, so that it can do what no library would: frames written and read by hand."""

import base64
import hashlib
import os
import struct
from typing import NamedTuple

from tests.longpoll.server.conftest import Client, Process, Reply

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
KEY = base64.b64encode(bytes(16)).decode()
UPGRADE = ("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {KEY}")
ACCEPT = base64.b64encode(hashlib.sha1(f"{KEY}258EAFA5-E914-47DA-95CA-C5AB0DC85B11".encode()).digest()).decode()


class Frame(NamedTuple):
    opcode: int
    payload: bytes
    fin: bool = True


def frame(
    opcode: int, payload: bytes = b"", *, fin: bool = True, reserved: int = 0, masked: bool = True, wide: int = 0
) -> bytes:
    """A client's frame. *wide*: at least that many bytes for the length, as nobody should write it."""
    size = len(payload)
    if size < 126 and not wide:
        length = struct.pack("!B", size | masked << 7)
    elif size < 1 << 16 and wide < 8:
        length = struct.pack("!BH", 126 | masked << 7, size)
    else:
        length = struct.pack("!BQ", 127 | masked << 7, size)
    first = struct.pack("!B", fin << 7 | reserved << 4 | opcode)
    if not masked:
        return first + length + payload
    key = os.urandom(4)
    mask = (key * (size // 4 + 1))[:size]
    return first + length + key + (int.from_bytes(payload) ^ int.from_bytes(mask)).to_bytes(size)


def text(payload: str) -> bytes:
    return frame(TEXT, payload.encode())


def close(code: int | None = 1000, reason: bytes = b"") -> bytes:
    return frame(CLOSE, b"" if code is None else struct.pack("!H", code) + reason)


class WebSocket:
    """One connection, upgraded."""

    def __init__(self, client: Client, path: str = "/socket?echo", *lines: str, behind: bytes = b"") -> None:
        self.client = client
        head = "\r\n".join([f"GET {path} HTTP/1.1", "Host: test", *UPGRADE, *lines, "", ""])
        client.send(head.encode() + behind)
        self.handshake: Reply = client.reply(bodiless=True)
        assert self.handshake.status == 101

    def send(self, data: bytes) -> "WebSocket":
        self.client.send(data)
        return self

    def receive(self) -> Frame:
        first, size = self.client.take(2)
        assert not size & 0x80, "a server's frame is never masked"
        assert not first & 0x70
        if size >= 126:
            size = int.from_bytes(self.client.take(2 if size == 126 else 8))
        return Frame(first & 15, self.client.take(size), bool(first & 0x80))

    def text(self) -> str:
        """The next message."""
        received = self.receive()
        assert (received.opcode, received.fin) == (TEXT, True)
        return received.payload.decode()

    def closed(self) -> int | None:
        """The code that the server closes with, and then it closes the connection. None: without a code."""
        received = self.receive()
        assert received.opcode == CLOSE, received
        assert self.client.is_closed()
        return int.from_bytes(received.payload[:2]) if received.payload else None


def opened(
    server: Process, path: str = "/socket?echo", *lines: str, receive_buffer: int | None = None, behind: bytes = b""
) -> WebSocket:
    return WebSocket(server.client(receive_buffer), path, *lines, behind=behind)
