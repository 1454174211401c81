"""A websocket's reply, from the application's side."""

import threading
from http.client import HTTPConnection
from typing import Any

import falcon
import pytest

from longpoll.transports import frames, handshake
from longpoll.transports.websocket import WebSocketReply
from tests.longpoll.conftest import on_waitress
from tests.longpoll.server.websocket import UPGRADE


def test_a_message_becomes_one_frame_be_it_a_string_or_utf_8() -> None:
    websocket = WebSocketReply(lambda text: None)
    websocket.send_text("hä")
    websocket.send_text("hä".encode())
    websocket.send_text("")
    assert websocket.take() == ([b"\x81\x03h\xc3\xa4"] * 2 + [b"\x81\x00"], False)


def test_all_who_are_told_the_same_share_its_frame() -> None:
    told = [WebSocketReply(lambda text: None) for _ in range(2)]
    for websocket in told:
        websocket.send_text("x" * 1000)
    (one,), (other,) = (websocket.take()[0] for websocket in told)
    assert one is other


@pytest.mark.parametrize("text", [b"\xff", "\ud800"])
def test_what_is_not_text_is_refused_to_whoever_says_it(text: Any) -> None:
    websocket = WebSocketReply(lambda text: None)
    with pytest.raises(ValueError, match="utf-8"):
        websocket.send_text(text)
    assert websocket.take() == ([], False)


def test_a_close_is_the_last_frame() -> None:
    websocket = WebSocketReply(lambda text: None)
    websocket.send_text("a")
    websocket.close(4000, "done")
    websocket.send_text("b")
    websocket.close(1000)
    assert websocket.take() == ([b"\x81\x01a", b"\x88\x06\x0f\xa0done"], True)


def test_a_reason_is_cut_to_what_fits_and_between_characters() -> None:
    assert frames.close(1000, "ä" * 100) == b"\x88\x7c\x03\xe8" + "ä".encode() * 61


@pytest.mark.parametrize("code", [0, 999, 1004, 1005, 1006, 1015, 2999, 5000])
def test_a_code_that_may_not_be_sent_is_refused(code: int) -> None:
    websocket = WebSocketReply(lambda text: None)
    with pytest.raises(ValueError, match=f"{code} is no close code"):
        websocket.close(code)
    assert not websocket.over


def test_a_ping_is_sent_and_has_a_longest_length() -> None:
    websocket = WebSocketReply(lambda text: None)
    websocket.ping()
    websocket.ping(b"x" * 125)
    assert websocket.take()[0] == [b"\x89\x00", b"\x89\x7d" + b"x" * 125]
    with pytest.raises(ValueError, match="too long"):
        websocket.ping(b"x" * 126)


@pytest.mark.usefixtures("often_interrupted")
def test_nothing_comes_behind_the_close_whoever_sends_at_the_same_time() -> None:
    for _ in range(200):
        websocket = WebSocketReply(lambda text: None)
        senders = [threading.Thread(target=websocket.send_text, args=("x",)) for _ in range(3)]
        senders.append(threading.Thread(target=websocket.close))
        for sender in senders:
            sender.start()
        for sender in senders:
            sender.join()
        parts, last = websocket.take()
        assert last
        assert [part[:1] for part in parts[-1:]] == [b"\x88"]


class Socket:
    """As every endpoint should: it asks first."""

    def __init__(self, asks: bool) -> None:
        self._asks = asks
        self.gone = threading.Event()

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        refusal = handshake.refusal(req.env) if self._asks else None
        if refusal:
            resp.status = falcon.code_to_http_status(refusal.status)
            resp.text = refusal.sentence
        else:
            resp.stream = WebSocketReply(lambda text: None, self.gone.set)


@pytest.mark.parametrize(("lines", "status"), [(UPGRADE, 400), ((), 426)])
def test_another_wsgi_server_refuses(lines: tuple[str, ...], status: int) -> None:
    app = falcon.App()
    app.add_route("/", Socket(asks=True))
    with on_waitress(app) as port:
        connection = HTTPConnection("127.0.0.1", port, timeout=5)
        connection.request("GET", "/", headers=dict(line.split(": ", 1) for line in lines))
        assert connection.getresponse().status == status
        connection.close()


def test_an_application_that_does_not_ask_keeps_no_other_server_waiting() -> None:
    app, resource = falcon.App(), Socket(asks=False)
    app.add_route("/", resource)
    with on_waitress(app) as port:
        connection = HTTPConnection("127.0.0.1", port, timeout=5)
        connection.request("GET", "/")
        assert connection.getresponse().read() == b"This server cannot upgrade to a websocket.\n"
        assert resource.gone.wait(5)
        connection.close()
