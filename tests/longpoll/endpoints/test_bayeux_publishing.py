"""Bayeux over HTTP, on a real database: what clients publish, who lets them, and what a request may be."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode

import falcon
import pytest

from longpoll.door import Visitor
from longpoll.errors import Forbidden
from longpoll.meter import Limits
from tests.longpoll.conftest import Sql
from tests.longpoll.endpoints.faye import POLLING, Faye

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
