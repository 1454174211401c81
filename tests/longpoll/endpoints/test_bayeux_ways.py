"""Bayeux by scripts, from pages of here and elsewhere, and while the database is away."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any

import falcon
import falcon.testing
import pytest

from longpoll.app import create_app
from longpoll.endpoints.bayeux import Bayeux
from longpoll.listener import Feed
from queueapi.errors import StoreUnavailable
from queueapi.postgres.connection import Connection
from queueapi.runtime import Runtime
from tests.longpoll.conftest import until
from tests.longpoll.serving import Service

Serve = Callable[..., Service]
HANDSHAKE = {
    "channel": "/meta/handshake",
    "version": "1.0",
    "supportedConnectionTypes": ["callback-polling"],
    "id": "1",
}


@pytest.fixture
def app(new_feed: Callable[..., Feed], runtime: Runtime) -> Callable[..., falcon.testing.TestClient]:
    """A client of an app that is made like this."""

    def make(**how: Any) -> falcon.testing.TestClient:
        return falcon.testing.TestClient(create_app(new_feed(), runtime, endpoints=[Bayeux(hold=0.3)], **how))

    return make


# -- scripts


def called(client: falcon.testing.TestClient, *messages: Any, jsonp: str | None = "f.g", **how: Any) -> Any:
    query = {"message": json.dumps(messages), **({"jsonp": jsonp} if jsonp else {})}
    result = client.simulate_get("/faye", params=query, **how)
    assert result.status == falcon.HTTP_200, result.text
    assert result.headers["content-type"] == "text/javascript; charset=utf-8"
    assert result.headers["content-disposition"].startswith("attachment")
    start = f"/**/{jsonp or 'jsonpcallback'}("
    assert result.text.startswith(start)
    assert result.text.endswith(");")
    return json.loads(result.text[len(start) : -2])


def test_a_script_calls_the_function_that_it_was_asked_to(app: Any) -> None:
    client = app()
    (told,) = called(client, HANDSHAKE)
    assert told["successful"]
    assert called(client, HANDSHAKE, jsonp=None)[0]["successful"]
    for bad in ("alert(1)", "a" * 65, "a-b", "", "f;g"):
        result = client.simulate_get("/faye", params={"message": json.dumps([HANDSHAKE]), "jsonp": bad})
        assert result.status == falcon.HTTP_400
        assert result.headers["content-type"].startswith("text/plain")


def test_in_a_script_nothing_ends_it_early(app: Any) -> None:
    client = app(publish=["/**"])
    (told,) = called(client, HANDSHAKE)
    who = {"clientId": told["clientId"]}
    called(client, {"channel": "/meta/subscribe", "subscription": "/x", **who})
    data = "</script>\u2028\u2029<!--"
    called(client, {"channel": "/x", "data": data})
    came: list[Any] = []
    while not came:
        came = called(client, {"channel": "/meta/connect", "connectionType": "callback-polling", **who})[1:]
    assert came == [{"channel": "/x", "data": data}]


def test_a_script_is_served_without_its_users_cookies(app: Any) -> None:
    cookies: list[str | None] = []

    def authorize(request: falcon.Request, channel: str, action: str) -> bool | None:
        cookies.append(request.get_header("Cookie"))
        cookies.append(request.get_header("Authorization"))
        return False

    client = app(authorize=authorize)
    sent = {"Cookie": "session=7", "Authorization": "Basic eDp5"}
    called(client, {"channel": "/x", "data": 1}, headers=sent)
    client.simulate_post("/faye", json=[{"channel": "/x", "data": 1}], headers=sent)
    assert cookies == [None, None, "session=7", "Basic eDp5"]


def test_a_script_that_asks_for_something_else_does_not_wait_behind_the_one_that_waits(
    feed: Feed, runtime: Runtime
) -> None:
    client = falcon.testing.TestClient(create_app(feed, runtime, endpoints=[Bayeux(hold=60.0)]))
    (told,) = called(client, HANDSHAKE)
    connect = {"channel": "/meta/connect", "connectionType": "callback-polling", "clientId": told["clientId"]}
    called(client, connect)
    answers: list[Any] = []
    waiting = threading.Thread(target=lambda: answers.extend(called(client, connect)))
    waiting.start()
    until(lambda: feed.start().held)
    called(client, {"channel": "/meta/subscribe", "subscription": "/x", "clientId": told["clientId"]})
    waiting.join(20)
    assert [answer["successful"] for answer in answers] == [True]


# -- pages


def test_pages_that_are_not_named_may_not_ask(app: Any) -> None:
    client = app(origins=["https://shop.example"])
    for origin, status in (
        (None, 200),
        ("https://shop.example", 200),
        ("http://falconframework.org", 200),  # the test client's own host: a page of this very server
        ("https://evil.example", 403),
        ("null", 403),
    ):
        result = client.simulate_post("/faye", json=[HANDSHAKE], headers={"Origin": origin} if origin else {})
        assert result.status_code == status, origin


def test_pages_that_are_named_may_bring_cookies_and_all_others_are_offered_scripts(app: Any) -> None:
    asked = HANDSHAKE | {"supportedConnectionTypes": ["cross-origin-long-polling", "callback-polling"]}
    named = app(origins=["https://shop.example"])
    result = named.simulate_post("/faye", json=[asked], headers={"Origin": "https://shop.example"})
    assert result.headers["access-control-allow-origin"] == "https://shop.example"
    assert result.headers["access-control-allow-credentials"] == "true"
    assert "cross-origin-long-polling" in result.json[0]["supportedConnectionTypes"]
    result = app().simulate_post("/faye", json=[asked], headers={"Origin": "https://shop.example"})
    assert result.headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in result.headers
    assert "cross-origin-long-polling" not in result.json[0]["supportedConnectionTypes"]


def test_browsers_may_ask_for_leave_first(app: Any) -> None:
    headers = {
        "Origin": "https://shop.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type",
    }
    result = app(origins=["https://shop.example"]).simulate_options("/faye/connect", headers=headers)
    assert result.status == falcon.HTTP_200
    assert "POST" in result.headers["access-control-allow-methods"]
    assert result.headers["access-control-allow-headers"] == "content-type"


# -- the database is away


def test_while_the_database_is_away_clients_are_to_try_again(
    new_feed: Callable[..., Feed], runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed = new_feed()
    client = falcon.testing.TestClient(create_app(feed, runtime, endpoints=[Bayeux()]))
    client_id = client.simulate_post("/faye", json=[HANDSHAKE]).json[0]["clientId"]

    def refuse() -> Connection:
        raise StoreUnavailable("host db.internal is away")

    runtime.pool.close()
    monkeypatch.setattr(runtime.pool, "_open", refuse)
    subscribe = {"channel": "/meta/subscribe", "subscription": "/x", "clientId": client_id}
    for message in (HANDSHAKE, subscribe):
        result = client.simulate_post("/faye", json=[message])
        assert result.status == falcon.HTTP_503
        assert result.headers["content-type"].startswith("text/plain")
        assert "db.internal" not in result.text
    stream = client.simulate_get(f"/faye/{'0' * 40}", headers={"Accept": "text/event-stream"})
    assert (stream.status, stream.text[:11]) == (falcon.HTTP_200, "retry: 1000")  # or the browser never came back
