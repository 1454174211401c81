"""A stream costs no greenlet, brings all that is written, in order, and waits for nobody who does not read."""

import socket
import struct

import pytest

from tests.longpoll.server.conftest import Client, Process, Reply, Serve


def chunks(*parts: bytes, last: bool = False) -> bytes:
    return b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts) + (b"0\r\n\r\n" if last else b"")


def opened(server: Process, path: str = "/events", *lines: str, **how: str) -> tuple[Client, Reply]:
    """A client that has read the head of a stream's reply."""
    client = server.client().get(path, *lines, **how)
    return client, client.reply(bodiless=True)


@pytest.mark.parametrize("path", ["/events", "/falcon/events"])
def test_the_head_comes_before_there_is_anything_to_say(server: Process, path: str) -> None:
    _, reply = opened(server, path)
    assert reply.status == 200
    assert reply.headers.keys() == {"content-type", "date", "transfer-encoding"}
    server.until(streams=1, active=0)


def test_each_part_comes_when_it_is_written(server: Process) -> None:
    client, _ = opened(server)
    for text in ("one", "twö", "x" * 100_000):
        assert server.tell("write", text) == 1
        assert client.take(len(chunks(text.encode()))) == chunks(text.encode())


def test_a_prelude_comes_first(server: Process) -> None:
    client, _ = opened(server, "/events?first")
    server.tell("write", "second")
    both = chunks(b"first", b"second")
    assert client.take(len(both)) == both


def test_the_end_comes_after_all_that_was_written_and_the_connection_is_used_again(server: Process) -> None:
    client = server.client()
    for turn in ("one", "two"):
        client.get("/events")
        server.until(streams=1)
        server.tell("write", turn)
        server.tell("end")
        server.tell("write", "too late")
        assert client.reply().body == turn.encode()
    server.until(streams=0, idle=1, gone=2)
    assert client.reply_to("/ignore").body == b"ignored"


def test_what_was_ended_before_it_was_returned_arrives_whole(server: Process) -> None:
    client = server.client()
    assert client.reply_to("/ended?now").body == b"now"
    assert client.reply_to("/ended").body == b""
    assert client.reply_to("/ignore").body == b"ignored"


def test_nothing_that_a_thread_writes_is_lost_or_changes_places(server: Process) -> None:
    clients = [server.client().get("/counted?2000") for _ in range(20)]
    for client in clients:
        assert client.reply().body == b"".join(b"%d," % number for number in range(2000))
    server.until(gone=20)


def test_five_hundred_streams_cost_no_greenlet(server: Process) -> None:
    before = server.tell("greenlets")
    clients = [opened(server)[0] for _ in range(500)]
    server.until(streams=500, active=0)
    assert server.tell("greenlets") <= before
    server.tell("write", "all")
    assert all(client.take(8) == chunks(b"all") for client in clients)
    assert server.tell("greenlets") <= before
    server.tell("end")
    assert all(client.take(5) == chunks(last=True) for client in clients)
    server.until(streams=0, idle=500, gone=500)


@pytest.mark.parametrize("reset", [False, True])
def test_a_client_that_left_is_noticed_and_told_of_once(server: Process, reset: bool) -> None:
    client, _ = opened(server)
    stays, _ = opened(server)
    server.until(streams=2)
    if reset:
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()
    server.until(gone=1, streams=1, connections=1)
    server.tell("write", "x")
    server.tell("end")
    assert stays.take(11) == chunks(b"x", last=True)
    server.until(gone=2)  # and not three


def test_who_is_abandoned_is_cut_off_without_an_end(server: Process) -> None:
    client, _ = opened(server)
    server.until(streams=1)
    server.tell("abandon")
    assert client.is_closed()
    server.until(gone=1, connections=0)


def test_a_stream_for_http_1_0_ends_with_the_connection(server: Process) -> None:
    client, reply = opened(server, "/events", "Connection: keep-alive", version="1.0")
    assert (reply.headers["connection"], "transfer-encoding" in reply.headers) == ("close", False)
    server.until(streams=1)
    server.tell("write", "one,")
    server.tell("write", "two")
    server.tell("end")
    assert client.rest() == b"one,two"


def test_a_client_that_means_to_leave_afterwards_may(server: Process) -> None:
    client, reply = opened(server, "/events", "Connection: close")
    assert reply.headers["connection"] == "close"
    server.until(streams=1)
    server.tell("end")
    assert client.rest() == chunks(last=True)


@pytest.mark.parametrize(("path", "method"), [("/events?prelude", "HEAD"), ("/nothing?prelude", "GET")])
def test_a_reply_without_a_body_is_a_head_and_no_more(server: Process, path: str, method: str) -> None:
    client, reply = opened(server, path, method=method)
    assert reply.headers.get("transfer-encoding") == ("chunked" if method == "HEAD" else None)
    server.until(gone=1, idle=1)
    assert client.reply_to("/ignore").body == b"ignored"


def test_requests_sent_during_a_stream_are_served_after_it(server: Process) -> None:
    client, _ = opened(server)
    server.until(streams=1)
    client.get("/ignore").get("/answered?2")
    server.tell("write", "first")
    assert client.take(10) == chunks(b"first")
    assert server.tell("seen").count("/answered") == 0
    server.tell("end")
    client.take(5)
    assert [client.reply().body for _ in range(2)] == [b"ignored", b"2"]


def test_a_client_that_sent_its_next_request_early_and_left_is_noticed(server: Process) -> None:
    client, _ = opened(server)
    server.until(streams=1)
    client.get("/ignore")
    client.close()
    server.until(gone=1, connections=0)
    assert server.tell("seen") == ["/events"]


def test_a_client_that_sends_more_than_a_few_requests_during_a_stream_is_cut_off(server: Process) -> None:
    client, _ = opened(server)
    server.until(streams=1)
    request = b"GET /ignore HTTP/1.1\r\nHost: a\r\n\r\n"
    client.send(request * 100)
    server.tell("write", "still here")
    assert client.take(15) == chunks(b"still here")
    client.send(request * 1000)
    server.until(connections=0, gone=1)
    assert "/ignore" not in server.tell("seen")


def test_a_slow_reader_gets_everything_in_the_end(serve: Serve) -> None:
    server = serve(max_unsent=10_000_000)
    client = server.client(receive_buffer=4096).get("/events")
    server.until(streams=1)
    parts = ["x" * 4_000_000, *(f"{number}," for number in range(300))]
    for part in parts:
        server.tell("write", part)
    server.until(sending=1)
    server.tell("end")
    assert client.reply().body == "".join(parts).encode()
    assert client.reply_to("/ignore").body == b"ignored"
    server.until(gone=1)


def test_a_reader_that_does_not_go_on_is_cut_off(serve: Serve) -> None:
    server = serve(send_timeout=0.3)
    slow, quick = server.client(receive_buffer=4096).get("/events"), server.client().get("/events")
    server.until(streams=2)
    server.tell("write", "x" * 5_000_000)
    server.until(connections=2)
    quick.reply(bodiless=True)
    whole = chunks(b"x" * 5_000_000)
    assert quick.take(len(whole)) == whole
    server.until(connections=1, gone=1, streams=1)
    assert slow.socket.recv(10)


def test_a_reader_with_too_much_unsent_is_cut_off_however_slowly_it_reads(serve: Serve) -> None:
    server = serve(send_timeout=60, max_unsent=50_000)
    client = server.client(receive_buffer=4096).get("/events")
    server.until(streams=1)
    assert 0 < server.tell("fill", 100_000) < 200
    server.until(connections=0, gone=1)
    assert client.socket.recv(10)


def test_a_single_part_may_be_larger_than_what_may_stay_unsent(serve: Serve) -> None:
    server = serve(max_unsent=1000)
    client = server.client(receive_buffer=4096).get("/events")
    server.until(streams=1)
    server.tell("write", "x" * 5_000_000)
    server.tell("end")
    assert len(client.reply().body) == 5_000_000
