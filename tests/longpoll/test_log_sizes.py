"""Messages of a megabyte, from a program that publishes to a browser that polls: what NOTIFY can carry never shows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from longpoll.history import MAX_BYTES
from longpoll.log import Channels
from queueapi.errors import NotSerializable
from queueapi.runtime import Runtime
from queueapi.settings import Settings
from tests.longpoll.conftest import Browser, Sql
from tests.longpoll.serving import Service

MEGABYTE = 1_000_000


@pytest.fixture
def service(dsn: str) -> Iterator[Service]:
    service = Service(dsn)
    yield service
    service.end()


@pytest.mark.system
@pytest.mark.parametrize("unit", ["x", "ü", "\u2028", '"'], ids=["ASCII", "two bytes", "three bytes", "escaped"])
def test_a_megabyte_reaches_a_browser_as_it_is(channels: Channels, service: Service, unit: str) -> None:
    data = {"text": unit * ((MEGABYTE - 20) // len(json.dumps(unit, ensure_ascii=False).encode()[1:-1]))}
    browser = service.browser("news")
    browser.poll(wait=0)
    browser.ask()
    channels["news"].trigger("said", data)
    assert browser.answer() == [("said", data)]
    assert browser.resets == 0


@pytest.mark.system
def test_a_megabyte_is_there_for_who_was_away_and_for_who_comes_late(
    channels: Channels, service: Service, dsn: str
) -> None:
    away = service.browser("news")
    away.poll(wait=0)
    for number in range(5):
        channels["news"].trigger("said", str(number) * MEGABYTE)
    service.end()
    again = Service(dsn)  # which must ask the database for what was missed
    back = again.browser("news")
    back.cursor = away.cursor
    assert [data[0] for _, data in back.poll()] == ["0", "1", "2", "3", "4"]
    status, body = again.get("/history?channel=news&count=2")
    assert status == 200
    assert [message["data"][0] for message in json.loads(body)["messages"]] == ["3", "4"]
    again.end()


def test_what_is_too_large_is_refused_where_it_is_published(channels: Channels, sql: Sql) -> None:
    with pytest.raises(NotSerializable, match="1,100,000 are allowed"):
        channels["news"].trigger("said", "x" * 1_100_000)
    assert sql("select count(*) from queueapi.messages") == [(0,)]


def test_how_large_a_message_may_be_can_be_said(dsn: str, sql: Sql) -> None:
    runtime = Runtime(Settings.from_env({"QUEUEAPI_MAX_MESSAGE": "5000000", "DATABASE_URL": dsn}))
    Channels(lambda: runtime)["news"].trigger("said", "x" * 4_000_000)
    runtime.pool.close()
    assert sql("select length(data::text) from queueapi.messages") == [(4_000_002,)]


def test_who_missed_more_than_fits_is_told_so_instead_of_filling_the_memory(channels: Channels, new_feed: Any) -> None:
    browser = Browser(new_feed(), "news")
    browser.poll(wait=0)
    for number in range(MAX_BYTES // MEGABYTE + 2):
        channels["news"].trigger("said", str(number % 10) * MEGABYTE)
    browser.feed = new_feed()  # another process, which was not there
    news = browser.poll(wait=0)
    assert news.reset
    assert news.messages == []
    channels["news"].trigger("said", 1)
    assert browser.data() == ["1"]
