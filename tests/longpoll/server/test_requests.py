"""Everything that is not a held poll: bodies, deadlines, caps, and what bad input is told."""

import socket

import pytest

from tests.longpoll.server.conftest import Client, Process, Serve

REQUEST = b"POST /echo HTTP/1.1\r\nHost: a\r\n"


def test_replies_leave_without_waiting_for_an_acknowledgement(server: Process) -> None:
    client = server.client()
    client.reply_to("/ignore")
    assert server.tell("options")[0][0] == 1


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="only Linux can be asked to give up")
def test_a_client_whose_network_is_gone_is_given_up_in_forty_seconds(server: Process) -> None:
    server.client().reply_to("/ignore")
    assert server.tell("options")[0][1] == 40_000


def test_a_body_reaches_the_application_whole(server: Process) -> None:
    client = server.client().send(REQUEST + b"Content-Length: 5\r\n\r\nhe")
    server.until(body=1)
    client.send(b"llo")
    assert client.reply().body == b"POST 5 hello"


def test_a_chunked_body_reaches_the_application_with_its_length(server: Process) -> None:
    client = server.client().send(REQUEST + b"Transfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n")
    assert client.reply().body == b"POST 5 hello"
    assert client.reply_to("/ignore").body == b"ignored"


def test_a_body_that_nobody_reads_is_not_taken_for_a_request(server: Process) -> None:
    client = server.client()
    for framing in (
        b"Content-Length: 27\r\n\r\nGET /boom HTTP/1.1\r\nHost: a",
        b"Transfer-Encoding: chunked\r\n\r\n12\r\nGET /boom HTTP/1.1\r\n0\r\n\r\n",
    ):
        client.send(b"POST /ignore HTTP/1.1\r\nHost: a\r\n" + framing)
        assert client.reply().body == b"ignored"
    assert client.reply_to("/echo").status == 200


def test_a_client_that_asks_first_is_told_to_continue(server: Process) -> None:
    client = server.client().send(REQUEST + b"Expect: 100-continue\r\nContent-Length: 5\r\n\r\n")
    assert client.reply().status == 100
    assert client.send(b"hello").reply().body == b"POST 5 hello"


def test_a_stream_arrives_in_chunks_or_until_the_end(server: Process) -> None:
    client = server.client()
    assert client.reply_to("/stream").body == b"one,two,three"
    reply = client.reply_to("/stream", "Connection: keep-alive", version="1.0")
    assert reply.headers["connection"] == "close"
    assert client.rest() == b"one,two,three"


def test_a_whole_address_means_its_path(server: Process) -> None:
    client = server.client()
    assert client.reply_to("http://elsewhere/answered?to=me").body == b"to=me"


def test_an_upgrade_is_not_offered_and_does_no_harm(server: Process) -> None:
    client = server.client()
    headers = ("Connection: Upgrade", "Upgrade: websocket", "Content-Length: 0")
    assert client.reply_to("/echo", *headers).body == b"GET 0 "
    assert client.reply_to("/ignore").body == b"ignored"


def test_an_application_that_fails_is_answered_500_and_logged_without_its_query(serve: Serve) -> None:
    server = serve()
    client = server.client()
    assert client.reply_to("/boom?ticket=secret").status == 500
    assert client.is_closed()
    assert server.client().reply_to("/ignore").status == 200
    errors = server.end()
    assert "The application failed in GET /boom\n" in errors
    assert "as the test ordered" in errors
    assert "secret" not in errors


@pytest.mark.parametrize(
    ("status", "request_bytes"),
    [
        (400, b"GET / HTTP/1.1\r\n\r\n"),
        (400, b"GET / HTTP/1.1\nHost: a\n\n"),
        (400, b"GET /\r\n"),
        (400, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\n"),
        (400, REQUEST + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello"),
        (400, REQUEST + b"Transfer-Encoding: chunked\r\n\r\nGET /echo HTTP/1.1\r\nHost: a\r\n\r\n"),
        (413, REQUEST + b"Content-Length: 65537\r\n\r\n"),
        (414, b"GET /" + b"a" * 9000),
        (431, REQUEST + b"X: " + b"a" * 17000),
        (417, REQUEST + b"Expect: more\r\n\r\n"),
        (501, b"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n"),
    ],
)
def test_bad_input_gets_one_sentence_and_nothing_after_it(server: Process, status: int, request_bytes: bytes) -> None:
    client = server.client().send(request_bytes + b"GET /ignore HTTP/1.1\r\nHost: a\r\n\r\n")
    reply = client.reply()
    assert reply.status == status
    assert reply.headers["connection"] == "close"
    assert reply.body.endswith(b".\n")
    assert client.is_closed()
    client.close()
    server.until(connections=0)
    assert server.tell("seen") == []


def test_a_body_of_the_cap_is_taken_and_one_byte_more_is_not(serve: Serve) -> None:
    server = serve(max_body=10)
    client = server.client().send(REQUEST + b"Content-Length: 10\r\n\r\n0123456789")
    assert client.reply().body == b"POST 10 0123456789"
    client.send(REQUEST + b"Transfer-Encoding: chunked\r\n\r\n6\r\n012345\r\n5\r\n")
    assert client.reply().status == 413


def test_a_refused_client_that_still_sends_can_read_why(server: Process) -> None:
    client = server.client().send(REQUEST + b"Content-Length: 5000000\r\n\r\n")
    client.send(b"x" * 1_000_000)
    assert client.reply().status == 413


def test_a_head_that_dribbles_in_is_cut_off(serve: Serve) -> None:
    server = serve(head_timeout=0.4)
    silent, slow = server.client(), server.client().send(b"GET / HTTP/1.1\r\n")
    before = server.tell("greenlets")
    server.until(head=2)
    slow.send(b"Host: a\r\n")
    assert server.tell("greenlets") <= before
    assert slow.reply().status == 408
    assert slow.is_closed()
    assert silent.is_closed()  # it said nothing, so it is told nothing


def test_dribbling_does_not_put_the_deadline_off(serve: Serve) -> None:
    client = serve(head_timeout=0.4).client()
    client.socket.settimeout(0.05)
    assert b" 408 " in dribble(client)


def dribble(client: Client) -> bytes:
    """Sends a byte every 50 ms, for 15 seconds at the most, until the server has something to say."""
    for _ in range(300):
        client.send(b"G")
        try:
            return client.socket.recv(1000)
        except TimeoutError:
            continue
    return b""


def test_a_body_that_dribbles_in_is_cut_off(serve: Serve) -> None:
    server = serve(body_timeout=0.4)
    client = server.client().send(REQUEST + b"Content-Length: 5\r\n\r\nhe")
    server.until(body=1)
    assert client.reply().status == 408
    assert client.is_closed()
    assert server.tell("seen") == []


def test_an_idle_connection_is_closed_without_a_word(serve: Serve) -> None:
    server = serve(idle_timeout=0.4)
    client = server.client()
    assert client.reply_to("/ignore").status == 200
    assert client.is_closed()
    server.until(connections=0)


def test_a_slow_reader_is_cut_off(serve: Serve) -> None:
    server = serve(send_timeout=0.3)
    server.client(receive_buffer=4096).get("/big?8000000")
    server.until(active=1)
    server.until(connections=0)


def test_a_large_reply_arrives_whole(server: Process) -> None:
    assert len(server.client(receive_buffer=4096).reply_to("/big?5000000").body) == 5_000_000


def test_when_full_the_longest_idle_connection_makes_room(serve: Serve) -> None:
    server = serve(max_connections=2)
    first, second = server.client(), server.client()
    assert first.reply_to("/ignore").status == second.reply_to("/ignore").status == 200
    assert server.client().reply_to("/ignore").status == 200
    assert first.is_closed()
    assert second.reply_to("/ignore").status == 200


def test_when_full_of_polls_a_newcomer_is_turned_away(serve: Serve) -> None:
    server = serve(max_connections=2)
    clients = [server.client().get("/hold") for _ in range(2)]
    server.until(held=2)
    assert server.client().reply().status == 503
    server.tell("answer", "x")
    assert all(client.reply().body == b"x" for client in clients)
    assert server.client().reply_to("/ignore").status == 200
