"""The promise of the cursor, end to end: no message is lost and none is doubled, whatever commits when.

Eight writers publish in transactions that are quick, slow, held open, and rolled back, so that numbers become visible
out of order. Six browsers hop between two processes' worth of feeds at every poll, drop replies on the way, and are
away at times. Beside them a reader goes by "everything after the last number", as one would at first: it loses some,
which shows that the test is able to find what it looks for.
"""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable

import psycopg
import pytest

from longpoll import history, logbook, reading
from longpoll.listener import Feed
from queueapi.messages import NewMessage
from queueapi.postgres.connection import Connection
from queueapi.postgres.messages import Messages
from queueapi.postgres.sessions import Borrowed
from tests.longpoll.conftest import Browser

MESSAGES = 20_000
WRITERS = 8
CHANNELS = [f"c{number}" for number in range(4)]

Open = Callable[[], Connection]


class Writer:
    """Publishes its share, and knows what of it was committed."""

    def __init__(self, open_: Open, number: int) -> None:
        self._open = open_
        self._numbers = random.Random(number)
        self.committed: list[tuple[str, int]] = []

    def run(self) -> None:
        with self._open() as connection:
            while len(self.committed) < MESSAGES / WRITERS:
                self._transaction(connection)

    def _transaction(self, connection: Connection) -> None:
        numbers = self._numbers
        channels = [numbers.choice(CHANNELS) for _ in range(numbers.choice([1, 1, 5, 40]))]
        rolled_back = numbers.random() < 0.1
        with connection.transaction(force_rollback=rolled_back):
            messages = Messages(Borrowed(connection))
            said = [NewMessage(channel, "said", "null") for channel in channels]
            ids = messages.publish(said)
            time.sleep(numbers.choice([0, 0, 0, 0.002, 0.02, 0.1]))
            ids += messages.publish(said)
        if not rolled_back:
            self.committed += zip(channels * 2, ids, strict=True)


class Reader:
    """Polls at a random process each time, and counts what it hears on its channels."""

    def __init__(self, feeds: list[Feed], number: int) -> None:
        self._feeds = feeds
        self._numbers = random.Random(1000 + number)
        self.channels = self._numbers.sample(CHANNELS, 1 + number % len(CHANNELS))
        self._browser = Browser(feeds[0], *self.channels)
        self._browser.poll(wait=0)
        self.heard: Counter[tuple[str, int]] = Counter()
        self.resets = 0

    def run(self, writing: Callable[[], bool]) -> None:
        quiet = 0
        while quiet < 4:
            quiet = 0 if self._poll() or writing() else quiet + 1

    def _poll(self) -> bool:
        numbers, browser = self._numbers, self._browser
        browser.feed = numbers.choice(self._feeds)
        before = browser.cursor
        news = browser.poll(numbers.choice([0, 0.1, 1.2]))
        if numbers.random() < 0.1:  # the reply is lost on its way: the browser asks again as before
            browser.cursor = before
            return True
        self.resets += news.reset
        self.heard.update((told.channel, int(told.id)) for told in news.messages)
        if numbers.random() < 0.05:
            time.sleep(numbers.choice([0.05, 0.5]))
        return bool(news.messages)


def naive(open_: Open, writing: Callable[[], bool], heard: set[int]) -> None:
    with open_() as connection:
        more = True
        while more or writing():
            last = max(heard, default=0)
            rows = connection.execute("select id from queueapi.messages where id > %s order by id", [last]).fetchall()
            heard.update(id_ for (id_,) in rows)
            more = bool(rows)


@pytest.mark.system
def test_nothing_is_lost_and_nothing_doubled(
    new_feed: Callable[..., Feed], open_: Open, dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "MAX_MESSAGES", 1_000)  # so that some must be helped from the database
    for module in (logbook, reading):  # whom a busy machine keeps waiting shall hear it all, however late
        monkeypatch.setattr(module, "MAX_REPLY", 10 * MESSAGES)
    feeds = [new_feed(), new_feed()]
    writers = [Writer(open_, number) for number in range(WRITERS)]
    readers = [Reader(feeds, number) for number in range(6)]
    by_number: set[int] = set()
    writing = [threading.Thread(target=writer.run) for writer in writers]

    def still_writing() -> bool:
        return any(thread.is_alive() for thread in writing)

    polling = [threading.Thread(target=reader.run, args=[still_writing]) for reader in readers]
    polling.append(threading.Thread(target=naive, args=[open_, still_writing, by_number]))
    for thread in (*writing, *polling):
        thread.start()
    for thread in (*writing, *polling):
        thread.join(100)
        assert not thread.is_alive()

    committed = [message for writer in writers for message in writer.committed]
    assert len(committed) == len(set(committed)) >= MESSAGES
    with psycopg.connect(dsn) as connection:
        rows = connection.execute("select channel, id from queueapi.messages").fetchall()
    assert sorted(rows) == sorted(committed)
    for reader in readers:
        expected = Counter(message for message in committed if message[0] in reader.channels)
        assert reader.resets == 0
        assert expected - reader.heard == Counter(), "lost"
        assert reader.heard - expected == Counter(), "doubled"
    assert by_number < {id_ for _, id_ in committed}, "the numbers became visible in order: this run shows nothing"
    assert all(feed.hub.held == 0 for feed in feeds)
