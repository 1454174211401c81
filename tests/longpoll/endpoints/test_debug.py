"""The page that tells why a client hears nothing, at a real database."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import falcon.testing
import pytest

from longpoll.app import create_app
from longpoll.endpoints.debug import key
from longpoll.listener import Feed
from longpoll.log import Channels
from queueapi.postgres.connection import Connection
from queueapi.runtime import Runtime
from queueapi.signing import Signer
from tests.longpoll.conftest import Browser, Jobs

Client = falcon.testing.TestClient
Look = Callable[..., list[tuple[str, bool, str]]]


@pytest.fixture
def client(feed: Feed, runtime: Runtime) -> Client:
    return Client(create_app(feed, runtime))


@pytest.fixture
def signer(runtime: Runtime) -> Signer:
    return runtime.signer()


@pytest.fixture
def look(client: Client, signer: Signer) -> Look:
    """What is found of the things given: about what, whether that is good, and the sentence."""

    def look(**things: str) -> list[tuple[str, bool, str]]:
        headers = {"Authorization": f"Bearer {key(signer, 60)}", "Accept": "application/json"}
        reply = client.simulate_get("/longpoll/debug", params=things, headers=headers)
        assert reply.status_code == 200, reply.text
        found: list[dict[str, Any]] = reply.json["findings"]
        return [(one["about"], one["good"], one["sentence"]) for one in found]

    return look


@pytest.mark.parametrize("given", ["", "debug.x.1.y", "channel"])
def test_nobody_looks_without_a_key(client: Client, signer: Signer, given: str) -> None:
    given = signer.sign("channel", "news", 60) if given == "channel" else given
    reply = client.simulate_get("/longpoll/debug", params={"key": given, "channel": "news"})
    assert reply.status_code == 403
    assert "longpoll-serve --debug" in reply.json["error"]["message"]


def test_a_key_that_is_over_opens_nothing(client: Client, signer: Signer) -> None:
    assert client.simulate_get("/longpoll/debug", params={"key": key(signer, -1)}).status_code == 403


def test_the_application_may_let_somebody_look(feed: Feed, runtime: Runtime) -> None:
    def may(request: falcon.Request, channel: str, action: str) -> bool | None:
        return True if (channel, action) == ("longpoll:debug", "subscribe") else None

    client = Client(create_app(feed, runtime, authorize=may))
    assert client.simulate_get("/longpoll/debug").status_code == 200


def test_a_signature_by_another_secret_and_one_that_is_over_are_told_apart(look: Look, signer: Signer) -> None:
    ((_, good, said),) = look(ticket=Signer("o" * 32).sign("job", "7", 60))
    assert not good
    assert "another QUEUEAPI_SECRET" in said
    ((_, good, said),) = look(ticket=signer.sign("job", "7", -60))
    assert not good
    assert "expired" in said


def test_a_ticket_whose_job_is_not_there_says_so(look: Look, signer: Signer, jobs: Jobs) -> None:
    (job,) = jobs.push()
    assert [good for _, good, _ in look(ticket=signer.sign("job", str(job), 60))] == [True, True]
    (_, (_, good, said)) = look(ticket=signer.sign("job", str(job + 1), 60))
    assert not good
    assert f"no job {job + 1}" in said


def test_a_wrong_name_is_recognised_by_the_names_that_were_published_on(look: Look, channels: Channels) -> None:
    channels["/messages/new"].publish("said", 1)
    channels["something.else"].publish("said", 1)
    found = look(channel="/message/new")
    assert ("channel", False, "Nobody listens to message.new at this process, at this moment.") in found
    assert found[-1][2].endswith("of late there were some on messages.new: is it one of these?")


def test_a_channel_that_is_heard_is_said_to_be(look: Look, channels: Channels, feed: Feed) -> None:
    channels["news"].publish("said", 1)
    browser = Browser(feed, "news")
    browser.poll(0)
    reply = browser.start()
    found = look(channel="/news")
    assert all(good for _, good, _ in found), found
    assert "One listens to news" in found[1][2]
    assert "The last message on news, said, came" in found[2][2]
    channels["news"].publish("said", 2)
    reply()


def test_a_private_channel_needs_the_ticket_that_names_it(look: Look, signer: Signer) -> None:
    ticket = signer.sign("channel", "private-a", 60)
    assert any("private and takes a ticket" in said for _, _, said in look(channel="private-a"))
    assert any("is for something else" in said for _, _, said in look(channel="private-b", ticket=ticket))
    assert not any("takes a ticket" in said for _, _, said in look(channel="private-a", ticket=ticket))


def test_a_cursor_says_how_far_it_has_come(look: Look, channels: Channels, feed: Feed) -> None:
    browser = Browser(feed, "news")
    browser.poll(0)
    assert browser.cursor is not None
    assert look(cursor=browser.cursor) == [("cursor", True, "The cursor has seen all that there is.")]
    other = Browser(feed, "news")
    reply = other.start()
    channels["news"].publish("said", 1)
    reply()
    ((_, good, said),) = look(cursor=browser.cursor)
    assert good
    assert "behind" in said
    ((_, good, said),) = look(cursor="AAAAAAAA" + browser.cursor[8:])
    assert not good
    assert "another database" in said
    assert not look(cursor="garbage")[0][1]


def test_a_session_that_is_not_there_says_so(look: Look, open_: Callable[[], Connection]) -> None:
    assert look(session="nobody") == [
        ("session", False, "There is no such session: its client is told to shake hands again.")
    ]


def test_people_get_a_page_that_shows_what_they_gave_as_text(client: Client, signer: Signer) -> None:
    evil = '"><script>alert(1)</script>'
    reply = client.simulate_post(
        "/longpoll/debug",
        params={"key": key(signer, 60)},
        headers={"Accept": "text/html", "Content-Type": "application/x-www-form-urlencoded"},
        body=f"channel={evil}&session={evil}",
    )
    assert reply.status_code == 200
    assert "<script" not in reply.text
    assert "cannot be the name of a channel" in reply.text
    assert reply.headers["referrer-policy"] == "no-referrer"
