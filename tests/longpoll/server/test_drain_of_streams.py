"""SIGTERM for what would go on for ever: it hears what the application still has to say, and is ended properly."""

import struct

import pytest

from tests.longpoll.server.conftest import Process, Serve
from tests.longpoll.server.websocket import CLOSE, UPGRADE, Frame, WebSocket, close, frame, text

BYE = Frame(CLOSE, struct.pack("!H", 1001) + b"the server stops")
LOGGED = "A callback failed while the server drained"


def end(server: Process) -> None:
    """Ends it; the callback that fails in every drain is all that it may have to say."""
    said = server.end()
    assert said.count("Traceback") == said.count(LOGGED) == 1


def test_streams_and_websockets_hear_the_last_words_and_are_ended(serve: Serve) -> None:
    server = serve()
    streams = [server.client().get("/events") for _ in range(20)]
    websockets = [WebSocket(server.client()) for _ in range(20)]
    old = server.client().get("/events", version="1.0")
    server.until(streams=21, websockets=20)
    server.start_telling("drain", [10, "bye"])
    for client in streams:
        assert client.reply().body == b"bye"
        assert client.is_closed()
    assert old.rest().endswith(b"\r\n\r\nbye")
    for websocket in websockets:
        assert websocket.text() == "bye"
        assert websocket.receive() == BYE
        websocket.send(close(1001))
        assert websocket.client.is_closed()
    assert server.answer_of_command() is True
    server.until(gone=41)
    end(server)


def test_a_websocket_that_does_not_answer_is_waited_for_only_so_long(serve: Serve) -> None:
    server = serve(close_timeout=0.3)
    websocket = WebSocket(server.client())
    server.until(websockets=1)
    server.start_telling("drain", [30, None])
    assert websocket.receive() == BYE
    assert websocket.client.is_closed()
    assert server.answer_of_command() is True
    end(server)


def test_the_drain_ends_in_time_whoever_does_not_read(serve: Serve) -> None:
    server = serve(send_timeout=60, close_timeout=60)
    silent, slow = WebSocket(server.client()), server.client(receive_buffer=4096).get("/events")
    server.until(websockets=1, streams=1)
    server.tell("write", "x" * 8_000_000)
    server.until(sending=1)
    server.start_telling("drain", [0.5, None])
    assert silent.receive() == BYE
    assert server.answer_of_command() is False
    assert silent.client.is_closed()
    assert slow.socket.recv(10)
    assert server.until(connections=0)["gone"] == 2
    assert "2 requests had not ended after 0.5 seconds and were cut off" in server.end()


def test_a_slow_reader_still_gets_its_end(serve: Serve) -> None:
    server = serve()
    slow = server.client(receive_buffer=4096).get("/events")
    server.until(streams=1)
    server.tell("write", "x" * 3_000_000)
    server.until(sending=1)
    server.start_telling("drain", [30, None])
    assert len(slow.reply().body) == 3_000_000
    assert server.answer_of_command() is True
    end(server)


def test_the_application_may_finish_with_a_message_and_what_it_says_does_not_come_after_the_close(serve: Serve) -> None:
    server = serve()
    websocket = WebSocket(server.client(), "/socket?wait").send(text("work"))
    server.until(messages=1)
    server.start_telling("drain", [10, None])
    assert websocket.receive() == BYE
    websocket.send(close(1001))
    assert websocket.client.is_closed()
    websocket.client.close()
    server.until(connections=0)
    assert server.tell("release") is None
    assert server.answer_of_command() is True
    end(server)


@pytest.mark.parametrize("request_line", ["GET /events HTTP/1.1", "GET /socket?echo HTTP/1.1"])
def test_what_begins_while_the_server_drains_is_ended_at_once(serve: Serve, request_line: str) -> None:
    server = serve()
    busy, late = server.client().get("/wait"), server.client().send(f"{request_line}\r\n".encode())
    silent = server.client()
    server.until(active=1, head=2)
    server.start_telling("drain", [10, None])
    assert silent.is_closed()  # it has begun
    late.send("\r\n".join(["Host: a", *UPGRADE, "", ""]).encode())
    if "socket" in request_line:
        assert late.reply(bodiless=True).status == 101
        assert late.take(2 + 18) == bytes([0x80 | CLOSE, 18]) + BYE.payload
        late.send(frame(CLOSE, BYE.payload))
    else:
        reply = late.reply()
        assert (reply.body, reply.headers["connection"]) == (b"", "close")
    assert late.is_closed()
    server.tell("release")
    assert busy.reply().body == b"waited"
    end(server)
