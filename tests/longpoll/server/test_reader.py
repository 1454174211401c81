"""Bytes become requests, however they are cut into packets."""

import pytest

from longpoll.server import strict
from longpoll.server.reader import Reader, Request
from longpoll.server.strict import Refusal

CAP = 100
PLAIN = b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = (
    b"POST /b HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    b'3;name="v"\r\nhel\r\n02\r\nlo\r\n0\r\nTrailer: x\r\n\r\n'
)
BARE = b"GET /c HTTP/1.1\r\nHost: a\r\n\r\n"


def read(*packets: bytes) -> list[Request | Refusal]:
    """What comes out, in order; nothing after a refusal."""
    reader = Reader(CAP)
    found: list[Request | Refusal] = []
    for packet in packets:
        reader.feed(packet)
        while (outcome := reader.request()) is not None:
            found.append(outcome)
            if isinstance(outcome, Refusal):
                return found
    return found


def body(content: bytes) -> Request | Refusal | None:
    found = read(CHUNKED[: CHUNKED.index(b"\r\n\r\n") + 4] + content)
    return found[0] if found else None


def test_requests_behind_each_other_come_out_one_by_one() -> None:
    requests = read(PLAIN + CHUNKED + BARE)
    assert [request.body for request in requests if isinstance(request, Request)] == [b"hello", b"hello", b""]
    assert [request.head.target for request in requests if isinstance(request, Request)] == [
        "/a",
        "/b",
        "/c",
    ]


def test_it_does_not_matter_where_a_packet_ends() -> None:
    stream = PLAIN + CHUNKED + BARE
    whole = read(stream)
    assert len(whole) == 3
    assert all(read(stream[:cut], stream[cut:]) == whole for cut in range(len(stream)))
    assert read(*(stream[at : at + 1] for at in range(len(stream)))) == whole


def test_a_line_end_too_many_after_a_form_is_no_request() -> None:
    reader = Reader(CAP)
    reader.feed(PLAIN + b"\r\n")
    assert reader.request()
    assert reader.request() is None
    assert reader.empty


@pytest.mark.parametrize(
    ("beginning", "status"),
    [
        (b"GET /\r\n", 400),
        (b"GET / HTTP/1.1\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\n", 400),
        (b"GET /" + b"a" * 8 * 1024, 414),
        (b"GET / HTTP/1.1\r\nX: " + b"a" * strict.MAX_HEAD, 431),
    ],
)
def test_a_beginning_that_no_end_can_mend_is_refused_at_once(beginning: bytes, status: int) -> None:
    (refused,) = read(beginning)
    assert isinstance(refused, Refusal)
    assert refused.status == status


def test_the_longest_line_and_the_longest_head_are_still_accepted() -> None:
    assert isinstance(read(b"GET /" + b"a" * (strict.MAX_REQUEST_LINE - 14) + BARE[6:])[0], Request)
    start = b"GET / HTTP/1.1\r\nHost: a\r\nX: "
    assert isinstance(read(start + b"x" * (strict.MAX_HEAD - len(start) - 4) + b"\r\n\r\n")[0], Request)


@pytest.mark.parametrize(
    "content",
    [
        b"5\nhello\r\n0\r\n\r\n",
        b"5\r\nhello0\r\n\r\n",
        b"4\r\nhello\r\n0\r\n\r\n",
        b"+5\r\nhello\r\n0\r\n\r\n",
        b"0x5\r\nhello\r\n0\r\n\r\n",
        b" 5\r\nhello\r\n0\r\n\r\n",
        b"5 \r\nhello\r\n0\r\n\r\n",
        b"\r\nhello\r\n0\r\n\r\n",
        b"5;a\nb\r\nhello\r\n0\r\n\r\n",
        b"000000005\r\nhello\r\n0\r\n\r\n",
        b"5;" + b"a" * 300,
        b"0\r\njunk\r\n\r\n",
        b"0\r\nX : y\r\n\r\n",
        b"0\r\nX: " + b"y" * 5000,
    ],
)
def test_chunks_are_taken_literally(content: bytes) -> None:
    refused = body(content)
    assert isinstance(refused, Refusal)
    assert refused.status == 400


def test_chunks_may_not_add_up_to_more_than_the_cap() -> None:
    assert body(b"40\r\n" + b"x" * 64 + b"\r\n25\r\n") == strict.too_large(CAP)
    whole = body(b"40\r\n" + b"x" * 64 + b"\r\n24\r\n" + b"y" * 36 + b"\r\n0\r\n\r\n")
    assert isinstance(whole, Request)
    assert len(whole.body) == CAP


def test_trailers_may_not_go_on_forever() -> None:
    assert isinstance(body(b"0\r\n" + b"X: y\r\n" * 1000), Refusal)


def test_the_client_is_told_once_to_send_the_body() -> None:
    reader = Reader(CAP)
    reader.feed(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
    assert reader.request() is None
    assert reader.must_say_continue()
    assert not reader.must_say_continue()
    reader.feed(b"he")
    assert reader.request() is None
    assert not reader.must_say_continue()
    reader.feed(b"llo")
    assert isinstance(reader.request(), Request)
