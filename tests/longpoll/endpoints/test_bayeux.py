"""Bayeux over HTTP, on a real database: what each message is answered, and what each request is."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode

import falcon
import falcon.testing
import pytest

from longpoll.app import create_app
from longpoll.door import Visitor
from longpoll.endpoints.bayeux import Bayeux
from longpoll.errors import Forbidden
from longpoll.listener import Feed
from longpoll.log import Channels
from longpoll.meter import Limits
from queueapi.runtime import Runtime
from queueapi.signing import Signer
from tests.longpoll.conftest import Jobs, Sql, until

SIGNER = Signer("s" * 32)
POLLING = ["long-polling", "callback-polling"]


class Faye:
    """A client of the wire, with as much mind as a test needs."""

    def __init__(self, app: Any, path: str = "/faye") -> None:
        self.http = falcon.testing.TestClient(app)
        self.path = path
        self.client = ""
        self._number = 0

    def post(self, *messages: Mapping[str, Any], **how: Any) -> Any:
        """The replies to a request."""
        result = self.http.simulate_post(self.path, json=list(messages), **how)
        assert result.status == falcon.HTTP_200, result.text
        return result.json

    def say(self, channel: str, **fields: Any) -> dict[str, Any]:
        self._number += 1
        client = {"clientId": self.client} if self.client else {}
        return {"channel": channel, "id": str(self._number), **client, **fields}

    def one(self, channel: str, **fields: Any) -> dict[str, Any]:
        """The only reply to the only message."""
        (told,) = self.post(self.say(channel, **fields))
        return dict(told)

    def shake(self, **fields: Any) -> dict[str, Any]:
        asked = {"version": "1.0", "supportedConnectionTypes": POLLING, **fields}
        told = self.one("/meta/handshake", **asked)
        self.client = told["clientId"]
        return told

    def connect(self, **fields: Any) -> list[Any]:
        return list(self.post(self.say("/meta/connect", connectionType="long-polling", **fields)))

    def subscribe(self, *channels: str, **fields: Any) -> dict[str, Any]:
        told = self.one("/meta/subscribe", subscription=list(channels), **fields)
        assert told["successful"], told
        return told

    def begin(self, *channels: str) -> Faye:
        """A session, its first connect behind it."""
        self.shake()
        if channels:
            self.subscribe(*channels)
        self.connect()
        return self


@pytest.fixture
def make(feed: Feed, runtime: Runtime) -> Callable[..., Faye]:
    """A client of an app that is made like this."""

    def make(path: str = "/faye", *, bayeux: Mapping[str, Any] | None = None, **how: Any) -> Faye:
        endpoint = Bayeux(path, **{"hold": 0.3, **(bayeux or {})})
        return Faye(create_app(feed, runtime, endpoints=[endpoint], **how), path)

    return make


@pytest.fixture
def faye(make: Callable[..., Faye]) -> Faye:
    return make(publish=["/public/**"])


@pytest.fixture
def channels(runtime: Runtime) -> Channels:
    return Channels(lambda: runtime)


# -- sessions


def test_a_handshake_says_all_that_clients_look_for(faye: Faye) -> None:
    told = faye.shake(id="x1")
    assert len(told.pop("clientId")) == 40
    assert told == {
        "channel": "/meta/handshake",
        "id": "x1",
        "successful": True,
        "version": "1.0",
        "supportedConnectionTypes": [*POLLING, "eventsource"],  # this server upgrades to no websocket
        "advice": {"reconnect": "retry", "interval": 0, "timeout": 300},
    }


def test_a_handshake_that_cannot_become_right_is_not_to_be_said_again(faye: Faye) -> None:
    told = faye.one("/meta/handshake", version="1.0", supportedConnectionTypes=["flash"])
    assert (told["error"], told["successful"]) == ("301:flash:Connection types not supported", False)
    assert told["advice"]["reconnect"] == "none"
    assert told["supportedConnectionTypes"] == [*POLLING, "eventsource"]


def test_every_connect_is_advised_in_full_and_the_first_is_answered_at_once(make: Callable[..., Faye]) -> None:
    faye = make(bayeux={"hold": 60.0})
    faye.shake()
    (told,) = faye.connect()
    assert told == {
        "channel": "/meta/connect",
        "id": "2",
        "clientId": faye.client,
        "successful": True,
        "advice": {"reconnect": "retry", "interval": 0, "timeout": 50_000},
    }
    assert faye.connect(advice={"timeout": 0})  # or this would take a minute
    assert faye.post(faye.say("/meta/connect", connectionType="long-polling"), faye.say("/public/x", data=1))


def test_a_connect_waits_for_what_comes(make: Callable[..., Faye], channels: Channels) -> None:
    faye = make(bayeux={"hold": 60.0}).begin("/news/*")
    answers: list[Any] = []
    asking = threading.Thread(target=lambda: answers.extend(faye.connect()))
    asking.start()
    channels["/news/local"].publish("message", {"n": 1})
    channels["/news/local"].publish("said", 2)
    asking.join(20)
    came = answers[1:] + (faye.connect()[1:] if len(answers) < 3 else [])
    assert came == [
        {"channel": "/news/local", "data": {"n": 1}},
        {"channel": "/news/local", "data": {"event": "said", "data": 2}},
    ]


def test_who_is_unknown_is_told_to_shake_hands_again_and_that_something_may_be_lost(faye: Faye) -> None:
    for client in ("f" * 40, "__proto__", "\0" * 40):
        faye.client = client
        (told,) = faye.connect()
        assert not told["successful"]
        assert told["error"].startswith("401:")
        assert told["advice"] == {"reconnect": "handshake", "interval": 0, "timeout": 300}
        assert told["ext"] == {"longpoll": {"reset": True}}
        for channel in ("/meta/subscribe", "/meta/unsubscribe"):
            told = faye.one(channel, subscription="/x")
            assert (told["error"][:4], told["subscription"]) == ("401:", "/x")
        assert faye.one("/meta/disconnect")["error"].startswith("401:")


def test_what_is_missing_is_named(faye: Faye) -> None:
    assert faye.one("/meta/connect")["error"] == "402:connectionType:Missing required parameter"
    assert faye.one("/meta/connect", connectionType="long-polling")["error"].startswith("402:clientId:")
    assert faye.one("/meta/subscribe")["error"].startswith("402:subscription:")
    assert faye.one("/meta/disconnect")["error"].startswith("402:clientId:")
    assert faye.one("/meta/unheard-of")["error"] == "403:/meta/unheard-of:Forbidden channel"
    assert faye.one("/public/x")["error"] == "402:data:Missing required parameter"
    assert faye.post({"id": "7"}) == [
        {"channel": "", "id": "7", "successful": False, "error": "402:channel:Missing required parameter"}
    ]


def test_who_disconnects_is_gone_and_what_waits_is_answered(make: Callable[..., Faye], feed: Feed) -> None:
    faye = make(bayeux={"hold": 60.0}).begin("/x")
    answers: list[Any] = []
    asking = threading.Thread(target=lambda: answers.extend(faye.connect()))
    asking.start()
    until(lambda: feed.start().held)
    assert faye.one("/meta/disconnect")["successful"]
    asking.join(20)
    assert answers[0]["successful"]
    assert faye.connect()[0]["error"].startswith("401:")


# -- listening


def test_a_subscription_is_repeated_in_the_shape_that_it_had(faye: Faye) -> None:
    faye.begin()
    assert faye.one("/meta/subscribe", subscription="/a")["subscription"] == "/a"
    assert faye.one("/meta/subscribe", subscription=["/a", "/b"])["subscription"] == ["/a", "/b"]
    assert faye.one("/meta/unsubscribe", subscription="/a")["successful"]


def test_of_several_channels_one_that_is_shut_keeps_all_of_them_shut(faye: Faye, channels: Channels) -> None:
    faye.begin()
    told = faye.one("/meta/subscribe", subscription=["/a", "/private-b"])
    assert told["error"] == "403:/private-b:Forbidden channel"
    assert told["ext"]["longpoll"]["code"] == "bad_ticket"
    channels["a"].publish("message", 1)
    assert len(faye.connect()) == 1


def test_a_jobs_states_come_to_whoever_has_its_ticket(faye: Faye, jobs: Jobs) -> None:
    one, other = jobs.push(2)
    faye.begin()
    asked = {"subscription": f"/jobs/{one}"}
    assert faye.one("/meta/subscribe", **asked)["error"].startswith("403:")
    wrong = {"ticket": SIGNER.sign("job", str(other), 60)}
    assert faye.one("/meta/subscribe", ext=wrong, **asked)["error"].startswith("403:")
    assert faye.one("/meta/subscribe", ext={"ticket": SIGNER.sign("job", str(one), 60)}, **asked)["successful"]
    (event,) = faye.connect()[1:]
    assert event["channel"] == f"/jobs/{one}"
    assert (event["data"]["event"], event["data"]["data"]["state"]) == ("queued", "available")


def test_a_private_channel_takes_a_ticket_for_it(faye: Faye, channels: Channels) -> None:
    faye.begin("/**")
    faye.subscribe("/private-7", ext={"ticket": channels["private-7"].ticket()})
    channels["private-7"].publish("message", 1)
    channels["private-8"].publish("message", 2)
    assert faye.connect()[1:] == [{"channel": "/private-7", "data": 1}]


def test_a_client_has_only_so_many_subscriptions(make: Callable[..., Faye]) -> None:
    faye = make(limits=Limits(subscriptions=3)).begin("/a", "/b", "/c")
    told = faye.one("/meta/subscribe", subscription="/d")
    assert told["error"] == "403:/d:Forbidden channel"
    assert told["ext"]["longpoll"]["code"] == "too_much"
    assert faye.subscribe("/a")  # which it has


# -- publishing


def test_clients_publish_where_they_may(faye: Faye) -> None:
    faye.begin("/**")
    told = faye.one("/news", data=1)
    assert (told["error"], told["ext"]["longpoll"]["code"]) == ("403:/news:Forbidden channel", "forbidden")
    published = faye.one("/public/x", data={"a": None})
    assert published == {"channel": "/public/x", "id": published["id"], "clientId": faye.client, "successful": True}
    assert faye.connect()[1:] == [{"channel": "/public/x", "data": {"a": None}}]


def test_anybody_may_publish_without_a_session_where_clients_may(faye: Faye, sql: Sql) -> None:
    assert faye.post({"channel": "/public/x", "data": 1}) == [{"channel": "/public/x", "successful": True}]
    assert sql("select channel, event, data from queueapi.messages") == [("public.x", "message", 1)]


def test_what_is_published_again_under_its_number_counts_once(faye: Faye, sql: Sql) -> None:
    faye.begin()
    message = faye.say("/public/x", data=1)
    for _ in range(3):
        assert faye.post(message)[0]["successful"]
    assert sql("select count(*) from queueapi.messages") == [(1,)]


def test_messages_take_effect_in_the_order_in_which_they_were_said(faye: Faye) -> None:
    faye.begin()
    told = faye.post(
        faye.say("/public/a", data=1),
        faye.say("/meta/subscribe", subscription="/public/*"),
        faye.say("/public/a", data=2),
        faye.say("/public/*", data=3),
        faye.say("/public/a", data=4),
        faye.say("/meta/connect", connectionType="long-polling"),
    )
    assert [reply["channel"] for reply in told[:6]] == [
        "/public/a", "/meta/subscribe", "/public/a", "/public/*", "/public/a", "/meta/connect",
    ]  # fmt: skip
    assert [reply["successful"] for reply in told[:6]] == [True, True, True, False, True, True]
    came = [event["data"] for event in told[6:]]
    while len(came) < 2:
        came += [event["data"] for event in faye.connect()[1:]]
    assert came == [2, 4]


def test_who_publishes_too_much_is_told(make: Callable[..., Faye], sql: Sql) -> None:
    faye = make(publish=["/**"], limits=Limits(client_messages=1.0)).begin()
    told = faye.post(*(faye.say("/x", data=number) for number in range(100)))
    refused = [reply for reply in told if not reply["successful"]]
    assert {reply["error"] for reply in refused} == {"407:/x:Failed to publish"}
    assert sql("select count(*) from queueapi.messages") == [(100 - len(refused),)]


def test_what_is_said_to_a_service_reaches_nobody_else(make: Callable[..., Faye], sql: Sql) -> None:
    heard: list[tuple[str, str, Any]] = []

    def serve(visitor: Visitor, channel: str, data: Any) -> Any:
        heard.append((visitor.client, channel, data))
        return None if data is None else {"echo": data}

    faye = make(bayeux={"service": serve}).begin("/**")
    assert faye.one("/service/x", data=None)["successful"]
    told, back = faye.post(faye.say("/service/y/z", data=[1]))
    assert (told["successful"], "data" in told) == (True, False)
    assert back == {"channel": "/service/y/z", "id": told["id"], "data": {"echo": [1]}}
    assert heard == [(faye.client, "/service/x", None), (faye.client, "/service/y/z", [1])]
    assert sql("select count(*) from queueapi.messages") == [(0,)]


# -- other ways in


class Password:
    """A checker: whoever knows it may."""

    def subscribe(self, visitor: Visitor, channel: str, ext: Mapping[str, Any]) -> bool:
        return self._check(channel, ext)

    def publish(self, visitor: Visitor, channel: str, ext: Mapping[str, Any]) -> bool:
        return self._check(channel, ext)

    def read(self, data: Any) -> tuple[str, str]:
        return "message", json.dumps(data)

    def _check(self, channel: str, ext: Mapping[str, Any]) -> bool:
        if "password" not in ext:
            return False
        if ext["password"] != f"sesame{channel}":
            raise Forbidden("this is not the password", [channel])
        return True


def test_a_checker_lets_in_keeps_out_or_has_no_opinion(make: Callable[..., Faye]) -> None:
    faye = make(bayeux={"checkers": [Password()]}).begin()
    for channel, fields in (("/meta/subscribe", {"subscription": "/private-x"}), ("/private-x", {"data": 1})):
        assert faye.one(channel, **fields)["error"].startswith("403:/private-x:")
        told = faye.one(channel, ext={"password": "?"}, **fields)
        assert told["ext"]["longpoll"]["message"] == "this is not the password"
        assert faye.one(channel, ext={"password": "sesame/private-x"}, **fields)["successful"]


def test_the_application_has_the_last_word(make: Callable[..., Faye]) -> None:
    asked: list[tuple[str, str]] = []

    def authorize(request: falcon.Request, channel: str, action: str) -> bool | None:
        asked.append((channel, action))
        return {"shut": False, "private-open": True}.get(channel)

    faye = make(bayeux={"checkers": [Password()]}, authorize=authorize, publish=["/**"]).begin()
    assert faye.one("/meta/subscribe", subscription="/shut", ext={"password": "sesame/shut"})["successful"] is False
    assert faye.one("/shut", data=1, ext={"password": "sesame/shut"})["successful"] is False
    assert faye.one("/meta/subscribe", subscription="/private-open")["successful"]
    assert asked == [("shut", "subscribe"), ("shut", "publish"), ("private-open", "subscribe")]


# -- requests


def test_sub_paths_forms_and_single_messages_do_as_well(faye: Faye) -> None:
    shake = {"channel": "/meta/handshake", "version": "1.0", "supportedConnectionTypes": POLLING}
    text = json.dumps(shake)
    json_type = {"Content-Type": "application/json; charset=UTF-8"}
    form = urlencode([("message", text), ("message", json.dumps([shake]))])
    for path, body, headers in (
        ("/faye/handshake", text, json_type),
        ("/faye/", f"[{text}]", json_type),
        ("/faye/a/b.c", urlencode({"message": text}), {"Content-Type": "application/x-www-form-urlencoded"}),
        ("/faye", urlencode({"message": text}), {"Content-Type": "text/plain"}),
        ("/faye", urlencode({"message": text}), {"Content-Type": ""}),
    ):
        result = faye.http.simulate_post(path, body=body, headers=headers)
        assert result.json[0]["successful"], path
        assert result.headers["content-type"] == "application/json; charset=utf-8"
        assert result.headers["cache-control"] == "no-store"
    assert len(faye.http.simulate_post("/faye", body=form, headers={"Content-Type": "x/y"}).json) == 2


def test_a_mount_at_the_root_leaves_the_other_routes_alone(make: Callable[..., Faye]) -> None:
    faye = make("/")
    assert faye.shake()["successful"]
    faye.path = "/connect"
    assert faye.connect()[0]["successful"]
    assert faye.http.simulate_get("/healthz").json["status"] == "ok"
    assert "Faye" in faye.http.simulate_get("/").text


@pytest.mark.parametrize(
    ("body", "kind"),
    [("", "application/json"), ("{", "application/json"), ("7", "application/json"), ("", "text/plain"),
     ("message=%ff", "text/plain"), ("message=%7B", "text/plain"), ("&".join(["a=1"] * 500), "text/plain"),
     ("[]" + " " * 1_100_000, "application/json")],
)  # fmt: skip
def test_what_is_no_message_is_refused_in_plain_words(faye: Faye, body: str, kind: str) -> None:
    result = faye.http.simulate_post("/faye", body=body, headers={"Content-Type": kind})
    assert result.status == falcon.HTTP_400
    assert result.headers["content-type"].startswith("text/plain")
    with pytest.raises(json.JSONDecodeError):
        json.loads(result.text)


def test_the_scripts_address_brings_fayes_own_client_once(faye: Faye) -> None:
    for path in ("/faye", "/faye.js", "/faye/client.js", "/faye/faye-browser-min.js"):
        result = faye.http.simulate_get(path)
        assert result.headers["content-type"].startswith("text/javascript")
        assert result.text.startswith("var Faye=")
        again = faye.http.simulate_get(path, headers={"If-None-Match": result.headers["etag"]})
        assert (again.status, again.text) == (falcon.HTTP_304, "")
