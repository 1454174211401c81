"""A websocket costs no greenlet, and hands messages on one after another."""

import struct

import pytest

from tests.longpoll.server.conftest import Process, Serve
from tests.longpoll.server.websocket import (
    CLOSE,
    PING,
    PONG,
    Frame,
    close,
    frame,
    opened,
    text,
)


def test_five_hundred_websockets_cost_no_greenlet(server: Process) -> None:
    before = server.tell("greenlets")
    clients = [opened(server) for _ in range(500)]
    server.until(websockets=500, active=0)
    assert server.tell("greenlets") <= before
    server.tell("send", "all")
    assert all(client.text() == "all" for client in clients)
    for number, client in enumerate(clients):
        client.send(text(str(number)))
    assert [client.text() for client in clients] == [str(number) for number in range(500)]
    server.until(websockets=500)
    assert server.tell("greenlets") <= before
    for client in clients:
        client.client.close()
    server.until(connections=0, gone=500)


def test_what_several_threads_send_arrives_whole_and_each_ones_in_order(server: Process) -> None:
    client = opened(server)
    server.until(websockets=1)
    server.tell("send_from_threads", 5)
    arrived = [client.text().split() for _ in range(500)]
    for name in range(5):
        assert [number for thread, number in arrived if thread == str(name)] == [str(number) for number in range(100)]


def test_a_slow_reader_gets_everything_in_the_end(serve: Serve) -> None:
    server = serve(max_unsent=10_000_000)
    client = opened(server, receive_buffer=4096)
    server.until(websockets=1)
    for _ in range(6):
        server.tell("send", "x" * 1_000_000)
    server.until(sending=1)
    server.tell("close", [1000, "done"])
    assert all(len(client.text()) == 1_000_000 for _ in range(6))
    assert client.receive().opcode == CLOSE


@pytest.mark.parametrize("options", [{"send_timeout": 0.3}, {"max_unsent": 50_000}])
def test_a_reader_that_does_not_go_on_is_cut_off(serve: Serve, options: dict[str, float]) -> None:
    server = serve(**options)
    client = opened(server, receive_buffer=4096)
    server.until(websockets=1)
    if "max_unsent" in options:
        assert 0 < server.tell("fill", 100_000) < 200
    else:
        server.tell("send", "x" * 8_000_000)
    server.until(connections=0, gone=1)
    assert client.client.socket.recv(10)


# -- receiving


def test_messages_are_handed_on_one_after_another_and_a_flood_is_not_read(serve: Serve) -> None:
    server = serve()
    client = opened(server, "/socket?wait")
    server.until(websockets=1)
    client.client.socket.settimeout(0.5)
    sent = 0
    try:
        for sent in range(100_000):
            client.send(text(f"{sent} ".ljust(10_000, "x")))
    except TimeoutError:
        pass
    assert 10 < sent < 10_000, "what is not read by us is not taken by the kernel without end"
    server.until(messages=1, active=1)
    assert server.tell("release") is None
    client.client.socket.settimeout(5)
    server.until(messages=sent, websockets=1)
    assert [message.split()[0] for message in server.tell("messages")] == [str(number) for number in range(sent)]


def test_a_message_that_came_before_the_client_left_is_still_handed_on(server: Process) -> None:
    client = opened(server, "/socket?wait")
    client.send(text("first") + text("second") + close())
    server.until(messages=1)
    client.client.close()
    assert server.until(connections=0)["gone"] == 0
    server.tell("release")
    server.until(gone=1, messages=2)
    assert server.tell("messages") == ["first", "second"]


def test_a_ping_is_answered_while_the_application_takes_its_time(server: Process) -> None:
    client = opened(server, "/socket?wait")
    client.send(text("long work") + frame(PING, b"there?"))
    assert client.receive() == Frame(PONG, b"there?")
    server.tell("release")


def test_an_application_that_fails_closes_its_websocket_and_is_logged(serve: Serve) -> None:
    server = serve()
    client, other = opened(server, "/socket?boom"), opened(server)
    client.send(text("x"))
    assert client.receive() == Frame(CLOSE, struct.pack("!H", 1011) + b"the server failed, and its log says why")
    assert other.send(text("y")).text() == "y"
    assert "RuntimeError: as the test ordered" in server.end()


def test_a_flood_of_the_smallest_frames_keeps_no_neighbour_waiting(server: Process) -> None:
    flood, neighbour = opened(server), opened(server)
    flood.send(frame(PONG) * 40_000 + text("the end of it"))
    assert neighbour.send(frame(PING, b"x")).receive() == Frame(PONG, b"x")
    assert server.tell("messages") == []  # it was answered while the flood was being looked at
    assert flood.text() == "the end of it"
