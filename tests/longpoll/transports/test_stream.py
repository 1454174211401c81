"""A reply that goes on: taken as it comes, or waited for by any WSGI server."""

import socket
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection

import pytest

from longpoll.transports.stream import MOST_BYTES, MOST_PARTS, StreamReply
from tests.longpoll.transports.conftest import Start


def test_what_was_written_is_taken_once_and_in_order() -> None:
    stream = StreamReply(prelude=b"first")
    stream.write(b"second")
    assert stream.take() == ([b"first", b"second"], False)
    stream.write(b"third")
    stream.end()
    assert stream.take() == ([b"third"], True)


def test_an_empty_part_is_none_since_it_would_end_the_body() -> None:
    stream = StreamReply()
    stream.write(b"")
    assert stream.take() == ([], False)


def test_nothing_is_written_after_the_end() -> None:
    stream = StreamReply()
    stream.end()
    stream.write(b"too late")
    stream.end()
    assert stream.over
    assert stream.take() == ([], True)


def test_whoever_attached_is_woken_by_every_part_and_by_the_end() -> None:
    stream, woken = StreamReply(), []
    stream.attach(lambda: woken.append(stream.take()))
    stream.write(b"one")
    stream.write(b"two")
    stream.end()
    assert woken == [([b"one"], False), ([b"two"], False), ([], True)]


def test_it_is_told_once_that_nobody_is_there() -> None:
    gone: list[str] = []
    stream = StreamReply(lambda: gone.append("x"))
    with ThreadPoolExecutor(8) as threads:
        for _ in range(100):
            threads.submit(stream.abandon)
    assert gone == ["x"]
    stream.write(b"nobody hears it")
    assert stream.take() == ([], False)


def test_it_is_told_so_after_a_proper_end_as_well() -> None:
    gone: list[str] = []
    stream = StreamReply(lambda: gone.append("x"))
    stream.end()
    assert gone == []
    assert list(stream) == []
    stream.close()
    assert gone == ["x"]


@pytest.mark.usefixtures("often_interrupted")
def test_many_writers_and_one_who_takes_lose_and_double_nothing() -> None:
    stream, taken, done = StreamReply(), list[bytes](), threading.Event()
    woken = threading.Event()
    stream.attach(woken.set)

    def take() -> None:
        last = False
        while not last:
            woken.wait(5)
            woken.clear()
            parts, last = stream.take()
            taken.extend(bytes(part) for part in parts)
        done.set()

    def write(name: int) -> None:
        for number in range(1000):
            stream.write(b"%d %d" % (name, number))

    with ThreadPoolExecutor(5) as threads:
        threads.submit(take)
        for each in [threads.submit(write, name) for name in range(4)]:
            each.result()
        stream.end()
        assert done.wait(10)
    for name in range(4):
        mine = [part for part in taken if part.startswith(b"%d " % name)]
        assert mine == [b"%d %d" % (name, number) for number in range(1000)]
    assert len(taken) == 4000


def test_iterating_waits_for_each_part() -> None:
    stream = StreamReply()
    parts = iter(stream)
    with ThreadPoolExecutor(1) as threads:
        for text in (b"one", b"two"):
            waiting = threads.submit(next, parts)
            stream.write(text)
            assert waiting.result(timeout=5) == text
        waiting = threads.submit(next, parts, b"over")
        stream.end()
        assert waiting.result(timeout=5) == b"over"


def test_abandoning_wakes_whoever_waits() -> None:
    stream = StreamReply()
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(list, stream)
        stream.abandon()
        assert waiting.result(timeout=5) == []


@pytest.mark.parametrize(("part", "most"), [(b"x" * 10_000, MOST_BYTES // 10_000), (b"x", MOST_PARTS)])
def test_what_another_server_does_not_send_is_not_kept_without_end(part: bytes, most: int) -> None:
    gone: list[str] = []
    stream = StreamReply(lambda: gone.append("x"), prelude=b"begun")
    assert next(iter(stream)) == b"begun"
    for _ in range(most):
        stream.write(part)
    assert gone == []
    stream.write(part)
    stream.write(part)
    assert (gone, stream.over) == (["x"], True)


class Application:
    """Answers with one stream."""

    def __init__(self) -> None:
        self.gone = threading.Event()
        self.stream = StreamReply(self.gone.set, prelude=b"first,")

    def __call__(self, environ: object, start_response: Callable[..., object]) -> StreamReply:
        start_response("200 OK", [("Content-Type", "text/event-stream")])
        return self.stream


def test_any_wsgi_server_sends_each_part_as_it_comes(serve: Start) -> None:
    application = Application()
    connection = HTTPConnection("127.0.0.1", serve(application), timeout=5)
    connection.request("GET", "/")
    reply = connection.getresponse()
    assert reply.read(6) == b"first,"
    for part in (b"second", b"third"):
        application.stream.write(part)
        assert reply.read(len(part)) == part
    application.stream.end()
    assert reply.read() == b""
    assert application.gone.wait(5)
    connection.close()


def test_any_wsgi_server_says_that_the_client_left_once_it_is_written_to(serve: Start) -> None:
    application = Application()
    with socket.create_connection(("127.0.0.1", serve(application)), timeout=5) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert client.recv(1)
    for _ in range(MOST_PARTS):
        application.stream.write(b"is anybody there?")
        if application.gone.wait(0.01):
            break
    assert application.gone.is_set()
