"""Bayeux' wording: what is read of messages, which of them are wrong and how that is said, and how replies look."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from longpoll.dialects import bayeux
from longpoll.dialects.bayeux import Message, Wrong, read
from longpoll.dialects.bayeux_replies import advice, answer, events, refusal, write
from longpoll.errors import BadRequest, BadTicket
from longpoll.waiter import News, Told

CLIENT = "0123456789abcdef0123456789abcdef01234567"


def message(**fields: Any) -> Message:
    (found,) = read(json.dumps(fields))
    return found


def wrong(check: Any, **fields: Any) -> str:
    with pytest.raises(Wrong) as caught:
        check(message(**fields))
    return caught.value.error


# -- reading


def test_a_request_is_an_array_of_messages_or_one_of_them() -> None:
    one = {"channel": "/meta/connect", "clientId": CLIENT, "id": "1", "other": 7}
    for text in (json.dumps(one), json.dumps([one]), json.dumps([one]).encode()):
        assert read(text) == [Message("/meta/connect", CLIENT, one)]
    assert read("[]") == []


@pytest.mark.parametrize(
    "text",
    ["", "1", '"a"', "null", "[1]", "[[]]", "[{}", "[NaN]", '[{"id": {}}]', '[{"id": [1]}]', '[{"id": true}, 1]',
     '[{"channel": "\\ud800"}]', b"[\xff]", "[" * 100_000, '{"a":' * 5_000],
)  # fmt: skip
def test_anything_else_is_refused(text: str | bytes) -> None:
    with pytest.raises(BadRequest):
        read(text)


def test_there_are_limits_to_messages_depth_and_ids() -> None:
    assert len(read(json.dumps([{}] * bayeux.MAX_MESSAGES))) == bayeux.MAX_MESSAGES
    with pytest.raises(BadRequest, match="at most 500 messages, not 501"):
        read(json.dumps([{}] * (bayeux.MAX_MESSAGES + 1)))
    deep: Any = 1
    for _ in range(bayeux.MAX_DEPTH - 2):
        deep = [deep]
    read(json.dumps({"data": deep}))
    with pytest.raises(BadRequest, match="deeper than 60"):
        read(json.dumps({"data": [[deep]]}))
    read(json.dumps({"id": "i" * bayeux.MAX_ID}))
    with pytest.raises(BadRequest):
        read(json.dumps({"id": "i" * (bayeux.MAX_ID + 1)}))


def test_what_is_of_another_type_is_not_there() -> None:
    odd = message(channel=7, clientId={"__proto__": 1}, ext="x", advice=[], subscription=3)
    assert (odd.channel, odd.client, odd.ext, odd.id) == ("", "", {}, None)
    assert not odd.names_client
    assert bayeux.ack_of(message(ext={"ack": True})) is None
    assert bayeux.ticket_of(message(ext={"ticket": "t" * 5_000})) is None
    assert bayeux.wait_of(message(advice={"timeout": "0"}), 25) == 25


def test_only_what_can_be_a_client_of_ours_is_looked_for() -> None:
    assert message(clientId=CLIENT).names_client
    for other in ("", "__proto__", CLIENT + "\n", CLIENT.upper(), "\0" * 40, CLIENT + "0"):
        assert not message(clientId=other).names_client


@pytest.mark.parametrize(
    ("timeout", "seconds"),
    [(0, 0), (-5, 0), (1500, 1.5), (10**12, 25), (1e300, 25), pytest.param(10**400, 25, id="huge")],
)
def test_a_client_says_how_long_it_waits_up_to_what_is_held(timeout: float, seconds: float) -> None:
    assert bayeux.wait_of(message(advice={"timeout": timeout}), 25.0) == seconds


# -- what is wrong, and in which words


def test_a_handshake_names_its_version_and_a_type_that_is_offered() -> None:
    def check(found: Message) -> None:
        bayeux.check_handshake(found, ["long-polling"])

    good = {"version": "1.0", "supportedConnectionTypes": ["websocket", "long-polling"]}
    check(message(**good))
    check(message(**good | {"minimumVersion": "1.0beta"}))
    assert wrong(check) == "402:version:Missing required parameter"
    assert wrong(check, version="1.0") == "402:supportedConnectionTypes:Missing required parameter"
    assert wrong(check, **good | {"version": "2.0"}) == "300:2.0:Version mismatch"
    assert wrong(check, **good | {"version": 1}) == "300:1:Version mismatch"
    assert wrong(check, **good | {"minimumVersion": "2"}) == "300:2:Version mismatch"
    types = good | {"supportedConnectionTypes": ["flash", "iframe"]}
    assert wrong(check, **types) == "301:flash,iframe:Connection types not supported"


def test_a_connect_names_its_type() -> None:
    assert bayeux.check_connect(message(connectionType="websocket")) == "websocket"
    assert wrong(bayeux.check_connect) == "402:connectionType:Missing required parameter"
    assert wrong(bayeux.check_connect, connectionType="flash") == "301:flash:Connection types not supported"


def test_what_can_be_subscribed_to() -> None:
    for good in ("/a", "/a/b-c_d!~($)@", "/*", "/**", "/a/**", "/a/*"):
        assert bayeux.subscriptions(message(subscription=good)) == [good]
        assert bayeux.subscriptions(message(subscription=[good, "/x"])) == [good, "/x"]
    for bad in ("a", "/", "/a/", "//a", "/a.b", "/a b", "/a/*/b", "/***", "/ä", "/a\n"):
        assert wrong(bayeux.subscriptions, subscription=bad).startswith("405:")
    for shut in ("/meta/connect", "/meta/**", "/meta", "/service/x", "/service/*"):
        assert wrong(bayeux.subscriptions, subscription=["/a", shut]) == f"403:{shut}:Forbidden channel"
    missing: object
    for missing in (None, "", [], 7, [7], ["/a", None], {}):
        assert wrong(bayeux.subscriptions, subscription=missing) == "402:subscription:Missing required parameter"


def test_what_can_be_published() -> None:
    bayeux.check_publication(message(channel="/a/b", data=None))
    assert wrong(bayeux.check_publication, data=1) == "402:channel:Missing required parameter"
    assert wrong(bayeux.check_publication, channel="/a") == "402:data:Missing required parameter"
    assert wrong(bayeux.check_publication, channel="/a/*", data=1) == "405:/a/*:Invalid channel"


@given(st.lists(st.text(max_size=200), max_size=5))
def test_an_error_can_be_read_by_a_client_whatever_it_is_about(about: list[str]) -> None:
    code, arguments, sentence = bayeux.error_text(405, *about).split(":")
    assert (code, sentence) == ("405", "Invalid channel")
    assert len(arguments.split(",")) == max(1, len(about))


# -- answering


def test_an_answer_repeats_what_the_client_knows_it_by() -> None:
    asked = message(channel="/x", clientId=CLIENT, id="7", data=1, ext={"secret": 1})
    assert answer(asked) == {"channel": "/x", "successful": True, "id": "7", "clientId": CLIENT}
    assert answer(message(channel="/x", data=1)) == {"channel": "/x", "successful": True}


def test_a_refusal_repeats_the_subscription_and_says_in_ext_what_people_want_to_know() -> None:
    asked = message(channel="/meta/subscribe", subscription=["/a"], id=3)
    told = refusal(asked, Wrong(403, "/a", refused=BadTicket("it is over")))
    assert told == {
        "channel": "/meta/subscribe",
        "successful": False,
        "id": 3,
        "subscription": ["/a"],
        "error": "403:/a:Forbidden channel",
        "ext": {"longpoll": {"code": "bad_ticket", "message": "it is over"}},
    }


def test_advice_is_whole_and_in_milliseconds() -> None:
    assert advice(25) == {"reconnect": "retry", "interval": 0, "timeout": 25_000}
    assert advice(0, interval=1.5) == {"reconnect": "retry", "interval": 1_500, "timeout": 0}


def news(*told: Told) -> list[Any]:
    return [msgspec.json.decode(one) for one in events(News(told, "c", False))]


def test_what_came_has_a_channel_and_data_and_nothing_that_could_be_taken_for_an_answer() -> None:
    assert news(Told("/a/b", "message", '{"x":1}', "7", "a.b", '{"sender":"1.2"}')) == [
        {"channel": "/a/b", "data": {"x": 1}}
    ]


def test_an_event_with_a_name_of_its_own_is_wrapped() -> None:
    assert news(Told("/jobs/7", "progress", '{"done":1}', "v")) == [
        {"channel": "/jobs/7", "data": {"event": "progress", "data": {"done": 1}}}
    ]


def test_a_message_that_several_subscriptions_match_comes_once() -> None:
    twice = [Told(asked, "message", "1", "7", "a.b") for asked in ("/a/b", "/a/*")]
    assert len(news(*twice, Told("/a/b", "message", "1", "8", "a.b"))) == 2


def test_a_channel_that_has_no_name_here_does_not_come() -> None:
    assert news(Told("/**", "message", "1", "7", "a,b"), Told("/**", "message", "1", "8", "a")) == [
        {"channel": "/a", "data": 1}
    ]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(json_values)
def test_data_comes_as_it_was_published(data: object) -> None:
    text = msgspec.json.encode([{"channel": "/x", "data": data}])
    (published,) = read(text)
    (came,) = msgspec.json.decode(
        write(events(News([Told("/x", "message", bayeux.data_of(published), "1", "x")], "", False)))
    )
    assert came == {"channel": "/x", "data": data}
