"""Which heads are refused. Each is one that some other program reads differently."""

import pytest

from longpoll.server import strict

CAP = 1000


def head(*lines: str, first: str = "POST /poll HTTP/1.1", host: str | None = "Host: a") -> bytes:
    return "\r\n".join([first, *([host] if host else []), *lines, "", ""]).encode("latin-1")


ACCEPTED = {
    "the smallest": head(),
    "a browser's": head("Content-Length: 2", "Content-Type: text/plain;charset=UTF-8", "Accept: */*"),
    "chunked": head("Transfer-Encoding: chunked"),
    "chunked in capitals": head("Transfer-Encoding: CHUNKED"),
    "HTTP/1.0 without a host": head(first="GET / HTTP/1.0", host=None),
    "blanks around a value": head("X:  \t y \t "),
    "an empty value": head("X:"),
    "bytes above ASCII in a value": head("X: caf\xe9"),
    "an IPv6 host with a port": head(host="Host: [::1]:9292"),
    "an empty host": head(host="Host:"),
    "a length of the cap": head(f"Content-Length: {CAP}"),
    "an expectation": head("Expect: 100-Continue", "Content-Length: 2"),
    "a whole address": head(first="GET http://a/b?c HTTP/1.1"),
    "a question to the server itself": head(first="OPTIONS * HTTP/1.1"),
    "a hundred lines": head(*["X: y"] * 99),
}

REFUSED = {
    "two lengths": (400, head("Content-Length: 2", "Content-Length: 3")),
    "two equal lengths": (400, head("Content-Length: 2", "Content-Length: 2")),
    "a list of lengths": (400, head("Content-Length: 2, 2")),
    "a length with a plus": (400, head("Content-Length: +5")),
    "a negative length": (400, head("Content-Length: -5")),
    "a length with an underscore": (400, head("Content-Length: 5_0")),
    "a hexadecimal length": (400, head("Content-Length: 0x5")),
    "a length in other digits": (400, head("Content-Length: \xb2")),
    "an empty length": (400, head("Content-Length:")),
    "a length of twenty digits": (400, head("Content-Length: " + "9" * 20)),
    "a length above the cap": (413, head(f"Content-Length: {CAP + 1}")),
    "a length and chunks": (400, head("Content-Length: 2", "Transfer-Encoding: chunked")),
    "chunked twice": (400, head("Transfer-Encoding: chunked", "Transfer-Encoding: chunked")),
    "chunked, chunked": (400, head("Transfer-Encoding: chunked, chunked")),
    "chunked, identity": (400, head("Transfer-Encoding: chunked, identity")),
    "identity": (400, head("Transfer-Encoding: identity")),
    "gzip, chunked": (400, head("Transfer-Encoding: gzip, chunked")),
    "a vertical tab before chunked": (400, head("Transfer-Encoding: \x0bchunked")),
    "an empty coding": (400, head("Transfer-Encoding:")),
    "chunks in HTTP/1.0": (400, head("Transfer-Encoding: chunked", first="POST / HTTP/1.0")),
    "a blank before the colon": (400, head("Content-Length : 2")),
    "a line without a colon": (400, head("junk", "Content-Length: 2")),
    "a line without a name": (400, head(": 2")),
    "a name with a bracket": (400, head("X(y): 2")),
    "a folded line": (400, head("X: a", " b")),
    "a line folded with a tab": (400, head("X: a", "\tb")),
    "a blank before the first header": (400, head(host=" Host: a")),
    "a bare LF": (400, b"GET / HTTP/1.1\nHost: a\r\n\r\n"),
    "a bare LF between headers": (400, head("X: a\nContent-Length: 2")),
    "a bare CR between headers": (400, head("X: a\rContent-Length: 2")),
    "a NUL in a value": (400, head("X: a\0b")),
    "a DEL in a value": (400, head("X: a\x7fb")),
    "no host": (400, head(host=None)),
    "two hosts": (400, head("Host: b")),
    "two equal hosts": (400, head("Host: a")),
    "a host with a path": (400, head(host="Host: a/b")),
    "a host with a user": (400, head(host="Host: u@a")),
    "a list of hosts": (400, head(host="Host: a, b")),
    "HTTP/0.9": (400, b"GET /\r\n\r\n"),
    "HTTP/2.0": (400, head(first="GET / HTTP/2.0")),
    "HTTP/1.2": (400, head(first="GET / HTTP/1.2")),
    "HTTP/1.10": (400, head(first="GET / HTTP/1.10")),
    "http in small letters": (400, head(first="GET / http/1.1")),
    "two blanks": (400, head(first="GET  / HTTP/1.1")),
    "a tab for a blank": (400, head(first="GET\t/ HTTP/1.1")),
    "a blank at the end": (400, head(first="GET / HTTP/1.1 ")),
    "a blank in the target": (400, head(first="GET /a b HTTP/1.1")),
    "raw bytes in the target": (400, head(first="GET /\xe9 HTTP/1.1")),
    "a target without a slash": (400, head(first="GET poll HTTP/1.1")),
    "a star for a target": (400, head(first="GET * HTTP/1.1")),
    "an address of another kind": (400, head(first="GET file:///etc/passwd HTTP/1.1")),
    "a method with a slash": (400, head(first="GE/T / HTTP/1.1")),
    "an empty request line": (400, b"\r\n\r\n"),
    "a tunnel": (501, head(first="CONNECT a:80 HTTP/1.1")),
    "a trace": (501, head(first="TRACE / HTTP/1.1")),
    "another expectation": (417, head("Expect: a-miracle")),
    "a long target": (414, head(first=f"GET /{'a' * 8200} HTTP/1.1")),
    "a hundred and one headers": (431, head(*["X: y"] * 100)),
}


@pytest.mark.parametrize("name", ACCEPTED)
def test_it_accepts(name: str) -> None:
    assert strict.refusal(ACCEPTED[name], CAP) is None


@pytest.mark.parametrize("name", REFUSED)
def test_it_refuses(name: str) -> None:
    status, bad = REFUSED[name]
    refused = strict.refusal(bad, CAP)
    assert refused
    assert refused.status == status
    assert refused.sentence.endswith(".")


def test_it_knows_where_the_body_ends() -> None:
    assert strict.body_length(head()) == 0
    assert strict.body_length(head("content-LENGTH:  007 ")) == 7
    assert strict.body_length(head("Transfer-Encoding: chunked")) is None
    assert strict.body_length(head("X-Content-Length: 7")) == 0


def test_only_http_1_1_can_be_told_to_continue() -> None:
    assert strict.wants_continue(head("Expect: 100-continue"))
    assert not strict.wants_continue(head())
    assert not strict.wants_continue(head("Expect: 100-continue", first="POST / HTTP/1.0"))


def test_a_head_of_blanks_takes_no_longer_than_another() -> None:
    # Would take minutes, and so meet the test's own timeout, if a pattern walked back over the blanks.
    assert strict.refusal(head("X:" + " " * 15_000 + "\x00"), CAP)
    assert strict.refusal(head("X" + " " * 15_000 + "y"), CAP)
