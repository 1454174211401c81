"""A websocket costs no greenlet, hands messages on one after another, and is never left half open."""

import socket
import struct

import pytest
from websockets.sync.client import connect

from tests.longpoll.server import websocket
from tests.longpoll.server.websocket import ACCEPT, CLOSE, PING, PONG, UPGRADE, Frame, WebSocket, close, frame, text


def opened(server, path="/socket?echo", *lines, receive_buffer=None, **how):
    return WebSocket(server.client(receive_buffer), path, *lines, **how)


# -- opening


@pytest.mark.parametrize("path", ["/socket?echo", "/falcon/socket"])
def test_a_websocket_is_opened_and_echoes(server, path):
    opened_one = opened(server, path)
    assert opened_one.handshake.headers == {
        "upgrade": "websocket",
        "connection": "Upgrade",
        "sec-websocket-accept": ACCEPT,
    }
    assert opened_one.send(text("hällo")).text() == "hällo"
    server.until(websockets=1, active=0)


def test_the_websockets_library_gets_along_with_it(server):
    with connect(f"ws://127.0.0.1:{server.port}/socket?echo", compression="deflate", proxy=None) as client:
        for message in ("", "hällo", "x" * 70_000, "y" * 1_000_000):
            client.send(message)
            assert client.recv(timeout=5) == message
        client.send(iter(["in ", "three ", "frames"]))
        assert client.recv(timeout=5) == "in three frames"
        assert client.ping().wait(5)
    assert client.close_code == 1000
    server.until(connections=0, gone=1)
    assert server.tell("close_codes") == [1000]


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [("chat", "chat"), ("talk, chat", "chat"), ("talk", "talk"), ("mqtt", None), ("", None)],
)
def test_the_first_subprotocol_that_both_speak_is_chosen(server, offered, chosen):
    lines = (f"Sec-WebSocket-Protocol: {offered}",) if offered else ()
    assert opened(server, "/socket?echo", *lines).handshake.headers.get("sec-websocket-protocol") == chosen


def test_nothing_is_compressed_even_if_the_client_can(server):
    client = opened(server, "/socket?echo", "Sec-WebSocket-Extensions: permessage-deflate")
    assert "sec-websocket-extensions" not in client.handshake.headers


def test_what_is_sent_before_the_upgrade_comes_right_behind_it(server):
    assert opened(server, "/socket?greet").text() == "welcome"


def test_an_application_may_close_before_the_upgrade(server):
    client = opened(server, "/socket?leave")
    assert client.receive() == Frame(CLOSE, struct.pack("!H", 4001) + b"not today")
    client.send(close(4001))
    assert client.client.is_closed()


def test_frames_sent_right_behind_the_request_are_read(server):
    assert opened(server, behind=text("early")).text() == "early"


BAD = {
    "Connection: Upgrade": [("Connection: close", 426), ("X: y", 426)],
    "Upgrade: websocket": [("Upgrade: h2c", 426), ("X: y", 426)],
    "Sec-WebSocket-Version: 13": [("Sec-WebSocket-Version: 8", 426), ("X: y", 426)],
    UPGRADE[3]: [
        ("X: y", 400),
        ("Sec-WebSocket-Key: short", 400),
        ("Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAA===", 400),
        ("Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAAAA", 400),
        (f"{UPGRADE[3]}\r\n{UPGRADE[3]}", 400),
    ],
}


@pytest.mark.parametrize("path", ["/socket", "/falcon/socket"])
@pytest.mark.parametrize(
    ("line", "instead", "status"), [(line, *each) for line, cases in BAD.items() for each in cases]
)
def test_a_handshake_that_is_none_is_refused(server, path, line, instead, status):
    client = server.client().get(path, *(instead if each == line else each for each in UPGRADE))
    reply = client.reply()
    assert reply.status == status
    assert reply.body.rstrip().endswith(b".")
    assert reply.headers.get("sec-websocket-version") == ("13" if status == 426 else None)
    client.close()
    server.until(connections=0, websockets=0)


@pytest.mark.parametrize(
    ("how", "lines"),
    [
        ({"method": "POST"}, ("Content-Length: 0",)),
        ({"version": "1.0"}, ()),
        ({}, ("Content-Length: 2\r\n\r\nhi",)),
        ({}, ("Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0",)),
    ],
)
def test_only_a_get_of_http_1_1_without_a_body_is_upgraded(server, how, lines):
    client = server.client().get("/socket", *UPGRADE, *lines, **how)
    assert client.reply().status == 400
    assert client.is_closed()
    server.until(gone=1)  # the application, which had not asked, is told


def test_an_upgrade_that_the_application_does_not_want_gets_its_ordinary_reply(server):
    client = server.client()
    assert client.reply_to("/echo", *UPGRADE).body == b"GET None "
    assert client.reply_to("/falcon/none", *UPGRADE).status == 404
    assert client.reply_to("/ignore").body == b"ignored"


def test_frames_behind_a_refused_upgrade_are_not_taken_for_a_request(server):
    smuggled = b"GET /boom HTTP/1.1\r\nHost: a\r\n\r\n"
    unchanged_by_its_mask = bytes([0x81, 0x80 | len(smuggled), 0, 0, 0, 0]) + smuggled
    client = server.client().get("/ignore", *UPGRADE).send(unchanged_by_its_mask)
    assert client.reply().body == b"ignored"
    assert client.reply().status == 400
    assert client.is_closed()
    assert server.tell("seen") == ["/ignore"]


# -- sending


def test_five_hundred_websockets_cost_no_greenlet(server):
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


def test_what_several_threads_send_arrives_whole_and_each_ones_in_order(server):
    client = opened(server)
    server.until(websockets=1)
    server.tell("send_from_threads", 5)
    arrived = [client.text().split() for _ in range(500)]
    for name in range(5):
        assert [number for thread, number in arrived if thread == str(name)] == [str(number) for number in range(100)]


def test_a_slow_reader_gets_everything_in_the_end(serve):
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
def test_a_reader_that_does_not_go_on_is_cut_off(serve, options):
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


def test_messages_are_handed_on_one_after_another_and_a_flood_is_not_read(serve):
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


def test_a_message_that_came_before_the_client_left_is_still_handed_on(server):
    client = opened(server, "/socket?wait")
    client.send(text("first") + text("second") + close())
    server.until(messages=1)
    client.client.close()
    assert server.until(connections=0)["gone"] == 0
    server.tell("release")
    server.until(gone=1, messages=2)
    assert server.tell("messages") == ["first", "second"]


def test_a_ping_is_answered_while_the_application_takes_its_time(server):
    client = opened(server, "/socket?wait")
    client.send(text("long work") + frame(PING, b"there?"))
    assert client.receive() == Frame(PONG, b"there?")
    server.tell("release")


def test_an_application_that_fails_closes_its_websocket_and_is_logged(serve):
    server = serve()
    client, other = opened(server, "/socket?boom"), opened(server)
    client.send(text("x"))
    assert client.receive() == Frame(CLOSE, struct.pack("!H", 1011) + b"the server failed, and its log says why")
    assert other.send(text("y")).text() == "y"
    assert "RuntimeError: as the test ordered" in server.end()


def test_a_flood_of_the_smallest_frames_keeps_no_neighbour_waiting(server):
    flood, neighbour = opened(server), opened(server)
    flood.send(frame(PONG) * 40_000 + text("the end of it"))
    assert neighbour.send(frame(PING, b"x")).receive() == Frame(PONG, b"x")
    assert server.tell("messages") == []  # it was answered while the flood was being looked at
    assert flood.text() == "the end of it"


# -- is it still there?


def test_a_client_that_is_silent_is_pinged_and_one_that_answers_stays(serve):
    server = serve(ping_every=0.2, pong_timeout=5)
    client = opened(server)
    for _ in range(3):
        assert client.receive() == Frame(PING, b"")
        server.until(pinged=1)
        client.send(frame(PONG))
        server.until(websockets=1)


def test_a_client_that_answers_no_ping_is_cut_off(serve):
    server = serve(ping_every=0.2, pong_timeout=0.2)
    client = opened(server)
    server.until(websockets=1)
    assert client.receive().opcode == PING
    server.tell("send", "what we say is no sign of life of the client")
    assert client.text()
    assert client.client.is_closed()
    server.until(connections=0, gone=1)
    assert server.tell("close_codes") == [1006]


def test_a_client_is_not_cut_off_for_what_we_do_not_read(serve):
    server = serve(ping_every=0.1, pong_timeout=0.1)
    client = opened(server, "/socket?wait")
    client.send(b"".join(text(str(number)) for number in range(20)) + frame(PONG))
    server.until(active=1)
    pings = 0
    client.client.socket.settimeout(0.6)  # six times what it may be silent
    try:
        while client.receive().opcode == PING:
            pings += 1
    except TimeoutError:
        pass
    assert pings <= 1
    assert server.until(active=1)["gone"] == 0
    server.tell("release")
    server.until(messages=20)


@pytest.mark.parametrize("reset", [False, True])
def test_a_client_that_left_is_noticed_and_told_of(server, reset):
    client = opened(server)
    server.until(websockets=1)
    if reset:
        client.client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.client.close()
    server.until(gone=1, websockets=0, connections=0)
    assert server.tell("close_codes") == [1006]


def test_clients_that_leave_in_the_middle_of_a_frame_leave_nothing_behind(server):
    whole = text("x" * 70_000)
    for number in range(200):
        opened(server, behind=whole[: number * 350]).client.close()
    server.until(gone=200, websockets=0, connections=0, collected=0)


# -- closing


def test_the_client_closes_and_is_answered_with_its_code(server):
    client = opened(server)
    assert client.send(close(4321, b"enough")).closed() == 4321
    server.until(gone=1)
    assert server.tell("close_codes") == [4321]
    client.client.close()
    server.until(connections=0)


def test_the_server_closes_and_the_client_answers(server):
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


def test_a_client_that_does_not_agree_to_close_is_not_waited_for(serve):
    server = serve(close_timeout=0.2)
    client = opened(server)
    server.until(websockets=1)
    server.tell("close", [1000, ""])
    assert client.receive().opcode == CLOSE
    client.send(text("I stay"))
    assert client.client.is_closed()
    server.until(connections=0, gone=1)
    assert server.tell("close_codes") == [1006]


def test_who_is_abandoned_is_cut_off(server):
    client = opened(server)
    server.until(websockets=1)
    server.tell("abandon")
    assert client.client.is_closed()
    server.until(connections=0, gone=1)


def test_a_long_message_is_refused_when_it_becomes_too_long(serve):
    server = serve(max_message=1000)
    whole, parts = opened(server), opened(server)
    assert whole.send(text("x" * 1000)).text() == "x" * 1000
    assert whole.send(text("x" * 1001)).receive().payload[:2] == struct.pack("!H", 1009)
    parts.send(frame(websocket.TEXT, b"x" * 600, fin=False) + frame(websocket.CONTINUATION, b"x" * 401, fin=False))
    assert parts.receive().payload[:2] == struct.pack("!H", 1009)
    assert server.tell("messages") == ["x" * 1000]
