"""A reply that is not there yet: parked, or waited for by any WSGI server."""

import threading
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from typing import Any

import pytest

from longpoll.transports.held import HeldReply
from tests.longpoll.transports.conftest import Start


def test_an_answer_is_delivered_once_to_whoever_parked() -> None:
    reply = HeldReply()
    delivered: list[bytes] = []
    assert reply.park(delivered.append)
    reply.answer(b"first")
    reply.answer(b"second")
    assert delivered == [b"first"]
    assert reply.body == b"first"


def test_a_reply_answered_before_is_iterated_instead() -> None:
    reply = HeldReply()
    delivered: list[bytes] = []
    reply.answer(b"now")
    assert not reply.park(delivered.append)
    assert list(reply) == [b"now"]
    assert delivered == []


def test_an_abandoned_poll_is_forgotten_once_and_delivers_nothing() -> None:
    forgotten: list[str] = []
    delivered: list[bytes] = []
    reply = HeldReply(forget=lambda: forgotten.append("x"))
    assert reply.park(delivered.append)
    reply.abandon()
    reply.abandon()
    reply.answer(b"too late")
    assert (forgotten, delivered, reply.body) == (["x"], [], None)


def test_an_answered_poll_cannot_be_abandoned() -> None:
    forgotten: list[str] = []
    reply = HeldReply(forget=lambda: forgotten.append("x"))
    reply.answer(b"x")
    reply.abandon()
    reply.close()
    assert forgotten == []
    assert list(reply) == [b"x"]


def test_a_server_that_closes_without_iterating_abandons_the_poll() -> None:
    forgotten: list[str] = []
    HeldReply(forget=lambda: forgotten.append("x")).close()
    assert forgotten == ["x"]


def test_iterating_waits_for_the_answer() -> None:
    reply = HeldReply()
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(list, reply)
        reply.answer(b"there")
        assert waiting.result(timeout=5) == [b"there"]


def test_abandoning_wakes_whoever_waits() -> None:
    reply = HeldReply()
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(list, reply)
        reply.abandon()
        assert waiting.result(timeout=5) == []


@pytest.mark.usefixtures("often_interrupted")
def test_parking_and_answering_at_the_same_time_loses_and_doubles_nothing() -> None:
    def both(number: int) -> list[bytes]:
        reply = HeldReply()
        delivered: list[bytes] = []
        start = threading.Barrier(3)

        def answer(body: bytes) -> None:
            start.wait()
            reply.answer(body)

        answers = [threads.submit(answer, b"a"), threads.submit(answer, b"b")]
        start.wait()
        if not reply.park(delivered.append):
            assert reply.body
            delivered.append(reply.body)
        for each in answers:
            each.result()
        return delivered

    with ThreadPoolExecutor(2) as threads:
        assert all(both(number) in ([b"a"], [b"b"]) for number in range(2000))


@pytest.mark.usefixtures("often_interrupted")
def test_waiting_and_deciding_at_the_same_time_never_hangs() -> None:
    with ThreadPoolExecutor(2) as threads:
        for _ in range(1000):
            reply = HeldReply()
            waiting = threads.submit(list, reply)
            decided = threads.submit(reply.abandon)
            reply.answer(b"x")
            decided.result(timeout=5)
            assert waiting.result(timeout=5) in ([b"x"], [])


def test_any_wsgi_server_waits_and_answers(serve: Start) -> None:
    reply, asked = HeldReply(), threading.Event()

    def application(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [("Content-Type", "text/plain")])
        asked.set()
        return reply

    connection = HTTPConnection("127.0.0.1", serve(application), timeout=5)
    connection.request("GET", "/")
    assert asked.wait(5)
    reply.answer(b"hello")
    assert connection.getresponse().read() == b"hello"
    connection.close()
