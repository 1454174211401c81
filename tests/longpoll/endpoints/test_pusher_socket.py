"""Pusher's protocol over a websocket, at a real longpoll-serve."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from longpoll.log import Channels
from tests.longpoll.conftest import Jobs, Sql, until
from tests.longpoll.pusher_clients import Socket, client, websocket
from tests.longpoll.pusher_peer import ADDRESS, ENVIRON, KEY, KEYS, Api, member
from tests.longpoll.serving import Service

pytestmark = pytest.mark.system

Serve = Callable[..., Service]
ROOM = "presence-room"


@pytest.fixture(scope="module")
def home(lasting_dsn: str) -> Iterator[Service]:
    """One for all tests that look at their own connections alone."""
    service = Service(lasting_dsn, **ENVIRON)
    yield service
    service.end()


@pytest.fixture
def port(home: Service) -> int:
    return home.port


def closed(socket: Socket) -> int:
    """With which code the server closes, whatever it says before."""
    try:
        while True:
            socket.hear()
    except ConnectionClosed as error:
        return 0 if error.rcvd is None else error.rcvd.code


# -- connecting


def test_a_client_is_told_who_it_is_and_how_long_silence_may_last(port: int) -> None:
    with websocket(port) as socket:
        event = socket.hear()
        assert event["event"] == "pusher:connection_established"
        assert event["data"]["activity_timeout"] == 120
        assert event["data"]["socket_id"].replace(".", "", 1).isdecimal()
        socket.say("pusher:ping")
        assert socket.event() == ("pusher:pong", {})


@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("/app/other?protocol=7", 4001),
        (f"/app/{KEY}", 4008),
        (f"/app/{KEY}?protocol=x", 4006),
        (f"/app/{KEY}?protocol=8", 4007),
        (f"/app/{KEY}?protocol=7&protocol=7", 4006),
    ],
)
def test_who_cannot_be_served_is_told_by_a_code_and_for_old_clients_by_an_error(
    port: int, address: str, code: int
) -> None:
    with websocket(port, address) as socket:
        event = socket.hear()
        assert (event["event"], event["data"]["code"]) == ("pusher:error", code)
        assert closed(socket) == code


def test_a_page_of_another_origin_is_refused_before_it_is_a_websocket(serve: Serve) -> None:
    port = serve("--origin", "https://shop.example", **ENVIRON).port
    with pytest.raises(InvalidStatus) as refused, websocket(port, origin="https://evil.example"):
        pass
    assert refused.value.response.status_code == 403
    with websocket(port, origin="https://shop.example") as socket:
        socket.established()


def test_an_address_that_has_as_many_connections_as_it_may_is_told_to_come_back(serve: Serve) -> None:
    port = serve("--limit", "connections=1", "--proxy", "none", **ENVIRON).port
    with client(port), websocket(port) as second:
        assert closed(second) == 4100
    with client(port):
        pass


# -- channels


def test_who_subscribes_hears_what_is_triggered_and_published_from_then_on(serve: Serve, channels: Channels) -> None:
    port = serve(**ENVIRON).port
    api = Api(port)
    with client(port) as socket:
        assert socket.subscribed("news") == {}
        api.trigger("news", "said", {"a": "ü\u2028"})
        assert socket.event() == ("said", {"a": "ü\u2028"})
        channels["news"].publish("said", [1])
        assert socket.event() == ("said", [1])
        channels.publish("/news", "plain")
        assert socket.event() == ("message", "plain")
        socket.say("pusher:unsubscribe", {"channel": "news"})
        assert socket.has_heard_all()
        api.trigger("news", "said", 2)
        assert socket.subscribed("other") == {}
        api.trigger("other", "said", 3)
        assert socket.event() == ("said", 3)


def test_the_sender_does_not_hear_itself(port: int) -> None:
    api = Api(port)
    with client(port) as one, client(port) as two:
        for socket in (one, two):
            socket.subscribed("news")
        api.trigger("news", "said", 1, socket_id=one.socket_id)
        api.trigger("news", "said", 2)
        assert one.event() == ("said", 2)
        assert [two.event(), two.event()] == [("said", 1), ("said", 2)]


@pytest.mark.parametrize("channel", ["private-a", ROOM, "private-encrypted-a", "private-job-7", "jobs.7"])
@pytest.mark.parametrize("auth", [None, "", "x", f"{KEY}:{'0' * 64}", KEYS.channel("1.1", "private-a")])
def test_nobody_enters_without_the_applications_signature(port: int, channel: str, auth: str | None) -> None:
    with client(port) as socket:
        data = {"channel": channel, "channel_data": member("7")} | ({} if auth is None else {"auth": auth})
        socket.say("pusher:subscribe", data)
        event = socket.hear()
        assert (event["event"], event["channel"]) == ("pusher:subscription_error", channel)
        assert (event["data"]["type"], event["data"]["status"]) == ("AuthError", 401)
        assert socket.has_heard_all()


def test_an_application_may_say_yes_or_no_by_itself(serve: Serve, tmp_path: Any) -> None:
    (tmp_path / "myapp.py").write_text(
        "def may(request, channel, action):\n"
        "    answers = {'private-open': True, 'private-closed': False, 'presence-mute': action == 'subscribe'}\n"
        "    return answers.get(channel)\n"
    )
    port = serve("--authorize", "myapp:may", PYTHONPATH=str(tmp_path), **ENVIRON).port
    with client(port) as socket:
        socket.subscribe("private-open", auth="")
        assert socket.event() == ("pusher_internal:subscription_succeeded", {})
        socket.subscribe("private-closed")
        assert socket.hear()["data"]["status"] == 403
        socket.subscribed("private-other")
        socket.subscribed("presence-mute", member("7"))
        socket.say("client-x", {}, "presence-mute")
        event = socket.hear()
        assert (event["event"], event["data"]["code"]) == ("pusher:error", 4301)


@pytest.mark.parametrize("channel", ["", "a b", "x" * 201, "longpoll:user:7", "a*", "#server-to-user-7", "/news", "ü"])
def test_what_is_no_channel_is_refused_and_the_connection_goes_on(port: int, channel: str) -> None:
    with client(port) as socket:
        socket.subscribe(channel)
        event = socket.hear()
        assert event["event"] == "pusher:subscription_error"
        assert event["data"]["error"]
        assert socket.has_heard_all()


def test_a_second_subscription_to_a_channel_is_none(port: int) -> None:
    with client(port) as socket:
        socket.subscribed("news")
        socket.subscribe("news")
        assert "existing subscription" in socket.hear()["data"]["error"]
        Api(port).trigger("news", "said", 1)
        assert socket.event() == ("said", 1)
        assert socket.has_heard_all()


def test_a_client_has_as_many_subscriptions_as_it_may(serve: Serve) -> None:
    port = serve("--limit", "subscriptions=2", **ENVIRON).port
    with client(port) as socket:
        socket.subscribed("a")
        socket.subscribed("b")
        socket.subscribe("c")
        assert socket.hear()["data"]["type"] == "LimitReached"
        socket.say("pusher:unsubscribe", {"channel": "a"})
        socket.subscribed("c")


def test_a_jobs_state_is_a_private_channel(serve: Serve, jobs: Jobs) -> None:
    port = serve(**ENVIRON).port
    (job,) = jobs.push()
    with client(port) as socket:
        socket.subscribed(f"private-job-{job}")
        event, data = socket.event()
        assert (event, data["state"]) == ("queued", "available")
        jobs.claim()
        assert socket.event()[0] == "running"
        jobs.report(job, 40, 100)
        assert socket.event()[0] == "progress"
        jobs.finish(job)
        event, data = socket.event()
        assert (event, data["result"]) == ("done", 7)


def test_a_cache_channel_tells_who_comes_the_last_event_or_that_there_is_none(port: int) -> None:
    api = Api(port)
    with client(port) as socket:
        socket.subscribed("cache-a")
        assert socket.event() == ("pusher:cache_miss", {})
        api.trigger("cache-a", "said", 1)
        api.trigger("cache-a", "said", 2)
        assert [socket.event(), socket.event()] == [("said", 1), ("said", 2)]
    with client(port) as late:
        late.subscribed("cache-a")
        assert late.event() == ("said", 2)
        api.trigger("cache-a", "said", 3)
        assert late.event() == ("said", 3)


# -- members


def test_members_hear_of_each_other_across_nodes(serve: Serve) -> None:
    one, two = serve(**ENVIRON).port, serve(**ENVIRON).port
    with client(one) as ann:
        data = ann.subscribed(ROOM, member("ann", {"name": "Ann"}))
        assert data == {"presence": {"ids": ["ann"], "hash": {"ann": {"name": "Ann"}}, "count": 1}}
        with client(two) as bob:
            data = bob.subscribed(ROOM, member("bob"))
            assert sorted(data["presence"]["ids"]) == ["ann", "bob"]
            assert ann.event() == ("pusher_internal:member_added", {"user_id": "bob", "user_info": None})
            with client(one) as again:
                assert again.subscribed(ROOM, member("bob"))["presence"]["count"] == 2
            assert Api(two).get(f"channels/{ROOM}/users") == (200, {"users": [{"id": "ann"}, {"id": "bob"}]})
            bob.say("pusher:unsubscribe", {"channel": ROOM})
            assert ann.event() == ("pusher_internal:member_removed", {"user_id": "bob", "user_info": None})
            assert bob.has_heard_all(), "of itself it is told nothing"
    until(lambda: Api(two).get("channels") == (200, {"channels": {}}))


def test_a_member_without_channel_data_is_who_is_signed_in(port: int) -> None:
    with client(port) as socket:
        socket.subscribe(ROOM)
        assert "channel_data" in socket.hear()["data"]["error"]
        socket.sign_in("ann", user_info={"name": "Ann"})
        assert socket.subscribed(ROOM)["presence"]["hash"] == {"ann": {"name": "Ann"}}


def test_a_channel_that_is_full_takes_no_other_member_until_one_leaves(serve: Serve, sql: Sql) -> None:
    port = serve(**ENVIRON).port
    with client(port) as ann, client(port) as bob:
        ann.subscribed(ROOM, member("ann"))
        sql("update queueapi.channels set users = users + 999")
        bob.subscribe(ROOM, member("bob"))
        refused = bob.hear()
        assert (refused["event"], refused["data"]["type"]) == ("pusher:subscription_error", "LimitReached")
        sql("update queueapi.channels set users = users - 999")
        assert bob.subscribed(ROOM, member("bob"))["presence"]["count"] == 2
        assert ann.event()[0] == "pusher_internal:member_added"


def test_occupancy_is_that_of_all_nodes(serve: Serve) -> None:
    one, two = serve(**ENVIRON).port, serve(**ENVIRON).port
    with client(one) as first, client(two) as second:
        first.subscribed("news")
        second.subscribed("news")
        second.subscribed(ROOM, member("7"))
        counts = {"subscription_count": 2}
        assert Api(one).get("channels", info="subscription_count")[1]["channels"]["news"] == counts
        assert Api(two).get("channels/news", info="subscription_count") == (200, {"occupied": True, **counts})
        assert Api(one).get("channels", filter_by_prefix="presence-", info="user_count") == (
            200,
            {"channels": {ROOM: {"user_count": 1}}},
        )
        assert Api(one).trigger(["news"], "said", 1, info="subscription_count") == {"channels": {"news": counts}}


def test_subscribers_are_told_how_many_they_are_where_that_is_switched_on(serve: Serve) -> None:
    port = serve(**ENVIRON, LONGPOLL_PUSHER_COUNTS="1").port
    with client(port) as one:
        one.subscribed("news")
        assert one.event() == ("pusher_internal:subscription_count", {"subscription_count": 1})
        with client(port) as two:
            two.subscribed("news")
            assert one.event() == ("pusher_internal:subscription_count", {"subscription_count": 2})
        assert one.event() == ("pusher_internal:subscription_count", {"subscription_count": 1})


# -- client events


def test_what_a_client_says_reaches_the_others_with_who_said_it(serve: Serve) -> None:
    one, two = serve(**ENVIRON).port, serve(**ENVIRON).port
    with client(one) as ann, client(two) as bob:
        for socket, name in ((ann, "ann"), (bob, "bob")):
            socket.subscribed(ROOM, member(name))
            socket.subscribed("private-a")
        assert ann.event()[0] == "pusher_internal:member_added"
        ann.say("client-typing", {"at": 7}, ROOM)
        event = bob.hear()
        assert (event["event"], event["channel"], event["data"], event["user_id"]) == (
            "client-typing", ROOM, {"at": 7}, "ann",
        )  # fmt: skip
        ann.say("client-typing", '{"at": 8}', "private-a")
        event = bob.hear()
        assert (event["data"], "user_id" in event) == ({"at": 8}, False)
        assert ann.has_heard_all()


@pytest.mark.parametrize(
    ("channel", "event"),
    [("news", "client-x"), ("private-encrypted-a", "client-x"), ("private-b", "client-x"),
     ("private-job-7", "client-x"), ("private-a", "client-" + "x" * 200), ("", "client-x")],
)  # fmt: skip
def test_a_client_publishes_only_where_it_is_subscribed_and_that_is_private(
    port: int, channel: str, event: str
) -> None:
    with client(port) as socket:
        for name in ("news", "private-encrypted-a", "private-a"):
            socket.subscribed(name)
        socket.say(event, {}, channel)
        refused = socket.hear()
        assert (refused["event"], refused["data"]["code"]) == ("pusher:error", 4301)
        assert socket.has_heard_all()


def test_a_client_that_says_too_much_is_told_so_and_the_rest_is_dropped(serve: Serve, sql: Sql) -> None:
    port = serve(**ENVIRON).port
    with client(port) as socket:
        socket.subscribed("private-a")
        for number in range(60):
            socket.say("client-x", number, "private-a")
        socket.say("pusher:ping")
        refused = 0
        while (event := socket.hear())["event"] != "pusher:pong":
            assert event["data"]["code"] == 4301
            refused += 1
    ((published,),) = sql("select count(*) from queueapi.messages where event = 'client-x'")
    assert published + refused == 60
    assert published >= 20
    assert refused >= 10


def test_what_a_client_says_at_length_is_not_passed_on(port: int) -> None:
    with client(port) as socket:
        socket.subscribed("private-a")
        socket.say("client-x", "y" * 20_000, "private-a")
        assert socket.hear()["data"]["code"] == 4301


def test_client_events_can_be_switched_off(serve: Serve) -> None:
    port = serve(**ENVIRON, LONGPOLL_PUSHER_CLIENT_EVENTS="0").port
    with client(port) as socket:
        socket.subscribed("private-a")
        socket.say("client-x", {}, "private-a")
        assert "switched off" in socket.hear()["data"]["message"]


# -- users


def test_who_is_signed_in_hears_what_is_sent_to_him_and_can_be_sent_away_on_all_nodes(serve: Serve) -> None:
    one, two = serve(**ENVIRON).port, serve(**ENVIRON).port
    with client(one) as ann, client(two) as bob:
        for socket, name in ((ann, "ann"), (bob, "bob")):
            event = socket.sign_in(name)
            assert event["event"] == "pusher:signin_success"
            assert json.loads(event["data"]["user_data"])["id"] == name
            socket.subscribe(f"#server-to-user-{name}")
            assert socket.hear()["event"] == "pusher_internal:subscription_succeeded"
        Api(two).trigger("#server-to-user-ann", "greeted", {"a": 1})
        event = ann.hear()
        assert (event["event"], event["channel"], event["data"]) == ("greeted", "#server-to-user-ann", {"a": 1})
        assert bob.has_heard_all()
        assert Api(two).ask("POST", "/users/ann/terminate_connections", {}) == (200, {})
        assert closed(ann) == 4009
        assert bob.has_heard_all()


def test_nobody_hears_what_is_sent_to_another(port: int) -> None:
    with client(port) as socket:
        socket.subscribe("#server-to-user-ann")
        assert socket.hear()["data"]["type"] == "AuthError"
        assert socket.sign_in("ann")["event"] == "pusher:signin_success"
        socket.subscribe("#server-to-user-bob")
        assert socket.hear()["data"]["type"] == "AuthError"


def test_who_signs_in_by_another_signature_is_closed(port: int) -> None:
    with client(port) as socket:
        socket.say("pusher:signin", {"auth": KEYS.user("1.1", '{"id":"ann"}'), "user_data": '{"id":"ann"}'})
        assert closed(socket) == 4009


# -- hostile


@pytest.mark.parametrize(
    "text",
    ["", "x", "[]", "null", "{}", '{"event":1}', '{"event":"pusher:subscribe"}',
     '{"event":"pusher:subscribe","data":[]}', '{"event":"pusher:signin","data":{}}',
     '{"event":"nonsense","data":{}}', "[" * 50_000,
     '{"event":"pusher:unsubscribe","data":{"channel":7}}', '{"event":"client-x","data":1e999,"channel":"private-a"}'],
)  # fmt: skip
def test_whatever_a_client_says_it_is_answered_by_an_error_and_goes_on(port: int, text: str) -> None:
    with client(port) as socket:
        socket.send(text)
        event = socket.hear()
        assert event["event"] in ("pusher:error", "pusher:subscription_error")
        assert socket.has_heard_all()


def test_a_flood_of_frames_is_refused_and_does_not_close_the_connection(port: int) -> None:
    with client(port) as socket:
        for _ in range(700):
            socket.say("pusher:ping")
        events = [socket.hear()["event"] for _ in range(700)]
        assert events.count("pusher:pong") >= 500
        assert events.count("pusher:error") >= 100


def test_a_plain_request_for_a_websocket_is_told_to_ask_for_one(port: int) -> None:
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", ADDRESS)
    response = connection.getresponse()
    assert response.status == 426
    assert response.headers["Upgrade"] == "websocket"
    response.read()
    connection.close()
