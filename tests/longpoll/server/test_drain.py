"""SIGTERM: everybody gets an answer, nobody gets in, and it ends in time."""

import pytest

from tests.longpoll.server.conftest import Serve


def test_drain_answers_the_held_polls_and_closes(serve: Serve) -> None:
    server = serve()
    held, idle = [server.client().get("/hold") for _ in range(50)], server.client()
    assert idle.reply_to("/ignore").status == 200
    server.until(held=50, idle=1)
    server.start_telling("drain", [5, "bye"])
    assert idle.is_closed()
    for client in held:
        reply = client.reply()
        assert (reply.body, reply.headers["connection"]) == (b"bye", "close")
        assert client.is_closed()
    assert server.answer_of_command() is True
    with pytest.raises(ConnectionRefusedError):
        server.client()
    assert "A callback failed while the server drained" in server.end()


def test_a_request_under_way_may_end(serve: Serve) -> None:
    server = serve()
    working, dribbling = server.client().get("/wait"), server.client().send(b"GET /ignore HTTP/1.1\r\n")
    server.until(active=1, head=1)
    silent = server.client()
    server.until(head=2)
    server.start_telling("drain", [5, None])
    assert silent.is_closed()
    dribbling.send(b"Host: a\r\n\r\n")
    reply = dribbling.reply()
    assert (reply.body, reply.headers["connection"]) == (b"ignored", "close")
    assert server.tell("release") is None
    reply = working.reply()
    assert (reply.body, reply.headers["connection"]) == (b"waited", "close")
    assert server.answer_of_command() is True
    assert "A callback failed while the server drained" in server.end()


def test_what_does_not_end_is_cut_off(serve: Serve) -> None:
    server = serve()
    stuck, held = server.client().get("/wait"), server.client().get("/hold")
    server.until(active=1, held=1)
    assert server.tell("drain", [0.2, None]) is False
    assert stuck.reply().status == 500
    assert held.is_closed()
    assert "2 requests had not ended after 0.2 seconds and were cut off" in server.end()
