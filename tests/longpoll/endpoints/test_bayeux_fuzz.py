"""Five thousand requests that nobody should send: none fails in the server, none harms a neighbour."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from http.client import HTTPConnection, HTTPMessage
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from longpoll.log import Channels
from tests.longpoll.serving import Service

pytestmark = pytest.mark.system

# What Faye's client takes for an error.
WORDS = r"[A-Za-z0-9\-_!~()$@ /*.]*"
ERROR = re.compile(rf"\d{{3}}:{WORDS}(?:,{WORDS})*:{WORDS}")
MINE = "<mine>"  # the id of a session that there is


class Request(NamedTuple):
    method: str
    path: str
    body: bytes
    kind: str | None


def nested(depth: int) -> Any:
    value: Any = {}
    for _ in range(depth):
        value = {"a": [value]}
    return value


odd_texts = st.sampled_from(
    ["", "__proto__", "constructor", "\0", "a" * 10_000, "\u2028</script>", "ü" * 300, "0" * 40, "' or 1=1", "*", "/"]
) | st.text(max_size=20)  # fmt: skip
numbers = st.floats(allow_nan=False, allow_infinity=False)
odd = st.recursive(
    st.none() | st.booleans() | st.integers() | st.integers(10**300, 10**310) | numbers | odd_texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(odd_texts, inner, max_size=3),
    max_leaves=6,
) | st.integers(0, 70).map(nested)  # fmt: skip
channels_ = st.sampled_from(
    [f"/meta/{name}" for name in ("handshake", "connect", "subscribe", "unsubscribe", "disconnect", "x", "**", "")]
    + ["/x", "/x/y", "/x/*", "/**", "/private-x", "/jobs/1", "/jobs/99999999999999999999", "/service/x", "/longpoll",
       "x", "/" + "a" * 199, "/" + "a" * 300, "/a" * 100, "//", "/x.y", "/x:y"]
)  # fmt: skip
clients = st.sampled_from([MINE, "f" * 40, "__proto__", "\0" * 40]) | odd
fields = {
    "channel": channels_ | odd,
    "clientId": clients,
    "id": st.text(max_size=3) | odd,
    "subscription": channels_ | st.lists(channels_ | odd, max_size=4) | odd,
    "data": odd,
    "version": st.sampled_from(["1.0", "2.0", ""]) | odd,
    "supportedConnectionTypes": st.just(["long-polling"]) | odd,
    "connectionType": st.sampled_from(["long-polling", "eventsource", "websocket", "flash"]) | odd,
    "ext": st.fixed_dictionaries({}, optional={"ack": odd, "ticket": odd, "private_pub_signature": odd}) | odd,
    # A connect that waits is not answered at once, which is as it should be, and would take long.
    "advice": st.just({"timeout": 0}),
}
messages = st.fixed_dictionaries(
    {"advice": fields["advice"]}, optional={k: v for k, v in fields.items() if k != "advice"}
)
texts = (
    st.lists(messages, max_size=6).map(json.dumps)
    | messages.map(json.dumps)
    | odd.map(json.dumps)
    | st.text(max_size=50)
)
as_json = texts.map(lambda text: text.encode("utf-8", "surrogatepass"))
json_posts = as_json.map(lambda body: Request("POST", "/faye", body, "application/json"))
broken_posts = st.builds(
    lambda body, cut: Request("POST", "/faye", body[:cut] + b"\xff", "application/json"), as_json, st.integers(0, 200)
)
raw_posts = st.builds(
    Request, st.just("POST"), st.sampled_from(["/faye", "/faye/", "/faye/a/b.c", "/faye/connect"]),
    st.binary(max_size=200),
    st.sampled_from(["application/json", "text/plain", "application/x-www-form-urlencoded", None]),
)  # fmt: skip
forms = st.builds(
    lambda some: Request(
        "POST", "/faye", urlencode([("message", one) for one in some], errors="replace").encode(), "a/b"
    ),
    st.lists(texts, max_size=3),
)
scripts = st.builds(
    lambda text, name: Request(
        "GET", f"/faye?message={quote(text[:4_000], errors='replace')}&jsonp={quote(name, errors='replace')}", b"", None
    ),
    texts, st.sampled_from(["f", "a.b"]) | odd_texts.map(lambda text: text[:200]),
)  # fmt: skip
others = st.builds(
    lambda method, path: Request(method, path, b"", None),
    st.sampled_from(["PUT", "DELETE", "HEAD", "OPTIONS", "PATCH"]), st.sampled_from(["/faye", "/faye/x", "/faye.js"]),
)  # fmt: skip
requests = json_posts | json_posts | json_posts | broken_posts | raw_posts | forms | scripts | others


class Attacker:
    """One connection that is kept, whatever is sent over it."""

    def __init__(self, port: int) -> None:
        self._connection = HTTPConnection("127.0.0.1", port, timeout=60)
        self.sent = 0
        self.client = ""
        told = self.ask({"channel": "/meta/handshake", "version": "1.0", "supportedConnectionTypes": ["long-polling"]})
        self.client = str(told[0]["clientId"])

    def send(self, request: Request) -> tuple[int, HTTPMessage, bytes]:
        mine = request.body.replace(MINE.encode(), self.client.encode())
        headers = {"Content-Type": request.kind} if request.kind else {}
        path = request.path.replace(quote(MINE), self.client)
        self._connection.request(request.method, path, mine or None, headers)
        response = self._connection.getresponse()
        self.sent += 1
        return response.status, response.headers, response.read()

    def ask(self, *said: Any) -> Any:
        status, _, body = self.send(Request("POST", "/faye", json.dumps(said).encode(), "application/json"))
        assert status == 200
        return json.loads(body)

    def close(self) -> None:
        self._connection.close()


def check(status: int, headers: HTTPMessage, body: bytes) -> None:
    assert status < 500
    if status != 200 or not body.startswith(b"["):
        return
    for told in json.loads(body):
        assert isinstance(told, dict)
        if told.get("successful") is False:
            assert ERROR.fullmatch(told["error"]), told


def test_five_thousand_requests_that_nobody_should_send(serve: Callable[..., Service], channels: Channels) -> None:
    service = serve("--publish", "/**", "--limit", "client_messages=100000", "--limit", "address_messages=100000")
    attacker, neighbour = Attacker(service.port), Attacker(service.port)
    who = {"clientId": neighbour.client}
    neighbour.ask({"channel": "/meta/subscribe", "subscription": "/quiet/neighbour", **who})
    came: list[Any] = []
    published = 0

    @settings(max_examples=500, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(requests, min_size=10, max_size=10))
    def attack(batch: list[Request]) -> None:
        nonlocal published
        for request in batch:
            check(*attacker.send(request))
        told = attacker.ask({"channel": "/x/good", "data": 1, "id": "g"})  # on the same connection: it is still in step
        assert told == [{"channel": "/x/good", "id": "g", "successful": True}]
        channels["quiet.neighbour"].publish("message", published)
        published += 1
        connect = {"channel": "/meta/connect", "connectionType": "long-polling", "id": str(published), **who}
        came.extend(neighbour.ask(connect)[1:])

    attack()
    assert attacker.sent >= 5_000
    assert [event["data"] for event in came] == list(range(published))
    assert "Traceback" not in service.end()
    for client in (attacker, neighbour):
        client.close()


def test_what_is_too_long_is_refused_and_the_server_goes_on(serve: Callable[..., Service]) -> None:
    service = serve("--publish", "/**")
    for size, status in ((1_000_000, 200), (1_090_000, 200), (1_100_000, 413), (5_000_000, 413)):
        attacker = Attacker(service.port)
        body = json.dumps([{"channel": "/x", "data": "a" * size}]).encode()
        try:
            assert attacker.send(Request("POST", "/faye", body, "application/json"))[0] == status
        except (BrokenPipeError, ConnectionResetError):
            assert status == 413  # it was told so before it had sent all
        attacker.close()
    Attacker(service.port).close()
