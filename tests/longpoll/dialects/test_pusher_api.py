"""Bodies of Pusher's HTTP API: read, or refused with the status that libraries know."""

from __future__ import annotations

import json

import pytest

from longpoll.dialects import pusher_api as api
from longpoll.errors import BadChannel, BadRequest, Refused
from queueapi.messages import Message, NewMessage
from queueapi.presence import Crowd, Latest


def body(**fields: object) -> bytes:
    return json.dumps({"name": "said", "channels": ["news"], "data": '{"a": 1}', **fields}).encode()


def read(**fields: object) -> api.Trigger:
    return api.read_event(body(**fields), 1_000)


def test_an_event_is_a_message_for_each_of_its_channels() -> None:
    trigger = read(channels=["news", "private-x", "news"], socket_id="1.2", info="subscription_count")
    meta = '{"sender":"1.2"}'
    assert trigger.messages == [
        NewMessage("news", "said", '{"a": 1}', meta),
        NewMessage("private-x", "said", '{"a": 1}', meta),
    ]
    assert trigger.info == {"subscription_count"}
    assert read().messages == [NewMessage("news", "said", '{"a": 1}', None)]


def test_one_channel_may_be_given_alone() -> None:
    one = json.dumps({"name": "said", "channel": "news", "data": "x"}).encode()
    assert api.read_event(one, 1_000).messages == [NewMessage("news", "said", '"x"', None)]


def test_what_is_sent_to_a_user_is_a_message_for_his_connections() -> None:
    (message,) = read(channels=["#server-to-user-ann"]).messages
    assert message.channel == "longpoll:user:ann"


def test_data_that_is_no_text_is_taken_as_it_is() -> None:
    assert read(data={"a": [1]}).messages[0].data == '{"a": [1]}'
    assert read(data=None).messages[0].data == "null"


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"name": ""}, BadRequest),
        ({"name": "x" * 201}, BadRequest),
        ({"name": "pusher:error"}, BadRequest),
        ({"name": 1}, BadRequest),
        ({"channels": []}, BadRequest),
        ({"channels": [f"c{n}" for n in range(101)]}, BadRequest),
        ({"channels": "news"}, BadRequest),
        ({"channels": [1]}, BadRequest),
        ({"channels": ["a b"]}, BadChannel),
        ({"channels": ["longpoll:user:7"]}, BadChannel),
        ({"channels": ["private-job-7"]}, BadChannel),
        ({"channels": ["private-encrypted-a", "news"]}, BadRequest),
        ({"socket_id": "x"}, BadRequest),
        ({"info": "nonsense"}, BadRequest),
        ({"data": "x" * 1_001}, api.TooLarge),
        ({"data": "ü" * 501}, api.TooLarge),
    ],
)
def test_what_cannot_be_published_is_refused(fields: dict[str, object], error: type[Refused]) -> None:
    with pytest.raises(error):
        read(**fields)


@pytest.mark.parametrize(
    "text", [b"", b"x", b"[]", b"\xff", b"{}", b'{"name":"a"}', b"[" * 100_000, b'{"name":"a\\ud800"}']
)
def test_what_is_no_event_is_refused(text: bytes) -> None:
    with pytest.raises(BadRequest, match="the body should be"):
        api.read_event(text, 1_000)


def test_the_statuses_are_those_that_libraries_know() -> None:
    assert api.TooLarge.status == 413
    assert BadRequest.status == BadChannel.status == 400


def test_a_batch_has_up_to_ten_events_each_for_a_channel() -> None:
    event = {"name": "said", "channel": "news", "data": "x"}
    batch = api.read_batch(json.dumps({"batch": [event] * 10}).encode(), 1_000)
    assert [one.messages for one in batch] == [[NewMessage("news", "said", '"x"', None)]] * 10
    for wrong in ([], [event] * 11, [{"name": "said", "data": "x"}], [1], None):
        with pytest.raises(BadRequest):
            api.read_batch(json.dumps({"batch": wrong}).encode(), 1_000)


def test_attributes_are_those_that_a_channel_can_have() -> None:
    assert api.read_info(None) == api.read_info(" , ") == frozenset()
    both = api.read_info("user_count, subscription_count")
    api.check_info(both, ["presence-a"])
    with pytest.raises(BadRequest, match="presence"):
        api.check_info(both, ["presence-a", "news"])
    with pytest.raises(BadRequest, match="cache"):
        api.check_info(api.read_info("cache"), ["news"])
    assert api.attributes(both, Crowd(3, 2)) == {"user_count": 2, "subscription_count": 3}
    assert api.attributes(frozenset(), Crowd(3, 2)) == {}


def test_what_a_cache_channel_remembers_comes_with_the_seconds_that_it_will() -> None:
    cache = api.read_info("cache")
    latest = Latest(Message(1, 0, "cache-a", "said", '"x"'), 600.0)
    assert api.attributes(cache, Crowd(0, 0), latest) == {"cache": {"data": "x", "ttl": 1_200}}
    assert api.attributes(cache, Crowd(0, 0)) == {"cache": None}
