"""The log's partitions are kept up where there are no workers: several processes at once, and none disturbs another."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from longpoll import app as longpoll_app
from longpoll.upkeep import Caretaker
from queueapi.events import Events
from queueapi.postgres.connection import Connection, connect
from queueapi.runtime import Runtime
from tests.longpoll.conftest import Sql, until


def day(offset: int) -> str:
    return f"{dt.datetime.now(dt.UTC).date() + dt.timedelta(days=offset):%Y%m%d}"


def partitions(sql: Sql) -> set[str]:
    rows = sql(
        "select relname from pg_inherits join pg_class on oid = inhrelid "
        "where inhparent = 'queueapi.messages'::regclass"
    )
    return {name.removeprefix("messages_") for (name,) in rows}


def make(sql: Sql, offset: int) -> None:
    start = dt.datetime.now(dt.UTC).date() + dt.timedelta(days=offset)
    sql(
        f"create table queueapi.messages_{day(offset)} partition of queueapi.messages "
        f"for values from ('{start} 00:00+00') to ('{start + dt.timedelta(days=1)} 00:00+00')"
    )


def neglect(sql: Sql) -> None:
    """As after three weeks without anybody: nothing is there for today, and much that is past its time."""
    for name in partitions(sql) - {"default"}:
        sql(f"drop table queueapi.messages_{name}")
    for offset in (-20, -3, -2, -1):
        make(sql, offset)


def kept() -> set[str]:
    return {"default", *(day(offset) for offset in range(-1, 8))}


class Care:
    """Caretakers, and what they told."""

    def __init__(self, open_: Callable[[], Connection]) -> None:
        self.open = open_
        self.told: list[str] = []

    def take(self, days: int = 1) -> Caretaker:
        return Caretaker(self.open, days, Events(lambda name, fields: self.told.append(f"{name}: {fields}")))


@pytest.fixture
def care(open_: Callable[[], Connection]) -> Care:
    return Care(open_)


def test_days_to_come_are_made_and_days_gone_are_dropped(care: Care, sql: Sql) -> None:
    neglect(sql)
    one = care.take()
    one.start()
    until(lambda: partitions(sql) == kept())
    one.stop()
    assert care.told == []


def test_how_many_days_are_kept_can_be_said(care: Care, sql: Sql) -> None:
    neglect(sql)
    care.take(days=3)._tick()
    assert partitions(sql) == kept() | {day(-2), day(-3)}


@pytest.mark.system
def test_many_at_once_do_not_disturb_each_other(care: Care, sql: Sql) -> None:
    crowd = [care.take() for _ in range(6)]
    for _ in range(5):
        neglect(sql)
        ticks = [threading.Thread(target=one._tick) for one in crowd]
        for tick in ticks:
            tick.start()
        for tick in ticks:
            tick.join()
        assert partitions(sql) == kept()
    assert care.told == []


def test_one_that_may_not_says_so_and_harms_nobody(sql: Sql, dsn: str) -> None:
    sql("drop role if exists longpoll_reader")
    sql("create role longpoll_reader login password 'r'")
    try:
        sql("grant usage on schema queueapi to longpoll_reader")
        sql("grant select on all tables in schema queueapi to longpoll_reader")
        neglect(sql)
        lowly = psycopg.conninfo.make_conninfo(dsn, user="longpoll_reader", password="r")
        care = Care(lambda: connect(lowly, "tests", 5))
        assert care.take()._tick() == 60.0
        (told,) = care.told
        assert "upkeep_failed" in told
        assert "permission" in told or "owner" in told
    finally:
        sql("drop owned by longpoll_reader")
        sql("drop role longpoll_reader")


def test_an_app_that_serves_keeps_the_log_up(runtime: Runtime, sql: Sql, new_feed: Any) -> None:
    neglect(sql)
    feed = new_feed()
    longpoll_app.create_app(feed, runtime)
    feed.start()
    until(lambda: partitions(sql) == kept())
    feed.stop()
