"""Five thousand requests and frames of the native dialect that nobody should send: none fails in the server, and none
harms a neighbour."""

from __future__ import annotations

import json
from collections.abc import Callable
from http.client import HTTPConnection
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from websockets.sync.client import ClientConnection, connect

from longpoll.log import Channels
from tests.longpoll.serving import SIGNER, Service

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]


class Request(NamedTuple):
    method: str
    path: str
    body: bytes = b""


def nested(depth: int) -> str:
    return "[" * depth + "]" * depth


odd_texts = st.sampled_from(
    ["", "__proto__", "\0", "a" * 9_000, "\u2028</script>", "ü" * 300, "' or 1=1", "*", "/**", "//", "/x.y", "job.",
     "channel.x.1.y", "private-x", "longpoll:debug", "jobs.1", SIGNER.sign("job", "1", -5), SIGNER.sign("job", "x", 60),
     SIGNER.sign("channel", "longpoll:x", 60), SIGNER.sign("debug", "all", 60), "AAAAAAAA~5.0.~", "~" * 50]
) | st.text(max_size=20)  # fmt: skip
odd = st.recursive(
    st.none() | st.booleans() | st.integers() | st.integers(10**300, 10**310) | st.floats() | odd_texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(odd_texts, inner, max_size=3),
    max_leaves=6,
)
asks = st.fixed_dictionaries(
    {}, optional={"channels": st.lists(odd_texts | odd, max_size=5) | odd, "cursor": odd_texts | odd, "ticket": odd}
).map(lambda ask: {**ask, "wait": 0})  # fmt: skip  # one that waits is not answered at once, which is as it should be
texts = (asks | odd).map(json.dumps) | st.integers(1, 70_000).map(nested) | st.text(max_size=50)
bodies = texts.map(lambda text: text.encode("utf-8", "surrogatepass")) | st.binary(max_size=100)
posts = st.builds(Request, st.just("POST"), st.sampled_from(["/poll", "/job/cancel", "/poll?x=1", "/history"]), bodies)
names = st.sampled_from(["channels", "channel", "cursor", "ticket", "callback", "count", "age", "key", "session", "x"])
values = odd_texts | odd.map(json.dumps) | st.sampled_from(['["news"]', '["private-x"]', "f", "1e400", "-1", "nan"])
queries = st.lists(st.tuples(names, values), max_size=5).map(
    lambda pairs: urlencode([*((name, value[:2_000]) for name, value in pairs), ("wait", "0")], errors="replace")
)
gets = st.builds(
    lambda method, path, query: Request(method, f"{path}?{query}"),
    st.sampled_from(["GET", "GET", "GET", "HEAD", "OPTIONS", "PUT", "DELETE"]),
    st.sampled_from(["/poll", "/job", "/history", "/socket", "/longpoll/debug", "/healthz", "/longpoll.js", "/no"]),
    queries,
)
paths = st.text(max_size=30).map(lambda text: Request("GET", "/" + quote(text, errors="replace")))
requests = posts | posts | gets | gets | paths


class Attacker:
    """One connection that is kept, whatever is sent over it."""

    def __init__(self, port: int) -> None:
        self._connection = HTTPConnection("127.0.0.1", port, timeout=60)
        self.sent = 0

    def send(self, request: Request) -> tuple[int, bytes]:
        self._connection.request(request.method, request.path, request.body or None)
        response = self._connection.getresponse()
        self.sent += 1
        return response.status, response.read()

    def close(self) -> None:
        self._connection.close()


def test_five_thousand_requests_that_nobody_should_send(serve: Callable[..., Service], channels: Channels) -> None:
    service = serve()
    attacker, neighbour = Attacker(service.port), service.browser("quiet.neighbour")
    neighbour.poll(0)
    published = 0

    @settings(max_examples=500, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(requests, min_size=10, max_size=10))
    def attack(batch: list[Request]) -> None:
        nonlocal published
        for request in batch:
            status, body = attacker.send(request)
            assert status < 500, (request, body)
        status, body = attacker.send(Request("POST", "/poll", b'{"channels": ["x"], "wait": 0}'))
        assert (status, json.loads(body)["messages"]) == (200, []), "on the same connection: it is still in step"
        channels["quiet.neighbour"].publish("n", published)
        assert neighbour.poll() == [("n", published)]
        published += 1

    attack()
    assert attacker.sent >= 5_000
    assert neighbour.resets == 0
    attacker.close()
    assert "Traceback" not in service.end()


def receive(client: ClientConnection) -> dict[str, Any]:
    reply: dict[str, Any] = json.loads(client.recv(timeout=60))
    assert reply.keys() in ({"error"}, {"messages", "cursor", "reset"})
    return reply


def test_thousands_of_frames_that_nobody_should_send(serve: Callable[..., Service], channels: Channels) -> None:
    service = serve()
    neighbour = service.browser("quiet.neighbour")
    neighbour.poll(0)
    published = 0

    @settings(max_examples=200, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(texts.filter(lambda text: text.isascii() or text.isprintable()), min_size=10, max_size=10))
    def attack(batch: list[str]) -> None:
        nonlocal published
        with connect(f"ws://127.0.0.1:{service.port}/socket", proxy=None) as client:
            for text in batch:
                client.send(text.encode("utf-8", "replace"), text=True)
            client.send('{"channels": ["x.last"]}')
            client.send('{"channels": ["the end"]}')  # no channel's name: the error tells that all before was read
            while "the end" not in receive(client).get("error", {}).get("channels", ()):
                pass
            channels["x.last"].publish("n", published)
            seen: list[Any] = []
            while published not in seen:
                seen += [message["data"] for message in receive(client).get("messages", ())]
        channels["quiet.neighbour"].publish("n", published)
        assert neighbour.poll() == [("n", published)]
        published += 1

    attack()
    assert "Traceback" not in service.end()
