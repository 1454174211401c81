"""What is written into the log by hand, as from psql: heard like everything else, whether it was notified or not."""

from __future__ import annotations

import json

import psycopg
import pytest

from longpoll import reading
from longpoll.dialects import native
from longpoll.listener import Feed
from queueapi.messages import NewMessage
from queueapi.postgres.messages import CHANNEL, Messages
from tests.longpoll.conftest import Browser, Sql, until


def test_an_insert_and_a_notify_are_heard(feed: Feed, sql: Sql, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "POLL", 60.0)  # by the notification alone
    browser = Browser(feed, "messages.new")
    browser.poll(wait=0)
    until(lambda: sql("select 1 from pg_stat_activity where query ilike 'listen%' and datname = current_database()"))
    reply = browser.start()
    sql(
        "insert into queueapi.messages (channel, event, data) "
        """values ('messages.new', 'message', '{"text": "hi"}'); notify queueapi_messages"""
    )
    assert [(told.event, json.loads(told.data)) for told in reply().messages] == [("message", {"text": "hi"})]


def test_an_insert_alone_is_found_by_the_safety_poll(feed: Feed, sql: Sql) -> None:
    browser = Browser(feed, "news")
    browser.poll(wait=0)
    reply = browser.start()
    sql("insert into queueapi.messages (channel, event, data) values ('news', 'said', '1')")
    assert reply().messages[0].data == "1"
    assert reading.POLL == 1.0, "the documentation says within a second"


def test_a_path_is_refused_since_it_would_be_heard_by_nobody(sql: Sql) -> None:
    with pytest.raises(psycopg.errors.CheckViolation, match="messages_flat"):
        sql("insert into queueapi.messages (channel, event, data) values ('/news', 'said', '1')")


@pytest.mark.parametrize(
    "data",
    ['{\n  "a":\r\n [1,\t2]\n}', '"\\ud800"', "1e400", '{"a": 1, "a": 2}', "[" * 500 + "]" * 500, '"\\u0000"'],
    ids=["lines", "half a pair", "beyond a float", "a key twice", "deep", "NUL"],
)
def test_whatever_json_it_is_it_reaches_browsers_on_one_line(feed: Feed, sql: Sql, data: str) -> None:
    browser = Browser(feed, "news")
    browser.poll(wait=0)
    sql("insert into queueapi.messages (channel, event, data) values ('news', 'said', %s)", data)
    news = browser.poll()
    body = native.write_news(news)
    assert b"\n" not in body
    assert b"\r" not in body
    (message,) = json.loads(body)["messages"]
    assert message["data"] == json.loads(data) or data == "1e400"


def test_a_channel_that_no_client_can_name_disturbs_nobody(feed: Feed, sql: Sql) -> None:
    browser = Browser(feed, "news")
    browser.poll(wait=0)
    for name in ("a b", "ü", "..", ".", "private-", "longpoll:x", "*", "**", "x" * 200):
        sql("insert into queueapi.messages (channel, event, data) values (%s, 'said', '0')", name)
    sql("insert into queueapi.messages (channel, event, data) values ('news', 'said', '1')")
    assert browser.data() == ["1"]


def test_a_notification_says_nothing_however_large_the_message_is(dsn: str, messages: Messages) -> None:
    with psycopg.connect(dsn, autocommit=True) as ear:
        ear.execute(f"listen {CHANNEL}".encode())
        messages.publish([NewMessage("news", "said", json.dumps("x" * 1_000_000))] * 3)
        assert [notice.payload for notice in ear.notifies(timeout=5, stop_after=1)] == [""]
