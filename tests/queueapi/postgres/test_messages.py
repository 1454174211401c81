"""The log of messages, and the cursor that loses none where the number of the last one loses some."""

from __future__ import annotations

import json
import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

import psycopg
import pytest

from queueapi.messages import NewMessage
from queueapi.postgres.connection import connect
from queueapi.postgres.messages import CHANNEL, Messages
from queueapi.postgres.migrate import migrate
from queueapi.postgres.sessions import Borrowed, Dedicated

Sql = Callable[..., list[tuple[Any, ...]]]
NAIVE = "select id, data::text from queueapi.messages where id > %s order by id"


@pytest.fixture
def log(session: Dedicated) -> Messages:
    return Messages(session)


def events(read: tuple[str, list[Any]]) -> list[str]:
    return [message.event for message in read[1]]


def test_what_is_published_comes_after_the_cursor_once_and_in_order(log: Messages) -> None:
    _, start = log.position()
    ids = log.publish([NewMessage("news", "a", '{"n": 1}'), NewMessage("other", "b", "null")])
    assert ids == sorted(ids)
    cursor, read = log.after(start)
    assert [(m.id, m.channel, m.event, json.loads(m.data)) for m in read] == [
        (ids[0], "news", "a", {"n": 1}),
        (ids[1], "other", "b", None),
    ]
    assert log.after(cursor)[1] == []
    log.publish([NewMessage("news", "c", "{}")])
    assert events(log.after(cursor)) == ["c"]
    assert events(log.after(start)) == ["a", "b", "c"]


def test_a_message_is_seen_when_its_transaction_commits_and_never_if_it_rolls_back(dsn: str, log: Messages) -> None:
    cursor = log.position()[1]
    with psycopg.connect(dsn) as writer:
        Messages(Borrowed(writer)).publish([NewMessage("news", "kept", "{}")])
        cursor, read = log.after(cursor)
        assert read == []
        writer.commit()
        cursor, read = log.after(cursor)
        assert [message.event for message in read] == ["kept"]
        Messages(Borrowed(writer)).publish([NewMessage("news", "taken back", "{}")])
        cursor, read = log.after(cursor)
        writer.rollback()
        assert events(log.after(cursor)) == []


def test_the_one_that_was_numbered_first_and_committed_last_is_not_lost_as_it_is_to_the_naive_cursor(
    dsn: str, log: Messages, sql: Sql
) -> None:
    cursor = log.position()[1]
    with psycopg.connect(dsn) as slow:
        (first,) = Messages(Borrowed(slow)).publish([NewMessage("news", "slow", "{}")])
        (second,) = log.publish([NewMessage("news", "fast", "{}")])
        assert first < second
        cursor, read = log.after(cursor)
        assert [message.event for message in read] == ["fast"]
        naive = sql(NAIVE, 0)[-1][0]
        slow.commit()
    assert events(log.after(cursor)) == ["slow"]
    assert sql(NAIVE, naive) == []  # the control: lost for ever


def test_a_savepoint_belongs_to_its_transaction(dsn: str, log: Messages) -> None:
    cursor = log.position()[1]
    with psycopg.connect(dsn) as writer:
        with writer.transaction():
            Messages(Borrowed(writer)).publish([NewMessage("news", "one", "{}")])
            cursor, _ = log.after(cursor)
            with writer.transaction() as inner:
                Messages(Borrowed(writer)).publish([NewMessage("news", "never", "{}")])
                raise psycopg.Rollback(inner)
        with writer.transaction():
            Messages(Borrowed(writer)).publish([NewMessage("news", "two", "{}")])
    assert events(log.after(cursor)) == ["one", "two"]


def test_everybody_is_hinted_once_for_a_transaction_and_only_if_it_commits(dsn: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as ear, psycopg.connect(dsn) as writer:
        ear.execute(f"listen {CHANNEL}".encode())
        log = Messages(Borrowed(writer))
        log.publish([NewMessage("news", "a", "{}")])
        writer.rollback()
        log.publish([NewMessage("news", "b", "{}")] * 100)
        log.publish([NewMessage("news", "c", "{}")])
        writer.commit()
        ear.execute("select 1")
        assert [notice.payload for notice in ear.notifies(timeout=0)] == [""]


def test_who_comes_back_gets_his_channels_up_to_where_the_hub_has_read(log: Messages) -> None:
    start = log.position()[1]
    log.publish([NewMessage("a", "1", "{}"), NewMessage("b", "2", "{}"), NewMessage("c", "3", "{}")])
    upto = log.after(start)[0]
    log.publish([NewMessage("a", "4", "{}")])
    assert [message.event for message in log.replay(["a", "c"], [], start, upto, 10, 1000) or ()] == ["1", "3"]
    assert log.replay(["a", "b", "c"], [], start, upto, 2, 1000) is None
    assert log.replay(["a"], [], upto, upto, 10, 1000) == []


def test_a_cursor_of_the_future_or_of_another_database_is_not_honoured(log: Messages, empty_dsn: str) -> None:
    epoch, cursor = log.position()
    assert log.honours(cursor)
    beyond = int(cursor.split(":")[1]) + 10**6
    assert not log.honours(f"{beyond}:{beyond}:")
    with connect(empty_dsn, "tests", 5) as other:
        migrate(other, lambda _: None)
        assert Messages(Borrowed(other)).position()[0] != epoch


class Run:
    """Writers that commit out of order against readers that poll all the while."""

    WRITERS, EVENTS = 8, 20_000

    def __init__(self, dsn: str) -> None:
        self.dsn = dsn
        self.left = iter(range(self.EVENTS))
        self.lock = threading.Lock()
        self.committed: list[int] = []
        self.failed: list[BaseException] = []

    def take(self, number: int) -> list[int]:
        with self.lock:
            return list(islice(self.left, number))

    def write(self, seed: int) -> None:
        dice = random.Random(seed)
        try:
            with psycopg.connect(self.dsn) as connection:
                while numbers := self.take(dice.choice([1, 1, 5, 20, 40])):
                    self.transaction(connection, numbers, dice)
        except BaseException as error:
            self.failed.append(error)

    def transaction(self, connection: psycopg.Connection[Any], numbers: list[int], dice: random.Random) -> None:
        log = Messages(Borrowed(connection))
        with connection.transaction():
            for part in (numbers[: len(numbers) // 2], numbers[len(numbers) // 2 :]):
                if part:
                    log.publish([NewMessage(f"c{n % 3}", "e", str(n)) for n in part])
                if dice.random() < 0.3:
                    connection.execute("select pg_sleep(%s)", [dice.random() * 0.01])
                if dice.random() < 0.1:  # taken back: numbers that never come
                    with connection.transaction() as inner:
                        log.publish([NewMessage("c0", "e", "-1")])
                        raise psycopg.Rollback(inner)

    def threads(self) -> list[threading.Thread]:
        threads = [threading.Thread(target=self.write, args=(seed,)) for seed in range(self.WRITERS)]
        for thread in threads:
            thread.start()
        return threads


@pytest.fixture
def reader(dsn: str) -> Iterator[Dedicated]:
    session = Dedicated(lambda: connect(dsn, "reader", 5))
    yield session
    session.close()


@pytest.mark.system
def test_of_twenty_thousand_events_committed_out_of_order_none_is_lost_and_none_comes_twice(
    dsn: str, reader: Dedicated, sql: Sql
) -> None:
    log, run = Messages(reader), Run(dsn)
    got: Counter[int] = Counter()  # by the cursor
    back: Counter[int] = Counter()  # by one who is away now and then, of two channels
    naive: Counter[int] = Counter()  # by the number of the last one: the control
    cursor = away = log.position()[1]
    last = polls = 0

    def poll() -> None:
        nonlocal cursor, last, away, polls
        cursor, messages = log.after(cursor)
        assert [m.id for m in messages] == sorted(m.id for m in messages)
        got.update(int(m.data) for m in messages)
        for id_, data in sql(NAIVE, last):
            last = id_
            naive[int(data)] += 1
        polls += 1
        if polls % 10 == 0:
            back.update(int(message.data) for message in log.replay(["c0", "c1"], [], away, cursor, 10**6, 10**9) or ())
            away = cursor

    with psycopg.connect(dsn) as pin:  # a transaction as old as the run, which pins the snapshots' xmin
        Messages(Borrowed(pin)).publish([NewMessage("c0", "e", str(run.EVENTS))])
        threads = run.threads()
        while any(thread.is_alive() for thread in threads):
            poll()
        pin.commit()
    for _ in range(10):
        poll()

    expected = Counter(range(run.EVENTS + 1))
    assert run.failed == []
    assert polls > 100
    assert got == expected
    assert back == Counter(n for n in expected if n % 3 != 2 or n == run.EVENTS)
    assert naive != expected, "the control found everything: this run proves nothing"
    assert expected - naive
