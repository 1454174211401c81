"""Bayeux over HTTP, on a real database: sessions, and what they listen to."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from longpoll.listener import Feed
from longpoll.log import Channels
from longpoll.meter import Limits
from tests.longpoll.conftest import Jobs, until
from tests.longpoll.endpoints.faye import POLLING, Faye
from tests.longpoll.serving import SIGNER

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
