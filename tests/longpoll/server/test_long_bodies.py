"""What the server collects of long bodies and messages is bounded over all connections, and short ones pass."""

import struct
from collections.abc import Iterator

import pytest

from tests.longpoll.server.conftest import Client, Process
from tests.longpoll.server.websocket import CLOSE, CONTINUATION, TEXT, WebSocket, frame, text

KIB = 1024
LONG = 500 * KIB


@pytest.fixture(scope="module")
def shared_server() -> Iterator[Process]:
    """It collects a megabyte at most."""
    process = Process(max_body=1100 * KIB, max_collected=1000 * KIB)
    yield process
    assert process.end() == ""


def post(size: int, sent: int, path: str = "/echo") -> bytes:
    return f"POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: {size}\r\n\r\n".encode() + b"x" * sent


def chunked(sent: int) -> bytes:
    head = b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    return head + b"%x\r\n" % (sent + 1) + b"x" * sent


def fill(server: Process) -> list[Client]:
    """Two clients with bodies that are not whole, and fill what there is."""
    clients = [server.client().send(post(LONG, LONG - 1)), server.client().send(chunked(LONG - 1))]
    server.until(body=2, collected=2 * (LONG - 16 * KIB - 1))
    return clients


def test_a_long_body_is_taken(server: Process) -> None:
    client = server.client()
    for data in (post(LONG, LONG), chunked(LONG) + b"x\r\n0\r\n\r\n"):
        assert len(client.send(data).reply().body) >= LONG
        server.until(idle=1, collected=0)


def test_a_long_body_too_many_is_answered_503_and_the_others_go_on(server: Process) -> None:
    first, second = fill(server)
    third = server.client().send(post(LONG, 100 * KIB))
    refused = third.reply()
    assert (refused.status, refused.headers["connection"]) == (503, "close")
    assert refused.body.endswith(b"try again in a moment.\n")
    assert third.is_closed()
    assert first.send(b"x").reply().body == f"POST {LONG} ".encode() + b"x" * LONG
    assert second.send(b"x\r\n0\r\n\r\n").reply().status == 200
    server.until(collected=0)
    assert server.client().send(post(LONG, LONG)).reply().status == 200


def test_short_bodies_and_polls_pass_while_long_ones_fill_the_server(server: Process) -> None:
    fill(server)
    client = server.client()
    assert client.send(post(16_000, 16_000)).reply().status == 200
    client.get("/hold")
    server.until(held=1)
    server.tell("answer", "x")
    assert client.reply().body == b"x"


def test_a_client_that_leaves_gives_back_what_it_held(server: Process) -> None:
    for client in fill(server):
        client.close()
    server.until(collected=0, connections=0)


def test_a_body_counts_until_its_application_has_answered(server: Process) -> None:
    client = server.client().send(post(LONG, LONG, "/wait"))
    server.until(active=1, collected=LONG - 16 * KIB)
    server.tell("release")
    assert client.reply().body == b"waited"
    server.until(collected=0)


def test_a_body_does_not_count_while_its_poll_is_held(server: Process) -> None:
    client = server.client().send(post(LONG, LONG, "/hold"))
    server.until(held=1, collected=0)
    server.tell("answer", "x")
    assert client.reply().body == b"x"


def test_long_messages_count_as_well(server: Process) -> None:
    first = WebSocket(server.client())
    first.send(frame(TEXT, b"x" * 400 * KIB, fin=False) + frame(CONTINUATION, b"x" * 400 * KIB, fin=False))
    server.until(collected=784 * KIB)
    second = WebSocket(server.client()).send(text("y" * LONG))
    reason = b"the server is receiving as many long messages as it may"
    assert second.receive()[:2] == (CLOSE, struct.pack("!H", 1013) + reason)
    assert WebSocket(server.client()).send(text("short")).text() == "short"
    assert first.send(frame(CONTINUATION, b"x")).text() == "x" * (800 * KIB + 1)
    server.until(collected=0)


def test_long_messages_count_until_the_application_has_dealt_with_them(server: Process) -> None:
    client = WebSocket(server.client(), "/socket?wait").send(text("x" * 300 * KIB) * 2)
    server.until(messages=1, active=1, collected=284 * KIB)  # the second is not read meanwhile
    server.tell("release")
    server.until(messages=2, collected=0)
    client.client.close()


def test_a_message_counts_also_when_its_client_is_gone(server: Process) -> None:
    WebSocket(server.client(), "/socket?wait").send(text("x" * 300 * KIB))
    server.until(messages=1, collected=284 * KIB)
    server.tell("abandon")
    server.until(connections=0, collected=284 * KIB)
    server.tell("release")
    server.until(collected=0, gone=1, busy=0)
