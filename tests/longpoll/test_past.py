"""The last messages of a channel, and the cursor that goes on from there without a gap or a double."""

from __future__ import annotations

import datetime as dt
import threading
from typing import Any

import psycopg
import pytest

from longpoll import past
from longpoll.errors import BadChannel
from longpoll.listener import Feed
from longpoll.log import Channels
from longpoll.past import closest_first
from queueapi.errors import SettingsError, StoreUnavailable
from queueapi.runtime import Runtime
from queueapi.settings import Settings
from tests.longpoll.conftest import Browser, Sql


def said(channels: Channels, name: str = "news", **limits: Any) -> list[Any]:
    return [message.data for message in channels[name].history(**limits).messages]


def test_history_is_the_last_messages_of_one_channel_oldest_first(channels: Channels) -> None:
    channels.trigger_batch([{"channel": "ab"[n % 2], "name": f"e{n}", "data": {"n": n}} for n in range(10)])
    found = channels["a"].history(count=3)
    assert [(m.channel, m.event, m.data) for m in found.messages] == [("a", f"e{n}", {"n": n}) for n in (4, 6, 8)]
    assert [m.id for m in found.messages] == sorted(m.id for m in found.messages)
    age = dt.datetime.now(dt.UTC) - found.messages[0].at
    assert dt.timedelta(minutes=-1) < age < dt.timedelta(minutes=1)
    assert channels["c"].history().messages == []


def test_a_poll_with_its_cursor_brings_what_came_since_and_nothing_twice(channels: Channels, feed: Feed) -> None:
    channels["news"].trigger("said", 1)
    browser = Browser(feed, "news")
    browser.cursor = channels["news"].history().cursor
    assert browser.data(wait=0) == []
    channels["news"].trigger("said", 2)
    assert browser.data() == ["2"]


def test_what_was_under_way_when_it_was_read_comes_by_the_poll(channels: Channels, feed: Feed, dsn: str) -> None:
    with psycopg.connect(dsn) as slow:
        channels["news"].trigger("said", "slow", conn=slow)
        channels["news"].trigger("said", "fast")
        found = channels["news"].history()
        slow.commit()
    assert [message.data for message in found.messages] == ["fast"]
    browser = Browser(feed, "news")
    browser.cursor = found.cursor
    assert browser.data() == ['"slow"']


@pytest.mark.system
def test_history_and_poll_are_the_whole_log_while_others_publish(channels: Channels, feed: Feed, dsn: str) -> None:
    stop = threading.Event()
    published: list[int] = []
    lock = threading.Lock()

    def publish(number: int) -> None:
        with psycopg.connect(dsn) as connection:
            while not stop.is_set():
                ids = [channels["news"].trigger("said", conn=connection) for _ in range(number + 1)]
                connection.commit()
                with lock:
                    published.extend(ids)

    writers = [threading.Thread(target=publish, args=(number,)) for number in range(3)]
    for writer in writers:
        writer.start()
    histories = [channels["news"].history() for _ in range(100)]
    stop.set()
    for writer in writers:
        writer.join()
    everything = sorted(published)
    assert len(everything) > 100
    for found in histories:
        browser = Browser(feed, "news")
        browser.cursor = found.cursor
        polled = [int(told.id) for told in browser.poll(wait=0).messages]
        seen = [message.id for message in found.messages]
        assert not set(seen) & set(polled)
        union = sorted({*seen, *polled})
        oldest = seen[0] if len(seen) == past.COUNT else everything[0]
        assert [id_ for id_ in union if id_ >= oldest] == [id_ for id_ in everything if id_ >= oldest]


def test_a_hundred_are_shown_where_nobody_said_otherwise(channels: Channels) -> None:
    channels.trigger_batch([{"channel": "news", "name": "said", "data": n} for n in range(150)])
    assert said(channels) == list(range(50, 150))
    assert said(channels, count=7) == list(range(143, 150))
    assert said(channels, count=0) == []
    assert len(said(channels, count=1000)) == 100, "asking for more does not lift a limit"


def test_old_messages_are_not_shown(channels: Channels, sql: Sql) -> None:
    channels.trigger_batch([{"channel": "news", "name": "said", "data": n} for n in range(4)])
    sql("update queueapi.messages set at = now() - interval '5 minutes' where data::text = '1'")
    sql("update queueapi.messages set at = now() - interval '3 hours' where data::text = '0'")
    assert said(channels) == [0, 1, 2, 3]
    assert said(channels, age=3600) == [1, 2, 3]
    assert said(channels, age=dt.timedelta(seconds=30)) == [2, 3]
    channels.keep("news", age=dt.timedelta(hours=1))
    assert said(channels) == [1, 2, 3]
    assert said(channels, age=7200) == [1, 2, 3], "asking for more does not lift a limit"


def test_of_what_is_said_the_closest_counts(channels: Channels) -> None:
    for name in ("chat.1", "chat.1.x", "other", "private-chat.1"):
        channels.trigger_batch([{"channel": name, "name": "said", "data": n} for n in range(10)])

    def sizes() -> list[int]:
        return [len(said(channels, name)) for name in ("chat.1", "chat.1.x", "other", "private-chat.1")]

    assert sizes() == [10, 10, 10, 10]
    channels.keep("/**", count=1)
    assert sizes() == [1, 1, 1, 1]
    channels.keep("/chat/**", count=2)
    assert sizes() == [2, 2, 1, 1]
    channels.keep("/chat/*", count=3)
    assert sizes() == [3, 2, 1, 1]
    channels.keep("/chat/1", count=4)
    assert sizes() == [4, 2, 1, 1]
    channels.keep("chat.1", count=5)  # the same channel
    assert sizes() == [5, 2, 1, 1]
    channels.keep("chat.1")
    channels.keep("/chat/*")
    channels.keep("/chat/**")
    channels.keep("/**")
    assert sizes() == [10, 10, 10, 10]


def test_keys_are_closest_first() -> None:
    assert closest_first("a.b.c") == ["a.b.c", "a.b.*", "a.b.**", "a.**", "**"]
    assert closest_first("a") == ["a", "*", "**"]


def test_limits_are_the_same_for_every_process(channels: Channels, dsn: str) -> None:
    channels.trigger_batch([{"channel": "news", "name": "said", "data": n} for n in range(5)])
    channels.keep("news", count=2)
    other = Runtime(Settings(database_url=dsn, secrets=("s" * 32,)))
    assert said(Channels(lambda: other)) == [3, 4]
    other.pool.close()


def test_all_together_are_no_more_than_fits_and_the_newest_always_is(
    channels: Channels, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(4):
        channels["news"].trigger("said", str(number) * 100_000)
    monkeypatch.setattr(past, "MOST_BYTES", 150_000)
    assert [data[0] for data in said(channels)] == ["2", "3"]
    monkeypatch.setattr(past, "MOST_BYTES", 1)
    assert [data[0] for data in said(channels)] == ["3"]


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        ({"count": -1}, "count=-1"),
        ({"count": 5_001}, "from 0 to 5,000"),
        ({"count": True}, "count=True"),
        ({"count": 1.5}, "count=1.5"),
        ({"age": 0}, "above 0"),
        ({"age": float("nan")}, "above 0"),
        ({"age": dt.timedelta(days=2)}, "QUEUEAPI_MESSAGE_DAYS"),
    ],
)
def test_a_limit_that_cannot_be_is_refused(channels: Channels, sql: Sql, limits: Any, reason: str) -> None:
    with pytest.raises(SettingsError, match=reason):
        channels.keep("news", **limits)
    assert sql("select count(*) from queueapi.keeps") == [(0,)]


def test_so_are_numbers_that_are_none_and_names_that_no_channel_has(channels: Channels) -> None:
    for limits in ({"count": -1}, {"age": -1.0}, {"age": 0.0}, {"age": float("nan")}, {"count": 2**31}):
        with pytest.raises(SettingsError, match="must be a number"):
            channels["news"].history(**limits)
    with pytest.raises(BadChannel):
        channels.keep("a b", count=1)
    with pytest.raises(BadChannel):
        channels.past("/a/*")


def test_a_server_that_is_away_is_one_sentence() -> None:
    runtime = Runtime(Settings(database_url="postgresql://nobody@127.0.0.1:1/none", secrets=("s" * 32,)))
    with pytest.raises(StoreUnavailable, match="PostgreSQL did not connect"):
        Channels(lambda: runtime)["news"].history()
