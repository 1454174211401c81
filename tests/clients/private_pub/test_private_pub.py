"""Pages and applications of Private Pub and danthes, as they are, against a real ``longpoll-serve``."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from longpoll.dialects.private_pub import sign
from longpoll.log import Channels
from longpoll.private_pub import PrivatePub
from queueapi.runtime import Runtime
from queueapi.settings import Settings
from tests.clients import bayeux
from tests.clients.client import Client
from tests.clients.nodes import SECRET, Node
from tests.clients.npm import installed

pytestmark = pytest.mark.system

HERE = Path(__file__).parent
TOKEN = "the secret_token of a Ruby application"
Start = Callable[..., Client]


class World:
    """A node where Private Pub is switched on, and an application in Python beside one in Ruby."""

    def __init__(self, dsn: str, **environ: str) -> None:
        self.node = Node(dsn, LONGPOLL_PRIVATE_PUB_TOKEN=TOKEN, **environ)
        self.server = f"http://127.0.0.1:{self.node.port}/faye"
        self.runtime = Runtime(Settings(database_url=dsn, secrets=(SECRET,)))
        self.channels = Channels(lambda: self.runtime)
        self.ours = PrivatePub(self.server, self.channels)

    def theirs(self, channel: str, timestamp: int | None = None) -> dict[str, Any]:
        """What a Ruby application writes into the page."""
        now = round(time.time() * 1000) if timestamp is None else timestamp
        return {"server": self.server, "channel": channel, "timestamp": now, "signature": sign(TOKEN, channel, now)}

    def post(self, channel: str, gem: str = "private_pub", token: object = TOKEN, **content: object) -> Any:
        """What such an application sends when it publishes; the reply to it."""
        message = {"channel": channel, "data": {"channel": channel, **content}, "ext": {f"{gem}_token": token}}
        connection = HTTPConnection("127.0.0.1", self.node.port, timeout=20)
        try:
            form = {"Content-Type": "application/x-www-form-urlencoded"}
            connection.request("POST", "/faye", urlencode({"message": json.dumps(message)}), form)
            (reply,) = json.loads(connection.getresponse().read())
            return reply
        finally:
            connection.close()

    def poll(self, *channels: str, cursor: str | None = None) -> Any:
        connection = HTTPConnection("127.0.0.1", self.node.port, timeout=40)
        try:
            connection.request("POST", "/poll", json.dumps({"channels": channels, "cursor": cursor, "wait": 25}))
            return json.loads(connection.getresponse().read())
        finally:
            connection.close()

    def close(self) -> None:
        self.node.stop()
        self.runtime.pool.close()


@pytest.fixture
def world(dsn: str) -> Iterator[World]:
    world = World(dsn)
    yield world
    world.close()


@pytest.fixture
def start(world: World) -> Iterator[Start]:
    """Starts pages."""
    with ExitStack() as stack:

        def start(name: str = "faye-1.4.0", gem: str = "private_pub") -> Client:
            packages = str(installed(Path(bayeux.__path__[0])))
            page = Client(["node", HERE / "page.js", name, gem], world.server, CLIENTS=packages)
            stack.callback(page.close)
            return page

        yield start


def signed(page: Client, options: dict[str, Any]) -> Client:
    """The page, once it has subscribed."""
    page.subscribe(options["channel"])
    page.do("sign", options=options)
    told = {"event": "subscribed", "channel": options["channel"]}
    page.wait(lambda: page.told.count(told) == 2)
    return page


@pytest.mark.parametrize("gem", ["private_pub", "danthes"])
@pytest.mark.parametrize("whose", ["ours", "theirs"])
@pytest.mark.parametrize("name", ["faye-1.4.0", "faye-1.4.3"])
def test_a_page_hears_what_is_published_by_either_and_in_any_dialect(
    world: World, start: Start, name: str, whose: str, gem: str
) -> None:
    options = world.ours.subscription("/messages/new") if whose == "ours" else world.theirs("/messages/new")
    page = signed(start(name, gem), options)
    world.ours.publish_to("/messages/new", {"text": "from Python"})
    assert world.post("/messages/new", gem, data={"text": "from Ruby"})["successful"]
    world.channels["messages.new"].trigger("message", "a text is data")
    world.channels["messages.new"].trigger("said", 7)
    page.wait(lambda: len(page.messages) == 4)
    assert page.messages == [
        ("/messages/new", {"text": "from Python"}),
        ("/messages/new", {"text": "from Ruby"}),
        ("/messages/new", "a text is data"),
        ("/messages/new", {"event": "said", "data": 7}),
    ]


def test_ruby_publishes_with_its_own_library(world: World, start: Start) -> None:
    if shutil.which("ruby") is None:
        pytest.skip("there is no ruby here")
    page = signed(start(), world.theirs("/messages/new"))
    program = """
    require "json"
    require "net/http"
    message = {channel: "/messages/new", data: {channel: "/messages/new", data: {text: "hi"}},
               ext: {private_pub_token: ARGV[1]}}
    print Net::HTTP.post_form(URI.parse(ARGV[0]), message: message.to_json).code
    """
    done = subprocess.run(["ruby", "-e", program, world.server, TOKEN], capture_output=True, text=True)
    assert done.stdout == "200", done.stderr
    page.wait(lambda: page.messages)
    assert page.messages == [("/messages/new", {"text": "hi"})]


def test_what_ruby_publishes_reaches_everybody_as_plain_data(world: World) -> None:
    ticket = world.channels["messages.new"].ticket()
    cursor = world.channels["messages.new"].history().cursor
    assert world.post("/messages/new", data={"text": "hi"})["successful"]
    (message,) = world.poll(ticket, cursor=cursor)["messages"]
    assert (message["event"], message["data"]) == ("message", {"text": "hi"})


def test_an_application_may_publish_as_much_as_it_likes(world: World) -> None:
    replies = [world.post("/messages/new", data=number) for number in range(100)]
    assert all(reply["successful"] for reply in replies)
    assert [m.data for m in world.channels["messages.new"].history(count=100).messages] == list(range(100))


def refused(page: Client, options: dict[str, Any]) -> str:
    """The error with which it was."""
    page.do("sign", options=options)
    page.wait(lambda: page.events("refused", "subscribed"))
    (told,) = page.events("refused", "subscribed")
    assert told["event"] == "refused", "it was let in"
    return str(told["error"])


def test_a_forged_signature_lets_nobody_in(world: World, start: Start) -> None:
    now = round(time.time() * 1000)
    of_42 = world.theirs("/user42", now)
    forgeries = [
        of_42 | {"channel": "/user4", "timestamp": int(f"2{now}")},  # the same text, signed for ever
        of_42 | {"channel": "/user43"},
        of_42 | {"timestamp": now + 1},
        of_42 | {"timestamp": None},
        of_42 | {"signature": "0" * 40},
        of_42 | {"signature": None},
        world.theirs("/user42", now - 3_700_000),  # expired
        world.theirs("/user42", now + 3_700_000),
        world.ours.subscription("/user4") | {"channel": "/user42"},
        PrivatePub(world.server, world.channels, expiration=-5).subscription("/user42"),
    ]
    for forged in forgeries:
        assert "Forbidden channel" in refused(start(), forged)


def test_a_signature_for_a_path_opens_no_array_that_joins_to_it(world: World) -> None:
    reply = _subscribe(world, ["/a", "/b"], world.theirs("/a/b"))
    assert not reply["successful"]
    assert "Incorrect signature" in reply["ext"]["longpoll"]["message"]
    assert _subscribe(world, "/a/b", world.theirs("/a/b"))["successful"]


def _subscribe(world: World, subscription: Any, options: dict[str, Any]) -> Any:
    connection = HTTPConnection("127.0.0.1", world.node.port, timeout=20)

    def ask(message: dict[str, Any]) -> Any:
        connection.request("POST", "/faye", json.dumps([message]), {"Content-Type": "application/json"})
        return json.loads(connection.getresponse().read())[0]

    hello = {"channel": "/meta/handshake", "version": "1.0", "supportedConnectionTypes": ["long-polling"]}
    client = ask(hello)["clientId"]
    ext = {"private_pub_signature": options["signature"], "private_pub_timestamp": options["timestamp"]}
    reply = ask({"channel": "/meta/subscribe", "clientId": client, "subscription": subscription, "ext": ext, "id": "1"})
    connection.close()
    return reply


def test_without_a_signature_nothing_is_heard_in_any_dialect(world: World, start: Start) -> None:
    assert "Forbidden channel" in refused(start(), {"server": world.server, "channel": "/messages/new"})
    for name in ("messages.new", "/messages/new", "/messages/*", "/**"):
        assert world.poll(name)["error"]["code"] == "bad_ticket"


def test_who_does_not_know_the_token_publishes_nothing(world: World, start: Start) -> None:
    for token in ("", TOKEN[:-1], None, 7, [TOKEN]):
        reply = world.post("/messages/new", token=token, data="forged")
        assert not reply["successful"]
        assert reply["error"].startswith("403:")
    page = signed(start(), world.theirs("/messages/new"))
    assert page.publish("/messages/new", {"text": "forged"})["event"] == "failed"
    assert world.channels["messages.new"].history().messages == []


def test_no_script_is_run_that_nobody_asked_for(world: World, start: Start, dsn: str) -> None:
    page = signed(start(), world.theirs("/messages/new"))
    refusal = world.post("/messages/new", eval="run('theirs')")
    assert not refusal["successful"]
    assert "not switched on" in refusal["ext"]["longpoll"]["message"]
    world.ours.publish_to("/messages/new", {"eval": "run('smuggled')"})
    world.ours.publish_to("/messages/new", "run('text')")
    world.ours.run_on("/messages/new", "run('ours')")
    page.wait(lambda: page.events("ran"))
    assert page.events("ran") == [{"event": "ran", "what": "ours"}]
    page.wait(lambda: len(page.messages) == 3)
    assert page.data() == [{"eval": "run('smuggled')"}, "run('text')", None]


def test_scripts_of_theirs_are_let_through_where_that_is_switched_on(dsn: str) -> None:
    world = World(dsn, LONGPOLL_PRIVATE_PUB_SCRIPTS="1")
    assert world.post("/messages/new", eval="run('theirs')")["successful"]
    (message,) = world.channels["messages.new"].history().messages
    assert (message.event, message.data) == ("private_pub:eval", "run('theirs')")
    world.close()


def test_a_page_that_unsubscribes_hears_no_more(world: World, start: Start) -> None:
    page = signed(start(), world.theirs("/a"))
    signed(page, world.theirs("/b"))
    page.do("unsubscribe", channel="/a")
    page.wait(lambda: page.events("unsubscribed"))
    world.channels.trigger(["a", "b"], "message", 1)
    page.wait(lambda: page.messages)
    assert page.messages == [("/b", 1)]
    assert page.events("unsubscribed") == [{"event": "unsubscribed", "channel": "/a"}]


def test_a_signature_of_ruby_s_outlives_the_death_of_its_node(world: World, start: Start, dsn: str) -> None:
    page = signed(start(), world.theirs("/messages/new"))
    port = world.node.port
    world.node.kill()
    world.node = Node(dsn, "--port", str(port), LONGPOLL_PRIVATE_PUB_TOKEN=TOKEN)
    world.ours.publish_to("/messages/new", {"text": "still there"})
    page.wait(lambda: page.messages)
    assert page.messages == [("/messages/new", {"text": "still there"})]
