"""Whatever bytes come after an upgrade: an answer or an end, no traceback, and no harm to a neighbour."""

from collections.abc import Iterator
from socket import SHUT_WR

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from tests.longpoll.server.conftest import Process
from tests.longpoll.server.websocket import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    UPGRADE,
    Frame,
    WebSocket,
    close,
    frame,
)

SETTINGS = settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], database=None
)


@pytest.fixture(scope="module")
def neighbour(shared_server: Process) -> Iterator[WebSocket]:
    """A client that is there all the time, and must never notice the others."""
    client = WebSocket(shared_server.client())
    yield client
    client.client.close()


def ask_the_neighbour(neighbour: WebSocket) -> None:
    neighbour.send(frame(PING, b"all well?"))
    while (received := neighbour.receive()) == Frame(PING, b""):  # the server asks the same now and then
        neighbour.send(frame(PONG))
    assert received == Frame(PONG, b"all well?")


payloads = some.binary(max_size=40) | some.text(max_size=20).map(str.encode)
any_frames = some.builds(
    frame,
    some.integers(0, 15),
    payloads | some.binary(min_size=120, max_size=130),
    fin=some.booleans(),
    reserved=some.sampled_from([0, 0, 0, 0, 0, 1, 2, 4, 7]),
    masked=some.sampled_from([True, True, True, True, False]),
    wide=some.sampled_from([0, 0, 0, 0, 2, 8]),
)
plausible_frames = some.builds(
    frame, some.sampled_from([TEXT, TEXT, CONTINUATION, CONTINUATION, PING, PONG, BINARY, CLOSE]), payloads,
    fin=some.booleans(),
)  # fmt: skip
Conversation = tuple[bytes, list[str], list[bytes]]
junk = some.lists(any_frames | plausible_frames | some.binary(max_size=60), max_size=12).map(b"".join)


@SETTINGS
@given(junk=junk, size=some.integers(1, 200))
def test_any_bytes_after_an_upgrade_are_answered_or_end_it(
    shared_server: Process, neighbour: WebSocket, junk: bytes, size: int
) -> None:
    client = WebSocket(shared_server.client())
    try:
        for start in range(0, len(junk), size):
            client.send(junk[start : start + size])
        client.client.socket.shutdown(SHUT_WR)  # if the junk is fine as far as it goes, this is its end
    except OSError:
        pass  # it was cut off before it had said everything
    try:
        received = list(frames_in(client.client.rest()))
    except ConnectionResetError:
        received = []  # the end overtook what was said before it
    client.client.close()
    assert all(each.fin and each.opcode in (TEXT, PONG, CLOSE) for each in received)
    assert all(each.opcode != CLOSE for each in received[:-1])
    ask_the_neighbour(neighbour)


def frames_in(data: bytes) -> Iterator[Frame]:
    """The frames of a server, of which the last must be whole, too."""
    while data:
        assert not data[0] & 0x70
        assert data[1] < 126, "neither an echo nor a reason is that long here"
        end = 2 + data[1]
        assert len(data) >= end
        yield Frame(data[0] & 15, data[2:end], bool(data[0] & 0x80))
        data = data[end:]


@some.composite
def conversations(draw: some.DrawFn) -> Conversation:
    """Valid frames, the texts that they bring, and the payloads of the pings among them."""
    data = b""
    texts: list[str] = []
    pings: list[bytes] = []
    for message in draw(some.lists(some.text(max_size=200), max_size=6)):
        encoded = message.encode()
        cuts = sorted(draw(some.lists(some.integers(0, len(encoded)), max_size=4)))
        pieces = [encoded[a:b] for a, b in zip([0, *cuts], [*cuts, len(encoded)], strict=True)]
        for number, piece in enumerate(pieces):
            data += frame(CONTINUATION if number else TEXT, piece, fin=number == len(pieces) - 1)
            if draw(some.booleans()):
                pings.append(draw(some.binary(max_size=125)))
                data += frame(PING, pings[-1]) + frame(PONG)
        texts.append(message)
    return data, texts, pings


@SETTINGS
@given(conversation=conversations(), data=some.data())
def test_valid_frames_mean_the_same_however_they_are_cut_into_packets(
    shared_server: Process,
    neighbour: WebSocket,
    conversation: Conversation,
    data: some.DataObject,
) -> None:
    sent, texts, pings = conversation
    cuts = sorted(data.draw(some.lists(some.integers(0, len(sent)), max_size=8)))
    behind, *packets = [sent[a:b] for a, b in zip([0, *cuts], [*cuts, len(sent)], strict=True)]
    client = WebSocket(shared_server.client(), behind=behind)
    for packet in packets:
        client.send(packet)
    received = [client.receive() for _ in range(len(texts) + len(pings))]
    assert [each.payload.decode() for each in received if each.opcode == TEXT] == texts
    assert [each.payload for each in received if each.opcode == PONG] == pings
    assert client.send(close(4000)).closed() == 4000
    client.client.close()
    ask_the_neighbour(neighbour)


@SETTINGS
@given(
    lines=some.lists(some.sampled_from([*UPGRADE, "Upgrade: h2c", "Connection: close", "X: y"]), max_size=6),
    method=some.sampled_from(["GET", "POST", "HEAD"]),
    version=some.sampled_from(["1.0", "1.1"]),
    path=some.sampled_from(["/socket", "/falcon/socket", "/events", "/ignore"]),
    junk=junk,
)
def test_any_handshake_is_answered_with_one_whole_reply(
    shared_server: Process, neighbour: WebSocket, lines: list[str], method: str, version: str, path: str, junk: bytes
) -> None:
    client = shared_server.client().get(path, *lines, method=method, version=version).send(junk)
    reply = client.reply(bodiless=True)
    assert reply.status in (101, 200, 400, 405, 426)
    if reply.status == 101:
        assert (method, version) == ("GET", "1.1")
        assert set(UPGRADE) <= set(lines)
    client.close()
    ask_the_neighbour(neighbour)
