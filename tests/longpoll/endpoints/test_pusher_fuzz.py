"""Five thousand malformed, oversized, deep, doubled and hostile requests and frames: each is answered by the dialect's
own error, the connection it came on goes on, and the neighbours hear what they should."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.client import HTTPConnection
from typing import Any
from urllib.parse import quote, unquote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from websockets.exceptions import ConnectionClosed

from tests.longpoll.pusher_clients import Client, Polling, Polls, client
from tests.longpoll.pusher_peer import APP_ID, ENVIRON, KEY, KEYS, Api, signed, signed_query
from tests.longpoll.serving import Service

pytestmark = [
    pytest.mark.system,
    pytest.mark.timeout(600),
    pytest.mark.filterwarnings("ignore:Generating overly large repr"),
]

ROOM = "presence-room"
fuzzed = settings(
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)

# -- what hostile clients say

TEXTS = st.one_of(
    st.text(max_size=30),
    st.text(st.characters(codec="latin-1"), max_size=30),
    st.sampled_from(
        ["", "\0", "\ud7ff\ue000", "a" * 300, "longpoll:user:7", "__proto__", "../..", "%00", "-1", "1e999"]
    ),
)
NAMES = st.one_of(
    TEXTS,
    st.sampled_from(
        ["news", ROOM, "private-a", "private-encrypted-a", "cache-a", "private-job-1", "jobs.1", "job.x", "*", "/a/**",
         "#server-to-user-7", "longpoll:fallback:x", "presence-cache-a"]
    ),
)  # fmt: skip
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.integers(-(10**400), 10**400), st.floats(), TEXTS,
)  # fmt: skip
VALUES = st.recursive(
    SCALARS | NAMES, lambda inner: st.lists(inner, max_size=5) | st.dictionaries(TEXTS, inner, max_size=5), max_leaves=8
)
DEEP = st.sampled_from(["[" * 20_000, '{"a":' * 10_000, "[" * 900 + "]" * 900, '{"a":' * 400 + "1" + "}" * 400])


def json_of(fields: dict[str, Any]) -> str:
    return json.dumps(fields, ensure_ascii=False).replace("Infinity", "1e999")


def twice(text: str) -> str:
    """The same fields once more."""
    return text[:-1] + "," + text[1:] if text.startswith("{") and len(text) > 2 else text


def some(names: list[str], values: st.SearchStrategy[Any]) -> st.SearchStrategy[str]:
    """Objects that have some of these fields, with any values."""
    fields = st.fixed_dictionaries({}, optional=dict.fromkeys(names, values)).map(json_of)
    return st.one_of(fields, fields.map(twice), fields.map(lambda text: text[:-1]), DEEP, TEXTS)


DATA = some(["channel", "auth", "channel_data", "user_data", "id", "user_id", "user_info"], VALUES | NAMES)
EVENTS = st.one_of(
    st.sampled_from(
        ["pusher:subscribe", "pusher:unsubscribe", "pusher:signin", "pusher:pong", "pusher:error", "client-x",
         "pusher_internal:member_added", "pusher:connection_established"]
    ),
    TEXTS,
)  # fmt: skip
FRAMES = st.one_of(
    st.builds(lambda event, data: f'{{"event":{json.dumps(event)},"data":{data}}}', EVENTS, DATA),
    st.builds(
        lambda event, data, channel: json_of({"event": event, "data": data, "channel": channel}),
        EVENTS,
        VALUES | DATA,
        NAMES,
    ),
    some(["event", "data", "channel"], VALUES | EVENTS),
)
BODIES = st.one_of(
    some(
        ["name", "channel", "channels", "data", "socket_id", "info", "batch"],
        VALUES | NAMES | st.lists(NAMES, max_size=3),
    ),
    st.lists(some(["name", "channel", "data", "info"], VALUES | NAMES), max_size=12).map(
        lambda events: '{"batch":[' + ",".join(events) + "]}"
    ),
    st.binary(max_size=50).map(lambda data: data.decode("latin-1")),
)


@pytest.fixture(scope="module")
def service(lasting_dsn: str) -> Iterator[Service]:
    service = Service(lasting_dsn, **ENVIRON)
    yield service
    said = service.end()
    assert "Traceback" not in said
    assert " failed" not in said


@pytest.fixture(scope="module")
def neighbours(service: Service) -> Iterator[list[Client]]:
    """Two who have done nothing."""
    with client(service.port) as socket:
        polling = Polling(service.port).open()
        for one in (socket, polling):
            one.subscribed("quiet")
        yield [socket, polling]
        polling.leave()


@pytest.fixture(autouse=True)
def unharmed(service: Service, neighbours: list[Client]) -> Iterator[None]:
    yield
    Api(service.port).trigger("quiet", "said", "after all that")
    for one in neighbours:
        assert one.event() == ("said", "after all that")


@pytest.fixture
def line(service: Service) -> Iterator[HTTPConnection]:
    """One connection for all requests: whatever is said on it, the next request is understood."""
    connection = HTTPConnection("127.0.0.1", service.port, timeout=30)
    yield connection
    connection.close()


def asked(line: HTTPConnection, method: str, address: str, body: bytes) -> int:
    """The status; and after it the line is as before."""
    line.request(method, address, body, {"Content-Type": "application/json"})
    reply = line.getresponse()
    text = reply.read()
    status = reply.status
    assert status < 500, text
    if status >= 400 and text[:1] == b"{":
        assert json.loads(text)["error"]["message"]
    line.request("GET", "/healthz")
    reply = line.getresponse()
    assert (reply.status, json.loads(reply.read())["status"]) == (200, "ok")
    return status


@settings(fuzzed, max_examples=1_200)
@given(
    method=st.sampled_from(["POST", "GET"]),
    what=st.sampled_from(["events", "batch_events", "channels", "x"]),
    body=BODIES,
)
def test_signed_requests_of_any_content(line: HTTPConnection, method: str, what: str, body: str) -> None:
    data = body.encode("utf-8", "surrogatepass")
    asked(line, method, signed(method, f"/apps/{APP_ID}/{what}", data), data)


@settings(fuzzed, max_examples=600)
@given(
    path=st.one_of(
        NAMES.map(lambda name: f"channels/{quote(name, safe='')}"),
        NAMES.map(lambda name: f"channels/{quote(name, safe='')}/users"),
        TEXTS.map(lambda name: f"users/{quote(name, safe='')}/terminate_connections"),
        TEXTS.map(lambda name: quote(name, safe="/")),
    ),
    query=st.dictionaries(
        st.sampled_from(["info", "filter_by_prefix", "auth_key", "body_md5", "x"]), TEXTS, max_size=3
    ),
    method=st.sampled_from(["GET", "POST"]),
)
def test_requests_for_anything_with_any_query(
    line: HTTPConnection, path: str, query: dict[str, str], method: str
) -> None:
    words = "&".join(f"{name}={quote(value, safe='')}" for name, value in query.items())
    asked(line, method, f"/apps/{APP_ID}/{path}?{words}", b"")
    info = {name: value for name, value in query.items() if name == "info"}
    good = signed_query(method, unquote(f"/apps/{APP_ID}/{path}"), b"", **info)
    asked(line, method, f"/apps/{APP_ID}/{path}?{good}", b"")


def answered(one: Client) -> None:
    """Whatever it said, it is told what was wrong with it, and goes on; but for a false name it is sent away."""
    try:
        while (event := one.hear())["event"] not in ("pusher:pong", "closed"):
            assert event["event"].startswith(("pusher:", "pusher_internal:")), event
            if event["event"] == "pusher:error":
                assert event["data"]["message"]
        code = 4009 if event["event"] == "pusher:pong" else event["data"][0]
    except ConnectionClosed as error:
        code = 0 if error.rcvd is None else error.rcvd.code
    assert code == 4009


SENT = st.one_of(
    st.lists(FRAMES, max_size=4).map(json.dumps),
    FRAMES,
    st.binary(max_size=50).map(lambda data: data.decode("latin-1")),
)


@settings(fuzzed, max_examples=500)
@given(body=SENT)
def test_what_clients_send_without_a_websocket(service: Service, line: HTTPConnection, body: str) -> None:
    polls = Polls(service.port).open()
    asked(line, "POST", polls.address("xhr_send"), body.encode("utf-8", "surrogatepass"))
    polls.say("pusher:ping")
    answered(polls)


@settings(fuzzed, max_examples=500)
@given(
    body=SENT,
    what=st.sampled_from(["xhr_send", "x", "xhr_streaming/x", ""]),
    session=st.sampled_from(
        ["2/abcdefgh", "1/x", "1000/abcdefgh", "a/b", "1/" + "x" * 200, "%00/abcdefgh", "1/%2e%2e%2f%2e"]
    ),
)
def test_what_is_sent_to_no_connection(line: HTTPConnection, body: str, what: str, session: str) -> None:
    status = asked(line, "POST", f"/pusher/app/{KEY}/{session}/{what}", body.encode("utf-8", "surrogatepass"))
    assert status in (204, 400, 404)


@settings(fuzzed, max_examples=1_600)
@given(frame=FRAMES)
def test_frames_of_any_content(service: Service, frame: str) -> None:
    with client(service.port) as socket:
        socket.send(frame.encode("utf-8", "replace").decode())
        socket.say("pusher:ping")
        answered(socket)


@settings(fuzzed, max_examples=300)
@given(channel=NAMES, data=VALUES, info=VALUES, id_=VALUES | TEXTS)
def test_members_of_any_kind_whom_the_application_has_signed(
    service: Service, channel: str, data: Any, info: Any, id_: Any
) -> None:
    """An application may sign what its visitors have chosen."""
    with client(service.port) as socket:
        name = channel if channel.startswith(("presence-", "private-")) else f"presence-{channel}"
        channel_data = json_of({"user_id": id_, "user_info": info, "more": data})
        auth = KEYS.channel(socket.socket_id, name, channel_data)
        frame = json_of(
            {"event": "pusher:subscribe", "data": {"channel": name, "auth": auth, "channel_data": channel_data}}
        )
        socket.send(frame.encode("utf-8", "replace").decode())
        socket.say("pusher:ping")
        answered(socket)
