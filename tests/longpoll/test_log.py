"""Publishing: a message exists if and only if its transaction commits, and what cannot be one is refused at once."""

from __future__ import annotations

import datetime as dt
from typing import Any

import psycopg
import pytest
import sqlalchemy
import sqlalchemy.orm

import longpoll
from longpoll.errors import BadChannel
from longpoll.log import Channels
from queueapi.errors import NotSerializable, SettingsError, StoreUnavailable
from queueapi.runtime import Runtime
from queueapi.settings import Settings


def test_a_message_is_in_the_log_when_publish_returns(channels: Channels, sql: Any) -> None:
    id_ = channels["news"].publish("published", {"title": "Grüße \u2028"})
    assert sql("select id, channel, event, data from queueapi.messages") == [
        (id_, "news", "published", {"title": "Grüße \u2028"})
    ]


def test_a_message_may_carry_nothing(channels: Channels, sql: Any) -> None:
    channels["news"].publish("ping")
    assert sql("select data::text from queueapi.messages") == [("null",)]


def test_in_the_caller_s_transaction_nothing_is_seen_before_the_commit(channels: Channels, dsn: str, sql: Any) -> None:
    with psycopg.connect(dsn) as connection:
        channels["news"].publish("published", 1, conn=connection)
        assert sql("select count(*) from queueapi.messages") == [(0,)]
        connection.commit()
        assert sql("select count(*) from queueapi.messages") == [(1,)]


def test_after_a_rollback_there_is_neither_message_nor_hint(channels: Channels, dsn: str, sql: Any) -> None:
    with psycopg.connect(dsn, autocommit=True) as listener, psycopg.connect(dsn) as connection:
        listener.execute("listen queueapi_messages")
        channels["news"].publish("published", 1, conn=connection)
        connection.rollback()
        channels["news"].publish("published", 2)
        assert len(list(listener.notifies(timeout=5, stop_after=1))) == 1
        assert list(listener.notifies(timeout=0)) == []
    assert sql("select data from queueapi.messages") == [(2,)]


def test_messages_keep_the_order_in_which_they_were_published(channels: Channels, dsn: str) -> None:
    with psycopg.connect(dsn) as connection:
        numbers = [channels["news"].publish("n", number, conn=connection) for number in range(50)]
    assert numbers == sorted(numbers)


def test_one_call_publishes_on_many_channels_by_one_statement_all_or_none(channels: Channels, sql: Any) -> None:
    ids = channels.trigger(["a", "/b/c", "d"], "said", {"n": 1})
    assert sql("select id, channel, event, data from queueapi.messages order by id") == [
        (ids[0], "a", "said", {"n": 1}),
        (ids[1], "b.c", "said", {"n": 1}),
        (ids[2], "d", "said", {"n": 1}),
    ]
    with pytest.raises(BadChannel):
        channels.trigger(["a", "b b"], "said", 2)
    with psycopg.connect(channels._runtime().settings.database_url) as connection:
        for event in ("many", "more"):
            channels.trigger([f"c{number}" for number in range(1000)], event, conn=connection)
        statements = "select event, count(*), count(distinct cmin::text), min(cmin::text) from queueapi.messages"
        found = connection.execute(f"{statements} where channel like 'c%' group by event order by event".encode())
        assert found.fetchall() == [("many", 1000, 1, "0"), ("more", 1000, 1, "1")]


def test_a_batch_is_of_different_messages_in_pusher_s_words(channels: Channels, sql: Any) -> None:
    batch: list[dict[str, Any]] = [
        {"channel": "a", "name": "one", "data": {"n": 1}},
        {"channel": "b", "name": "two", "data": "2", "socket_id": "12.34"},
        {"channel": "a", "name": "three"},
    ]
    assert len(channels.trigger_batch(batch)) == 3
    assert sql("select channel, event, data, meta from queueapi.messages order by id") == [
        ("a", "one", {"n": 1}, None),
        ("b", "two", "2", {"sender": "12.34"}),
        ("a", "three", None, None),
    ]
    assert channels.trigger_batch([]) == []
    with pytest.raises(SettingsError, match="cannot be the name of an event"):
        channels.trigger_batch([{"channel": "a", "name": "one"}, {"channel": "b"}])
    assert sql("select count(*) from queueapi.messages") == [(3,)]


def test_what_faye_calls_publish_is_an_event_called_message(channels: Channels, sql: Any) -> None:
    channels.publish("/messages/new", {"text": "hi"})
    assert sql("select channel, event, data from queueapi.messages") == [("messages.new", "message", {"text": "hi"})]
    assert longpoll.publish.__self__ is longpoll.channels  # type: ignore[attr-defined]


def test_publish_and_trigger_are_one_thing_on_a_channel(channels: Channels, sql: Any) -> None:
    channels["a"].trigger("said", 1, socket_id="1.2")
    channels["a"].publish("said", 1, socket_id="1.2")
    assert sql("select distinct channel, event, data::text, meta::text from queueapi.messages") == [
        ("a", "said", "1", '{"sender":"1.2"}')
    ]


def test_in_a_session_of_sqlalchemy_the_message_is_there_if_it_commits(channels: Channels, dsn: str, sql: Any) -> None:
    engine = sqlalchemy.create_engine(
        "postgresql+psycopg://", creator=lambda: psycopg.connect(dsn), poolclass=sqlalchemy.pool.NullPool
    )
    with sqlalchemy.orm.Session(engine) as session:
        channels["a"].trigger("never", session=session)
        session.rollback()
        channels["a"].trigger("said", session=session)
        channels.publish("/b", session=session)
        assert sql("select count(*) from queueapi.messages") == [(0,)]
        session.commit()
    assert sql("select event from queueapi.messages order by id") == [("said",), ("message",)]
    with pytest.raises(SettingsError, match="two transactions"):
        channels["a"].trigger("said", conn=object(), session=object())


@pytest.mark.parametrize("socket_id", ["", "1", "1.2.3", "1.2\n", 12, "x" * 50])
def test_what_is_no_socket_id_is_refused(channels: Channels, socket_id: Any) -> None:
    with pytest.raises(SettingsError, match="is no socket_id"):
        channels["a"].trigger("said", socket_id=socket_id)


@pytest.mark.parametrize("event", ["", "x" * 201, "a\0b", "\ud800", None, 7, b"e", "pusher:error", "pusher_internal:x"])
def test_what_cannot_be_an_event_is_refused(channels: Channels, sql: Any, event: Any) -> None:
    with pytest.raises(SettingsError, match="cannot be the name of an event") as refused:
        channels["news"].publish(event, 1)
    assert len(str(refused.value)) < 200
    assert str(refused.value).isprintable()
    assert sql("select count(*) from queueapi.messages") == [(0,)]


def test_an_event_may_be_any_text_of_200_characters(channels: Channels, sql: Any) -> None:
    channels["news"].publish("\N{GRINNING FACE}" * 200)
    assert sql("select length(event) from queueapi.messages") == [(200,)]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (object(), "cannot be written down"),
        (float("nan"), "JSON has no nan"),
        ({"a": ["\0"]}, "NUL"),
        ("\ud800", "surrogate"),
        ("x" * 1_100_000, "are allowed"),
    ],
    ids=["object", "NaN", "NUL", "surrogate", "too large"],
)
def test_data_that_json_cannot_carry_is_a_type_error_that_names_event_and_channel(
    channels: Channels, data: object, reason: str
) -> None:
    with pytest.raises(NotSerializable, match=reason) as refused:
        channels["news"].publish("published", data)
    assert "'published' on news" in str(refused.value)
    assert isinstance(refused.value, TypeError)


def test_a_name_that_no_channel_can_have_is_refused_before_anything_is_published(channels: Channels) -> None:
    with pytest.raises(BadChannel):
        channels["a b"]


def test_a_ticket_opens_its_channel_until_it_expires(channels: Channels, runtime: Runtime) -> None:
    for expires in (60, dt.timedelta(minutes=1)):
        ticket = runtime.signer().verify(channels["private-1"].ticket(expires))
        assert (ticket.purpose, ticket.name) == ("channel", "private-1")
    assert ticket.expires - dt.datetime.now().timestamp() == pytest.approx(60, abs=10)


def test_a_channel_is_a_value_that_connects_to_nothing() -> None:
    def never() -> Runtime:
        raise AssertionError("nobody asked for anything yet")

    assert repr(Channels(never)["news"]) == "<Channel news>"
    assert repr(longpoll.channels["news"]) == "<Channel news>"


def test_a_server_that_is_away_is_one_sentence() -> None:
    runtime = Runtime(Settings(database_url="postgresql://nobody@127.0.0.1:1/none", secrets=("s" * 32,)))
    with pytest.raises(StoreUnavailable, match="PostgreSQL did not connect"):
        Channels(lambda: runtime)["news"].publish("published", 1)


def test_something_that_is_no_connection_is_refused(channels: Channels) -> None:
    with pytest.raises(TypeError, match="conn= takes a psycopg 3 connection"):
        channels["news"].publish("published", 1, conn=object())
