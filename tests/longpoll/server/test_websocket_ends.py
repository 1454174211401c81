"""A websocket is never left half open: silence is noticed, and closing has its order and its deadline."""

import socket
import struct

import pytest

from tests.longpoll.server.conftest import Process, Serve
from tests.longpoll.server.websocket import (
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    Frame,
    close,
    frame,
    opened,
    text,
)

# -- is it still there?


def test_a_client_that_is_silent_is_pinged_and_one_that_answers_stays(serve: Serve) -> None:
    server = serve(ping_every=0.2, pong_timeout=5)
    client = opened(server)
    for _ in range(3):
        assert client.receive() == Frame(PING, b"")
        server.until(pinged=1)
        client.send(frame(PONG))
        server.until(websockets=1)


def test_a_client_that_answers_no_ping_is_cut_off(serve: Serve) -> None:
    server = serve(ping_every=0.2, pong_timeout=0.2)
    client = opened(server)
    server.until(websockets=1)
    assert client.receive().opcode == PING
    server.tell("send", "what we say is no sign of life of the client")
    assert client.text()
    assert client.client.is_closed()
    server.until(connections=0, gone=1)
    assert server.tell("close_codes") == [1006]


def test_a_client_is_not_cut_off_for_what_we_do_not_read(serve: Serve) -> None:
    server = serve(ping_every=0.2, pong_timeout=0.2)
    client = opened(server, "/socket?wait").send(b"".join(text(str(number)) for number in range(20)))
    server.until(active=1)
    silent = opened(server)
    assert silent.receive().opcode == PING
    assert silent.client.is_closed()
    assert server.until(active=1)["gone"] == 1  # not the one that came before it
    server.tell("release")
    server.until(messages=20)
    client.client.close()


@pytest.mark.parametrize("reset", [False, True])
def test_a_client_that_left_is_noticed_and_told_of(server: Process, reset: bool) -> None:
    client = opened(server)
    server.until(websockets=1)
    if reset:
        client.client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.client.close()
    server.until(gone=1, websockets=0, connections=0)
    assert server.tell("close_codes") == [1006]


def test_clients_that_leave_in_the_middle_of_a_frame_leave_nothing_behind(server: Process) -> None:
    whole = text("x" * 70_000)
    for number in range(200):
        opened(server, behind=whole[: number * 350]).client.close()
    server.until(gone=200, websockets=0, connections=0, collected=0)


# -- closing


def test_the_client_closes_and_is_answered_with_its_code(server: Process) -> None:
    client = opened(server)
    assert client.send(close(4321, b"enough")).closed() == 4321
    server.until(gone=1)
    assert server.tell("close_codes") == [4321]
    client.client.close()
    server.until(connections=0)


def test_the_server_closes_and_the_client_answers(server: Process) -> None:
    client = opened(server)
    server.until(websockets=1)
    server.tell("send", "last words")
    server.tell("close", [4000, "grün"])
    server.tell("send", "too late")
    assert client.text() == "last words"
    assert client.receive() == Frame(CLOSE, struct.pack("!H", 4000) + "grün".encode())
    server.until(closing=1)
    client.send(text("not heard any more") + frame(PING) + close(4000))
    assert client.client.is_closed()
    server.until(gone=1)
    assert (server.tell("messages"), server.tell("close_codes")) == ([], [4000])


def test_a_client_that_does_not_agree_to_close_is_not_waited_for(serve: Serve) -> None:
    server = serve(close_timeout=0.2)
    client = opened(server)
    server.until(websockets=1)
    server.tell("close", [1000, ""])
    assert client.receive().opcode == CLOSE
    client.send(text("I stay"))
    assert client.client.is_closed()
    server.until(connections=0, gone=1)
    assert server.tell("close_codes") == [1006]


def test_a_close_is_heard_behind_messages_that_nobody_wants_any_more(serve: Serve) -> None:
    server = serve(close_timeout=60)
    client = opened(server, "/socket?wait")
    client.send(b"".join(text(str(number)) for number in range(20)) + close(4000))
    server.until(messages=1, active=1)
    server.tell("close", [4000, ""])
    assert client.receive().opcode == CLOSE
    server.tell("release")
    assert client.client.is_closed()
    server.until(gone=1)
    assert (server.tell("messages"), server.tell("close_codes")) == (["0"], [4000])


def test_who_is_abandoned_is_cut_off(server: Process) -> None:
    client = opened(server)
    server.until(websockets=1)
    server.tell("abandon")
    assert client.client.is_closed()
    server.until(connections=0, gone=1)


def test_a_long_message_is_refused_when_it_becomes_too_long(serve: Serve) -> None:
    server = serve(max_message=1000)
    whole, parts = opened(server), opened(server)
    assert whole.send(text("x" * 1000)).text() == "x" * 1000
    assert whole.send(text("x" * 1001)).receive().payload[:2] == struct.pack("!H", 1009)
    parts.send(frame(TEXT, b"x" * 600, fin=False) + frame(CONTINUATION, b"x" * 401, fin=False))
    assert parts.receive().payload[:2] == struct.pack("!H", 1009)
    assert server.tell("messages") == ["x" * 1000]
