"""Which requests become a websocket, and what the others are told."""

import struct

import pytest
from websockets.sync.client import connect

from tests.longpoll.server.conftest import Process
from tests.longpoll.server.websocket import (
    ACCEPT,
    CLOSE,
    UPGRADE,
    Frame,
    close,
    opened,
    text,
)


@pytest.mark.parametrize("path", ["/socket?echo", "/falcon/socket"])
def test_a_websocket_is_opened_and_echoes(server: Process, path: str) -> None:
    opened_one = opened(server, path)
    assert opened_one.handshake.headers == {
        "upgrade": "websocket",
        "connection": "Upgrade",
        "sec-websocket-accept": ACCEPT,
    }
    assert opened_one.send(text("hällo")).text() == "hällo"
    server.until(websockets=1, active=0)


def test_the_websockets_library_gets_along_with_it(server: Process) -> None:
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
def test_the_first_subprotocol_that_both_speak_is_chosen(server: Process, offered: str, chosen: str | None) -> None:
    lines = (f"Sec-WebSocket-Protocol: {offered}",) if offered else ()
    assert opened(server, "/socket?echo", *lines).handshake.headers.get("sec-websocket-protocol") == chosen


def test_nothing_is_compressed_even_if_the_client_can(server: Process) -> None:
    client = opened(server, "/socket?echo", "Sec-WebSocket-Extensions: permessage-deflate")
    assert "sec-websocket-extensions" not in client.handshake.headers


def test_what_is_sent_before_the_upgrade_comes_right_behind_it(server: Process) -> None:
    assert opened(server, "/socket?greet").text() == "welcome"


def test_an_application_may_close_before_the_upgrade(server: Process) -> None:
    client = opened(server, "/socket?leave")
    assert client.receive() == Frame(CLOSE, struct.pack("!H", 4001) + b"not today")
    client.send(close(4001))
    assert client.client.is_closed()


def test_frames_sent_right_behind_the_request_are_read(server: Process) -> None:
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
def test_a_handshake_that_is_none_is_refused(server: Process, path: str, line: str, instead: str, status: int) -> None:
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
def test_only_a_get_of_http_1_1_without_a_body_is_upgraded(
    server: Process, how: dict[str, str], lines: tuple[str, ...]
) -> None:
    client = server.client().get("/socket", *UPGRADE, *lines, **how)
    assert client.reply().status == 400
    assert client.is_closed()
    server.until(gone=1)  # the application, which had not asked, is told


def test_an_upgrade_that_the_application_does_not_want_gets_its_ordinary_reply(server: Process) -> None:
    client = server.client()
    assert client.reply_to("/echo", *UPGRADE).body == b"GET None "
    assert client.reply_to("/falcon/none", *UPGRADE).status == 404
    assert client.reply_to("/ignore").body == b"ignored"


def test_frames_behind_a_refused_upgrade_are_not_taken_for_a_request(server: Process) -> None:
    smuggled = b"GET /boom HTTP/1.1\r\nHost: a\r\n\r\n"
    unchanged_by_its_mask = bytes([0x81, 0x80 | len(smuggled), 0, 0, 0, 0]) + smuggled
    client = server.client().get("/ignore", *UPGRADE).send(unchanged_by_its_mask)
    assert client.reply().body == b"ignored"
    assert client.reply().status == 400
    assert client.is_closed()
    assert server.tell("seen") == ["/ignore"]
