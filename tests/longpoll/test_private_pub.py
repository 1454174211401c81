"""Private Pub's words for applications: what they publish, sign, and write into pages."""

from __future__ import annotations

import html.parser
import json
import re
import time
from typing import Any

import jinja2
import psycopg
import pytest

import longpoll.private_pub
from longpoll.errors import BadChannel, BadTicket
from longpoll.log import Channels
from longpoll.names import opened
from longpoll.private_pub import PrivatePub
from queueapi.errors import NotSerializable, SettingsError
from queueapi.signing import Signer
from tests.longpoll.conftest import Sql

SERVER = "http://live.example:9292/faye"
SIGNER = Signer("s" * 32)


@pytest.fixture
def private_pub(channels: Channels) -> PrivatePub:
    return PrivatePub(SERVER, channels)


# -- publishing


def test_what_is_published_is_a_message_as_any_other(private_pub: PrivatePub, sql: Sql, dsn: str) -> None:
    with psycopg.connect(dsn) as connection:
        private_pub.publish_to("/messages/new", {"text": "hi"}, conn=connection)
        private_pub.publish_to("/messages/new", "alert(1)", conn=connection)
        private_pub.run_on("/messages/new", "alert(1)", conn=connection)
        assert sql("select count(*) from queueapi.messages") == [(0,)]
    assert sql("select channel, event, data from queueapi.messages order by id") == [
        ("messages.new", "message", {"text": "hi"}),
        ("messages.new", "message", "alert(1)"),
        ("messages.new", "private_pub:eval", "alert(1)"),
    ]


def test_what_cannot_be_published_is_refused(private_pub: PrivatePub) -> None:
    with pytest.raises(NotSerializable):
        private_pub.publish_to("/messages/new", object())
    with pytest.raises(BadChannel):
        private_pub.publish_to("/messages new", 1)
    with pytest.raises(SettingsError, match="a script is a text"):
        private_pub.run_on("/messages/new", {"a": 1})  # type: ignore[arg-type]


def test_the_module_offers_what_people_type() -> None:
    assert longpoll.private_pub.publish_to.__func__ is Channels.publish  # type: ignore[attr-defined]


# -- signing


def test_a_subscription_has_what_the_gems_scripts_look_for(private_pub: PrivatePub) -> None:
    found = private_pub.subscription("/messages/new")
    assert list(found) == ["server", "channel", "timestamp", "signature"]
    assert (found["server"], found["channel"]) == (SERVER, "/messages/new")
    assert re.fullmatch(r"[0-9]{13}", str(found["timestamp"]))
    assert found["timestamp"] / 1000 == pytest.approx(time.time(), abs=30)
    assert opened(found["signature"], SIGNER) == "messages.new"
    assert SIGNER.verify(found["signature"]).expires == pytest.approx(time.time() + 3600, abs=30)


@pytest.mark.parametrize(
    ("channel", "path", "thing"),
    [
        ("messages.new", "/messages/new", "messages.new"),
        ("/messages/*", "/messages/*", "messages.*"),
        ("/**", "/**", "**"),
        ("/private-a", "/private-a", "private-a"),
    ],
)
def test_it_is_for_a_path_or_a_pattern(private_pub: PrivatePub, channel: str, path: str, thing: str) -> None:
    found = private_pub.subscription(channel)
    assert found["channel"] == path
    assert opened(found["signature"], SIGNER) == thing


@pytest.mark.parametrize("channel", ["a=b", "a b", "", "/jobs/7", "/a/*/b"])
def test_and_for_nothing_else(private_pub: PrivatePub, channel: str) -> None:
    with pytest.raises(BadChannel):
        private_pub.subscription(channel)


def test_its_time_can_be_said(channels: Channels) -> None:
    found = PrivatePub(SERVER, channels, expiration=-1).subscription("/a")
    with pytest.raises(BadTicket, match="expired"):
        opened(found["signature"], SIGNER)


# -- the page


class Tags(html.parser.HTMLParser):
    """What a browser makes of a page: elements, and what stands in them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[Any] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attributes)))

    def handle_endtag(self, tag: str) -> None:
        self.found.append(f"/{tag}")

    def handle_data(self, data: str) -> None:
        self.found.append(data)


def argument(script: str) -> dict[str, Any]:
    found = re.fullmatch(r".*sign\((\{.*\})\);?(?: \})?", script)
    assert found
    return dict(json.loads(found[1]))


@pytest.mark.parametrize("autoescape", [True, False])
def test_a_template_writes_the_script_tag(private_pub: PrivatePub, autoescape: bool) -> None:
    environment = jinja2.Environment(autoescape=autoescape)
    environment.globals["subscribe_to"] = private_pub.subscribe_to
    page = environment.from_string('<p>{{ subscribe_to("/messages/new", nonce="n\\"1") }}</p>').render()
    p, tag, script, *rest = Tags(page).found
    assert (p, tag) == (("p", {}), ("script", {"type": "text/javascript", "nonce": 'n"1'}))
    assert rest == ["/script", "/p"]
    assert script.startswith("PrivatePub.sign(")
    assert argument(script).keys() == private_pub.subscription("/messages/new").keys()


def test_danthes_pages_call_danthes(channels: Channels) -> None:
    tag = PrivatePub(SERVER, channels, script="Danthes").subscribe_to("/messages/new")
    script = Tags(tag).found[1]
    assert script.startswith("if (typeof Danthes != 'undefined') { Danthes.sign(")
    assert argument(script)["channel"] == "/messages/new"
    with pytest.raises(SettingsError, match="neither PrivatePub nor Danthes"):
        PrivatePub(SERVER, channels, script="Faye")


@pytest.mark.parametrize("server", ["</script><script>alert(1)</script>", "<!--<script>", "\u2028\u2029", "'\"\\&"])
def test_nothing_ends_the_script_that_stands_in_it(channels: Channels, server: str) -> None:
    tag = PrivatePub(server, channels).subscribe_to("/a")
    _, script, end = Tags(tag).found
    assert end == "/script"
    assert argument(script)["server"] == server
    assert not {"<", ">", "&", "\u2028", "\u2029"} & set(script)
