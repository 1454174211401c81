"""What an application is told of a request's head, and that a head which comes again is judged as it was."""

from longpoll.server import heads
from longpoll.server.heads import Head
from longpoll.server.strict import Refusal

CAP = 1000


def read(*lines: str, first: str = "POST /poll HTTP/1.1", cap: int = CAP) -> Head | Refusal:
    return heads.read("\r\n".join([first, "Host: a", *lines, "", ""]).encode("latin-1"), cap)


def accepted(*lines: str, first: str = "POST /poll HTTP/1.1") -> Head:
    found = read(*lines, first=first)
    assert isinstance(found, Head), found
    return found


def test_the_environment_is_what_wsgi_calls_it() -> None:
    lines = "Content-Type: text/plain", "Content-Length: 7", "X-Some-Thing: \t caf\xe9 "
    head = accepted(*lines, first="POST /a%20b%2F?c=%20 HTTP/1.1")
    assert head.environ == {
        "REQUEST_METHOD": "POST",
        "SCRIPT_NAME": "",
        "PATH_INFO": "/a b/",
        "QUERY_STRING": "c=%20",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "CONTENT_TYPE": "text/plain",
        "CONTENT_LENGTH": "7",
        "HTTP_HOST": "a",
        "HTTP_X_SOME_THING": "caf\xe9",
    }
    assert (head.line, head.target, head.length) == ("POST /a%20b%2F?c=%20 HTTP/1.1", "/a%20b%2F?c=%20", 7)


def test_lines_with_one_name_are_joined_as_that_name_wants_it() -> None:
    environ = accepted("Cookie: a=1", "Cookie: b=2", "X: 1", "x: 2").environ
    assert (environ["HTTP_COOKIE"], environ["HTTP_X"]) == ("a=1; b=2", "1,2")


def test_a_name_with_an_underscore_does_not_pass_for_the_one_with_a_dash() -> None:
    environ = accepted("X_Forwarded_For: 1.2.3.4", "Content_Length: 9", "Content_Type: a/b").environ
    assert not {"HTTP_X_FORWARDED_FOR", "CONTENT_LENGTH", "CONTENT_TYPE"} & set(environ)


def test_chunks_are_no_business_of_the_application() -> None:
    head = accepted("Transfer-Encoding: chunked")
    assert head.length is None
    assert "HTTP_TRANSFER_ENCODING" not in head.environ


def test_a_whole_address_is_its_path() -> None:
    assert accepted(first="GET http://a/b?c HTTP/1.1").target == "/b?c"
    assert accepted(first="GET http://a?c HTTP/1.1").target == "/?c"
    assert accepted(first="GET /http://a HTTP/1.1").target == "/http://a"
    assert accepted(first="OPTIONS * HTTP/1.1").target == "*"


def test_a_connection_stays_unless_one_of_its_words_says_otherwise() -> None:
    assert accepted().stays
    assert not accepted("Connection: foo, Close").stays
    assert not accepted("Connection: upgrade", "Connection: close").stays
    assert not accepted(first="GET / HTTP/1.0").stays
    assert accepted("Connection: keep-alive", first="GET / HTTP/1.0").stays


def test_a_head_that_comes_again_is_not_read_again() -> None:
    assert accepted("X: 1") is accepted("X: 1")
    assert accepted("X: 1") is not accepted("X: 2")


def test_a_long_head_is_not_kept() -> None:
    long = "X: " + "y" * heads.SHORT
    assert accepted(long) == accepted(long)
    assert accepted(long) is not accepted(long)


def test_what_was_accepted_under_one_limit_may_be_refused_under_another() -> None:
    length = f"Content-Length: {CAP}"
    assert isinstance(read(length), Head)
    assert isinstance(read(length, cap=CAP - 1), Refusal)
    assert isinstance(read(length), Head)


def test_what_was_refused_is_refused_again() -> None:
    for _ in range(3):
        found = read("Content-Length: 1", "Transfer-Encoding: chunked")
        assert isinstance(found, Refusal)
        assert found.status == 400
