"""A held poll costs no greenlet, is answered exactly once, and is not kept for a client that left."""

import socket
import struct

import pytest

from tests.longpoll.server.conftest import Process, Serve


def test_a_held_poll_is_answered_with_the_right_bytes(server: Process) -> None:
    client = server.client().get("/hold")
    server.until(held=1, active=0)
    assert server.tell("answer", "hellö") == 1
    reply = client.reply()
    assert (reply.status, reply.body) == (200, "hellö".encode())
    assert reply.headers.keys() == {"content-type", "date", "content-length"}


def test_falcon_hands_the_held_reply_on_as_it_is(server: Process) -> None:
    client = server.client().get("/falcon")
    server.until(held=1, active=0)
    server.tell("answer", '{"a": 1}')
    reply = client.reply()
    assert reply.body == b'{"a": 1}'
    assert reply.headers["content-type"] == "application/json"


def test_the_connection_is_used_again_after_an_answer(server: Process) -> None:
    client = server.client()
    for turn in ("one", "two", "three"):
        client.get("/hold")
        server.until(held=1)
        server.tell("answer", turn)
        assert client.reply().body == turn.encode()
        assert client.reply_to("/ignore").body == b"ignored"
    server.until(connections=1, idle=1)


def test_five_hundred_held_polls_cost_no_greenlet(server: Process) -> None:
    before = server.tell("greenlets")
    clients = [server.client().get("/hold") for _ in range(500)]
    server.until(held=500, active=0)
    assert server.tell("greenlets") <= before
    assert server.tell("answer", "all") == 500
    assert all(client.reply().body == b"all" for client in clients)
    server.until(held=0, idle=500)
    assert server.tell("greenlets") <= before


def test_a_reply_that_is_there_already_is_not_held(server: Process) -> None:
    assert server.client().reply_to("/answered?now").body == b"now"


def test_no_answer_is_lost_whenever_it_comes(server: Process) -> None:
    """Threads answer before, while and after the poll is parked."""
    clients = [server.client() for _ in range(20)]
    for turn in range(50):
        for number, client in enumerate(clients):
            client.get(f"/threaded?{turn}.{number}")
        for number, client in enumerate(clients):
            assert client.reply().body == f"{turn}.{number}".encode()


def test_a_client_that_left_is_noticed(server: Process) -> None:
    client = server.client().get("/hold")
    server.until(held=1)
    client.close()
    server.until(gone=1, held=0, connections=0)


def test_a_client_that_was_cut_off_is_noticed(server: Process) -> None:
    client = server.client().get("/hold")
    server.until(held=1)
    client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # a reset
    client.close()
    server.until(gone=1, held=0, connections=0)


def test_the_answer_for_a_client_that_left_goes_nowhere(server: Process) -> None:
    stays, leaves = server.client().get("/hold"), server.client().get("/hold")
    server.until(held=2)
    leaves.close()
    server.until(gone=1)
    server.tell("answer", "x")
    assert stays.reply().body == b"x"
    server.until(connections=1)


def test_a_request_sent_during_the_hold_is_served_after_the_answer(server: Process) -> None:
    client = server.client().get("/hold")
    server.until(held=1)
    client.get("/ignore").get("/answered?2")
    assert server.client().reply_to("/ignore").body == b"ignored"  # the server has seen both by now
    assert server.until(held=1)["gone"] == 0
    assert server.tell("seen").count("/answered") == 0
    server.tell("answer", "first")
    assert [client.reply().body for _ in range(3)] == [b"first", b"ignored", b"2"]


def test_requests_sent_with_the_poll_are_served_after_the_answer(server: Process) -> None:
    request = b"GET %s HTTP/1.1\r\nHost: a\r\n\r\n"
    client = server.client().send(request % b"/hold" + request % b"/hold" + request % b"/ignore")
    for turn in (b"one", b"two"):
        server.until(held=1)
        server.tell("answer", turn.decode())
        assert client.reply().body == turn
    assert client.reply().body == b"ignored"


def test_a_client_that_sent_more_and_left_does_not_keep_the_server_busy(server: Process) -> None:
    client = server.client().get("/hold")
    server.until(held=1)
    client.get("/ignore").close()
    server.tell("answer", "x")
    server.until(connections=0)


def test_the_body_of_a_held_request_is_not_taken_for_the_next_one(server: Process) -> None:
    body = b"GET /boom HTTP/1.1\r\nHost: a\r\n\r\n"
    client = server.client().send(b"POST /hold HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    server.until(held=1)
    server.tell("answer", "x")
    assert client.reply().body == b"x"
    assert client.reply_to("/ignore").body == b"ignored"
    assert "/boom" not in server.tell("seen")


@pytest.mark.parametrize(
    ("version", "header", "stays"),
    [
        ("1.1", "X: y", True),
        ("1.1", "Connection: close", False),
        ("1.1", "Connection: te, Close", False),
        ("1.0", "X: y", False),
        ("1.0", "Connection: Keep-Alive", True),
    ],
)
@pytest.mark.parametrize("path", ["/hold", "/ignore"])
def test_the_connection_stays_open_if_the_client_means_it_to(
    server: Process, path: str, version: str, header: str, stays: bool
) -> None:
    client = server.client().get(path, header, version=version)
    if path == "/hold":
        server.until(held=1)
        server.tell("answer", "x")
    said = client.reply().headers.get("connection")
    if stays:
        assert said == ("keep-alive" if version == "1.0" else None)
        assert client.reply_to("/ignore", version=version).status == 200
    else:
        assert said == "close"
        assert client.is_closed()
        client.close()
        server.until(connections=0)


def test_head_is_answered_without_a_body(server: Process) -> None:
    client = server.client().get("/hold", method="HEAD")
    server.until(held=1)
    server.tell("answer", "four")
    assert client.reply(bodiless=True).headers["content-length"] == "4"
    for path in ("/ignore", "/stream", "/big?100"):
        assert client.reply_to(path, method="HEAD").status == 200
    assert client.reply_to("/ignore").body == b"ignored"


def test_a_slow_reader_of_an_answer_is_cut_off(serve: Serve) -> None:
    server = serve(send_timeout=0.3)
    slow, quick = server.client(receive_buffer=4096).get("/hold"), server.client().get("/hold")
    server.until(held=2)
    server.tell("answer", "x" * 8_000_000)
    assert len(quick.reply().body) == 8_000_000
    server.until(connections=1, active=0)
    assert slow.socket.recv(10)  # it got a beginning, and no more than the buffers hold
    server.until(idle=1)


def test_an_answer_too_large_for_the_buffers_arrives_whole(server: Process) -> None:
    client = server.client(receive_buffer=4096).get("/hold")
    server.until(held=1)
    server.tell("answer", "0123456789" * 500_000)
    assert client.reply().body == b"0123456789" * 500_000
    assert client.reply_to("/ignore").body == b"ignored"
