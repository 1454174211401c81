"""Pusher's HTTP API over a real database: signed requests, what they publish, and what they are told."""

from __future__ import annotations

import json
from typing import Any

import falcon.testing
import pytest

from longpoll.app import create_app
from longpoll.endpoints.pusher import Pusher
from longpoll.listener import Feed
from queueapi.errors import SettingsError
from queueapi.runtime import Runtime
from tests.longpoll.conftest import Sql
from tests.longpoll.pusher_peer import APP_ID, KEY, SECRET, endpoint, signed

Http = falcon.testing.TestClient


@pytest.fixture
def http(feed: Feed, runtime: Runtime) -> Http:
    return Http(create_app(feed, runtime, endpoints=[endpoint()]))


def ask(http: Http, method: str, path: str, body: Any = None, **query: str) -> tuple[int, Any]:
    data = b"" if body is None else json.dumps(body).encode()
    address, _, asked = signed(method, path, data, **query).partition("?")
    reply = http.simulate_request(method, address, query_string=asked, body=data)
    return reply.status_code, reply.json


def trigger(http: Http, **fields: object) -> tuple[int, Any]:
    event = {"name": "said", "channels": ["news"], "data": '{"a":1}', **fields}
    return ask(http, "POST", f"/apps/{APP_ID}/events", event)


def test_an_event_is_in_the_log_for_all_dialects(http: Http, sql: Sql) -> None:
    assert trigger(http, channels=["news", "private-x"], socket_id="1.2") == (200, {})
    assert sql("select channel, event, data::text, meta::text from queueapi.messages order by id") == [
        ("news", "said", '{"a":1}', '{"sender":"1.2"}'),
        ("private-x", "said", '{"a":1}', '{"sender":"1.2"}'),
    ]


def test_a_batch_is_published_as_a_whole_or_not_at_all(http: Http, sql: Sql) -> None:
    good, bad = {"name": "said", "channel": "news", "data": "1"}, {"name": "said", "channel": "a b", "data": "2"}
    path = f"/apps/{APP_ID}/batch_events"
    assert ask(http, "POST", path, {"batch": [good, bad]})[0] == 400
    assert sql("select count(*) from queueapi.messages") == [(0,)]
    assert ask(http, "POST", path, {"batch": [good, good]}) == (200, {})
    assert sql("select count(*) from queueapi.messages") == [(2,)]


@pytest.mark.parametrize(
    "path", [f"/apps/{APP_ID}/users/ann/terminate_connections", "/users/ann/terminate_connections"]
)
def test_a_user_is_sent_away_by_either_path(http: Http, sql: Sql, path: str) -> None:
    assert ask(http, "POST", path, {}) == (200, {})
    assert sql("select channel, event from queueapi.messages") == [("longpoll:user:ann", "terminate")]


def test_where_nobody_is_there_is_nobody(http: Http) -> None:
    path = f"/apps/{APP_ID}/channels"
    assert ask(http, "GET", path) == (200, {"channels": {}})
    assert ask(http, "GET", f"{path}/news") == (200, {"occupied": False})
    assert ask(http, "GET", f"{path}/presence-x", info="user_count,subscription_count") == (
        200,
        {"occupied": False, "user_count": 0, "subscription_count": 0},
    )
    assert ask(http, "GET", f"{path}/presence-x/users") == (200, {"users": []})
    assert trigger(http, info="subscription_count,user_count") == (
        200,
        {"channels": {"news": {"subscription_count": 0}}},
    )


def test_what_a_channel_cannot_tell_is_refused(http: Http) -> None:
    path = f"/apps/{APP_ID}/channels"
    for asked, query in (
        ("", {"info": "user_count"}),
        ("", {"info": "nonsense"}),
        ("/news", {"info": "user_count"}),
        ("/news", {"info": "cache"}),
        ("/news/users", {}),
        ("/a b", {}),
        ("", {"filter_by_prefix": "x" * 201}),
    ):
        status, answer = ask(http, "GET", f"{path}{asked}", **query)
        assert status == 400, (asked, query)
        assert answer["error"]["message"]
    assert ask(http, "GET", path, info="user_count", filter_by_prefix="presence-") == (200, {"channels": {}})


def test_a_cache_channel_tells_what_it_remembers(http: Http) -> None:
    path = f"/apps/{APP_ID}/channels/cache-a"
    assert ask(http, "GET", path, info="cache") == (200, {"occupied": False, "cache": None})
    trigger(http, channels=["cache-a"], data="{}")
    trigger(http, channels=["cache-a"], data="not json")
    trigger(http, channels=["cache-a"], name="client-x", data="3")
    _, answer = ask(http, "GET", path, info="cache")
    assert answer["cache"]["data"] == "not json"
    assert 1_700 < answer["cache"]["ttl"] <= 1_800


def test_nothing_is_done_for_who_has_not_signed(http: Http, sql: Sql) -> None:
    body = json.dumps({"name": "said", "channels": ["news"], "data": "1"}).encode()
    path, _, query = signed("POST", f"/apps/{APP_ID}/events", body).partition("?")

    def status(**changed: Any) -> int:
        request = {"method": "POST", "path": path, "query_string": query, "body": body, **changed}
        return http.simulate_request(**request).status_code

    assert status(query_string="") == 401
    assert status(query_string=query.replace("auth_signature=", "auth_signature=0")) == 401
    assert status(body=body + b" ") == 401
    assert status(path="/apps/654321/events") == 404
    assert status(query_string=query + "&auth_key=" + KEY) == 400
    assert status(path=f"/apps/{APP_ID}/batch_events") == 401
    assert sql("select count(*) from queueapi.messages") == [(0,)]
    assert status() == 200


def test_what_is_too_long_is_refused_by_413(feed: Feed, runtime: Runtime) -> None:
    http = Http(create_app(feed, runtime, endpoints=[endpoint(max_data=100)]))
    assert trigger(http, data="x" * 98)[0] == 200, "the quotes around it count"
    assert trigger(http, data="x" * 99)[0] == 413
    assert trigger(http, data="x" * 100_000)[0] == 413


def test_another_method_or_address_is_none_of_it(http: Http) -> None:
    assert ask(http, "GET", f"/apps/{APP_ID}/events")[0] == 405
    assert ask(http, "POST", f"/apps/{APP_ID}/nonsense", {})[0] == 404


def test_a_channels_name_that_is_escaped_in_the_address_is_signed_as_it_is(http: Http) -> None:
    path = f"/apps/{APP_ID}/channels/presence-=@,.;"
    address, _, query = signed("GET", path).partition("?")
    reply = http.simulate_get(address.replace("@", "%40").replace(";", "%3B"), query_string=query)
    assert (reply.status_code, reply.json) == (200, {"occupied": False})


# -- settings


def test_an_application_is_in_the_environment_or_there_is_none() -> None:
    assert Pusher.from_env({}) is None
    whole = {"LONGPOLL_PUSHER_APP_ID": APP_ID, "LONGPOLL_PUSHER_KEY": KEY, "LONGPOLL_PUSHER_SECRET": SECRET}
    found = Pusher.from_env(
        {**whole, "LONGPOLL_PUSHER_WEBHOOKS": "http://a/ https://b/", "LONGPOLL_PUSHER_COUNTS": "1"}
    )
    assert found is not None
    application = found.application
    assert (application.app_id, application.key, application.secret) == (APP_ID, KEY, SECRET)
    assert application.webhooks == ["http://a/", "https://b/"]
    assert application.subscription_counts
    assert found.max_body > 10 * application.max_data


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"KEY": ""}, "LONGPOLL_PUSHER_KEY is not set"),
        ({"APP_ID": "a/b"}, "LONGPOLL_PUSHER_APP_ID is 'a/b'"),
        ({"SECRET": "short"}, "LONGPOLL_PUSHER_SECRET has 5 characters"),
        ({"MAX_DATA": "x"}, "max_data is -1"),
        ({"MAX_DATA": "1000001"}, "max_data is 1000001"),
        ({"WEBHOOKS": "ftp://a/"}, "LONGPOLL_PUSHER_WEBHOOKS"),
    ],
)
def test_settings_that_cannot_be_are_named(changed: dict[str, str], said: str) -> None:
    environ = {"APP_ID": APP_ID, "KEY": KEY, "SECRET": SECRET, **changed}
    with pytest.raises(SettingsError, match=said):
        Pusher.from_env({f"LONGPOLL_PUSHER_{name}": value for name, value in environ.items()})
