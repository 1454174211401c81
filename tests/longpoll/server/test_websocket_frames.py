"""RFC 6455, frame by frame: what must be taken, what must not, and with which code it is refused."""

import struct

import pytest

from tests.longpoll.server.conftest import Process
from tests.longpoll.server.websocket import (
    BINARY,
    CLOSE,
    CONTINUATION,
    KEY,
    PING,
    PONG,
    TEXT,
    UPGRADE,
    Frame,
    WebSocket,
    close,
    frame,
    text,
)

PROTOCOL_ERROR, TEXT_ONLY, NOT_UTF8 = 1002, 1003, 1007


@pytest.fixture
def client(server: Process) -> WebSocket:
    return WebSocket(server.client())


def first(payload: bytes, opcode: int = TEXT) -> bytes:
    return frame(opcode, payload, fin=False)


def more(payload: bytes) -> bytes:
    return frame(CONTINUATION, payload, fin=False)


def last(payload: bytes) -> bytes:
    return frame(CONTINUATION, payload)


# -- what is taken


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 128, 65_535, 65_536, 65_537, 1_000_000])
def test_messages_of_every_length_come_back(client: WebSocket, size: int) -> None:
    assert client.send(text("*" * size)).text() == "*" * size


@pytest.mark.parametrize(
    ("message", "frames"),
    [
        ("", [first(b""), last(b"")]),
        ("", [first(b""), more(b""), more(b""), last(b"")]),
        ("one", [first(b"one"), last(b"")]),
        ("one", [first(b""), more(b"one"), last(b"")]),
        ("onetwo", [first(b"one"), last(b"two")]),
        ("onetwothree", [first(b"one"), more(b"two"), last(b"three")]),
        ("κόσμε", [first("κόσμε".encode()[:3]), more("κόσμε".encode()[3:8]), last("κόσμε".encode()[8:])]),
        ("\U0001f600", [first(b"\xf0"), more(b"\x9f"), more(b"\x98"), last(b"\x80")]),
        ("x" * 300, [first(b"x"), *[more(b"x")] * 298, last(b"x")]),
    ],
)
def test_a_message_in_several_frames_is_put_together(client: WebSocket, message: str, frames: list[bytes]) -> None:
    assert client.send(b"".join(frames)).text() == message


def test_frames_may_come_byte_by_byte(client: WebSocket) -> None:
    for byte in first(b"hel") + frame(PING, b"p") + last(b"lo"):
        client.send(bytes([byte]))
    assert client.receive() == Frame(PONG, b"p")
    assert client.text() == "hello"


@pytest.mark.parametrize("payload", [b"", b"hello", bytes(range(125)), b"\xfe\xff\x00"])
def test_a_ping_is_answered_with_what_it_brought(client: WebSocket, payload: bytes) -> None:
    assert client.send(frame(PING, payload)).receive() == Frame(PONG, payload)


def test_ten_pings_are_answered_in_order(client: WebSocket) -> None:
    client.send(b"".join(frame(PING, b"%d" % number) for number in range(10)))
    assert [client.receive() for _ in range(10)] == [Frame(PONG, b"%d" % number) for number in range(10)]


def test_a_ping_between_the_frames_of_a_message_is_answered_before_it(client: WebSocket) -> None:
    client.send(first(b"one") + frame(PING, b"now") + more(b"two") + frame(PONG) + last(b"three"))
    assert client.receive() == Frame(PONG, b"now")
    assert client.text() == "onetwothree"


def test_a_pong_that_nobody_asked_for_is_passed_over(client: WebSocket) -> None:
    assert client.send(frame(PONG, b"unasked") + text("x")).text() == "x"


@pytest.mark.parametrize(
    "message", ["\0", "\x7f", "\x80", "\u07ff", "\u0800", "\ud7ff", "\ue000", "\ufffe", "\uffff", "\U0010ffff"]
)
def test_the_edges_of_utf_8_are_taken(client: WebSocket, message: str) -> None:
    assert client.send(text(message)).text() == message


# -- what is not: (frames, the code that they are refused with)

REFUSED = {
    "a bit that no extension reserved": (frame(TEXT, b"x", reserved=4), PROTOCOL_ERROR),
    "another one": (frame(TEXT, b"x", reserved=2), PROTOCOL_ERROR),
    "the third": (frame(TEXT, b"x", reserved=1), PROTOCOL_ERROR),
    "a ping with such a bit": (frame(PING, b"x", reserved=4), PROTOCOL_ERROR),
    "a close with all of them": (frame(CLOSE, b"", reserved=7), PROTOCOL_ERROR),
    **{f"the opcode {code}": (frame(code, b"x"), PROTOCOL_ERROR) for code in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)},
    "a frame without a mask": (frame(TEXT, b"x", masked=False), PROTOCOL_ERROR),
    "a ping without a mask": (frame(PING, masked=False), PROTOCOL_ERROR),
    "a length in more bytes than needed": (frame(TEXT, b"x", wide=2), PROTOCOL_ERROR),
    "a length in eight bytes for nothing": (frame(TEXT, b"x", wide=8), PROTOCOL_ERROR),
    "a length of more than 63 bits": (b"\x81\xff" + b"\xff" * 8 + bytes(4), PROTOCOL_ERROR),
    "a ping of 126 bytes": (frame(PING, bytes(126)), PROTOCOL_ERROR),
    "a ping in parts": (frame(PING, b"x", fin=False), PROTOCOL_ERROR),
    "a pong in parts": (frame(PONG, b"x", fin=False) + last(b""), PROTOCOL_ERROR),
    "a close in parts": (frame(CLOSE, fin=False), PROTOCOL_ERROR),
    "a last part without a first": (last(b"x"), PROTOCOL_ERROR),
    "a middle part without a first": (more(b"x"), PROTOCOL_ERROR),
    "a message within a message": (first(b"x") + text("y"), PROTOCOL_ERROR),
    "a part after the last": (first(b"") + last(b"") + last(b"z"), PROTOCOL_ERROR),
    "binary data": (frame(BINARY, b"x"), TEXT_ONLY),
    "binary data in parts": (first(b"x", BINARY) + last(b"y"), TEXT_ONLY),
    "a lone continuation byte": (frame(TEXT, b"ok \x80"), NOT_UTF8),
    "a surrogate": (frame(TEXT, b"\xed\xa0\x80"), NOT_UTF8),
    "an overlong slash": (frame(TEXT, b"\xc0\xaf"), NOT_UTF8),
    "a code point beyond the last": (frame(TEXT, b"\xf4\x90\x80\x80"), NOT_UTF8),
    "a character that never ends": (frame(TEXT, b"\xf0\x9f\x98"), NOT_UTF8),
    "a character that the last frame does not end": (first(b"\xf0\x9f") + last(b"\x98"), NOT_UTF8),
    "what is wrong in the second frame": (first(b"fine") + last(b"\xff"), NOT_UTF8),
    "what is wrong long before the end": (first(b"\xff"), NOT_UTF8),
    "wrong bytes of a frame that never ends": (frame(TEXT, b"\xff" + bytes(5000))[:-10], NOT_UTF8),
    "a close of one byte": (frame(CLOSE, b"x"), PROTOCOL_ERROR),
    "a close of 126 bytes": (frame(CLOSE, struct.pack("!H", 1000) + b"x" * 124), PROTOCOL_ERROR),
    "a close whose reason is not text": (close(1000, b"\xce\xba\xff"), NOT_UTF8),
    **{
        f"a close with the code {code}": (close(code), PROTOCOL_ERROR)
        for code in (0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535)
    },
}


@pytest.mark.parametrize(("frames", "code"), REFUSED.values(), ids=REFUSED)
def test_what_is_not_allowed_is_refused_with_its_code(
    server: Process, client: WebSocket, frames: bytes, code: int
) -> None:
    client.send(text("fine") + frames + text("not heard any more"))
    refused = client.receive()
    if refused.opcode == TEXT:  # the echo of what was fine may overtake, but need not
        assert refused.payload == b"fine"
        refused = client.receive()
    assert (refused.opcode, int.from_bytes(refused.payload[:2])) == (CLOSE, code)
    assert client.client.is_closed()
    server.until(gone=1)
    assert [message for message in server.tell("messages") if message] == ["fine"]


@pytest.mark.parametrize("code", [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999])
def test_a_close_is_answered_with_its_code(client: WebSocket, code: int) -> None:
    assert client.send(close(code, b"x" * 123)).closed() == code


def test_a_close_without_a_code_is_answered_without_one(server: Process, client: WebSocket) -> None:
    assert client.send(close(None)).closed() is None
    server.until(gone=1)
    assert server.tell("close_codes") == [1005]


def test_nothing_after_a_close_counts(server: Process, client: WebSocket) -> None:
    client.send(close() + frame(PING) + text("x") + b"garbage")
    assert client.closed() == 1000
    server.until(gone=1)
    assert server.tell("messages") == []


def test_the_key_of_the_standard_is_answered_as_the_standard_says(server: Process) -> None:
    lines = [line.replace(KEY, "dGhlIHNhbXBsZSBub25jZQ==") for line in UPGRADE]
    reply = server.client().get("/socket", *lines).reply(bodiless=True)
    assert reply.headers["sec-websocket-accept"] == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
