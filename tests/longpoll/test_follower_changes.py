"""One who follows the hub while channels change and messages come, in any threads: in order, none lost or twice."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable

import pytest

from longpoll.cursor import Snapshot, decode
from longpoll.errors import Refused, Unavailable
from longpoll.follower import Follower
from longpoll.hub import Hub
from longpoll.jobbook import JobState
from longpoll.names import Channels
from longpoll.waiter import News
from queueapi.messages import Message
from tests.longpoll.conftest import until


def on(*names: str) -> Channels:
    return Channels((), tuple((name, name) for name in names))


class Log:
    """A hub and its reader: each message is a transaction."""

    def __init__(self) -> None:
        self.xid = 10
        self.hub = Hub("abcdefgh", Snapshot(10, 10), lambda: None)

    def publish(self, *channels: str) -> int:
        """The last one's number."""
        first, self.xid = self.xid, self.xid + len(channels)
        rows = [Message(first + n, first + n, channel, "said", "1") for n, channel in enumerate(channels)]
        self.hub.log_read(rows, Snapshot(self.xid, self.xid))
        return self.xid - 1


class Ear:
    """A follower, and what it was told."""

    def __init__(self, log: Log, then: Callable[[News], object] = lambda news: None) -> None:
        self.news: list[News] = []
        self.refused: list[Refused] = []
        self.inside = 0
        self._then = then
        self.follower = Follower(log.hub, self._tell, self.refused.append)

    def _tell(self, news: News) -> None:
        self.inside += 1
        assert self.inside == 1, "told two things at once"
        self.news.append(news)
        self._then(news)
        self.inside -= 1

    @property
    def ids(self) -> list[int]:
        return [int(told.id) for news in self.news for told in news.messages]


@pytest.fixture
def log() -> Log:
    return Log()


def test_news_come_in_order_and_the_cursor_with_them(log: Log) -> None:
    ear = Ear(log)
    ear.follower.follow(on("a", "b"))
    log.publish("a", "c", "b")
    last = log.publish("b")
    assert ear.ids == [10, 12, 13]
    assert ear.follower.cursor == ear.news[-1].cursor
    cursor = decode(ear.follower.cursor or "")
    assert cursor is not None
    assert cursor.snapshot.sees(last)


def test_a_cursor_is_gone_on_from(log: Log) -> None:
    ear = Ear(log)
    ear.follower.follow(on("a"))
    cursor = ear.follower.stop()
    log.publish("a", "b", "a")
    again = Ear(log)
    again.follower.follow(on("a"), cursor)
    assert again.ids == [10, 12]
    assert not again.news[0].reset


def test_what_is_no_cursor_is_answered_with_a_reset(log: Log) -> None:
    ear = Ear(log)
    ear.follower.follow(on("a"), "nonsense")
    assert [news.reset for news in ear.news] == [True]
    log.publish("a")
    assert [news.reset for news in ear.news] == [True, False]


def test_other_channels_are_followed_from_where_the_first_ones_stood(log: Log) -> None:
    ear = Ear(log)
    ear.follower.follow(on("a"))
    log.publish("b")
    ear.follower.change(on("b"))
    log.publish("a", "b")
    assert ear.ids == [12], "of b what comes from the change on, of a nothing more"


def test_a_reset_that_was_not_told_yet_is_not_forgotten_when_channels_change(log: Log) -> None:
    ear = Ear(log)
    jobs = Channels(((7, "job7"),), ())  # of which nothing is known, so the answer waits
    ear.follower.follow(jobs, "nonsense")
    assert ear.news == []
    ear.follower.change(Channels(((7, "job7"), (8, "job8")), ()))
    log.hub.jobs_read([7, 8], {7: JobState("queued", "{}", False), 8: JobState("queued", "{}", False)})
    assert [(news.reset, len(news.messages)) for news in ear.news] == [(True, 2)]


def test_channels_may_be_changed_while_being_told(log: Log) -> None:
    ear = Ear(log, lambda news: ear.follower.change(on("a", "b")) if len(ear.news) == 2 else None)
    ear.follower.follow(on("a"))
    log.publish("a")
    log.publish("b")
    assert ear.ids == [10, 11]


def test_who_was_stopped_is_told_nothing_and_the_hub_forgets_it(log: Log) -> None:
    ear = Ear(log)
    ear.follower.follow(on("a"))
    cursor = ear.follower.stop()
    assert cursor == ear.news[-1].cursor
    assert log.hub.held == 0
    log.publish("a")
    ear.follower.change(on("b"))
    log.publish("b")
    assert len(ear.news) == 1
    assert ear.follower.stop() == cursor


def test_it_may_be_stopped_while_it_is_told(log: Log) -> None:
    ear = Ear(log, lambda news: ear.follower.stop() if news.messages else None)
    ear.follower.follow(on("a"))
    log.publish("a")
    log.publish("a")
    assert ear.ids == [10]
    assert log.hub.held == 0


def test_one_that_is_stopped_while_it_enters_is_not_left_in_the_hub(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    ear = Ear(log)
    wait = log.hub.wait

    def slowly(*asked: object, **how: object) -> None:
        ear.follower.stop()  # by another thread, just before it is entered
        wait(*asked, **how)  # type: ignore[arg-type]

    ear.follower.follow(on("a"))
    monkeypatch.setattr(log.hub, "wait", slowly)
    log.publish("a")
    assert ear.ids == [10]
    assert log.hub.held == 0


def test_when_the_database_must_be_asked_and_is_away_it_ends_and_says_why(log: Log) -> None:
    ear = Ear(log)
    log.hub.away(True)
    ear.follower.follow(Channels(((7, "job7"),), ()), None)
    assert [type(refused) for refused in ear.refused] == [Unavailable]
    assert log.hub.held == 0


@pytest.mark.system
@pytest.mark.parametrize("seed", range(5))
def test_changes_and_messages_from_many_threads_lose_and_double_nothing(log: Log, seed: int) -> None:
    dice = random.Random(seed)
    sets = [on("a"), on("a", "b"), on("a", "b", "c"), on("c", "a")]
    ear = Ear(log)
    ear.follower.follow(on("a"))
    published: list[int] = []
    stop = threading.Event()

    def publish() -> None:
        while not stop.is_set():
            published.append(log.publish("b", "c", "a"))
            time.sleep(0.0001)

    def change(mine: random.Random) -> None:
        while not stop.is_set():
            ear.follower.change(mine.choice(sets))
            time.sleep(0.0001 * mine.random())

    threads = [threading.Thread(target=publish)]
    threads += [threading.Thread(target=change, args=(random.Random(dice.random()),)) for _ in range(3)]
    for thread in threads:
        thread.start()
    until(lambda: len(published) > 300)
    stop.set()
    for thread in threads:
        thread.join()
    ear.follower.change(on("a"))
    last = log.publish("a")
    until(lambda: ear.ids[-1:] == [last])
    on_a = [int(told.id) for news in ear.news for told in news.messages if told.channel == "a"]
    assert on_a == [*published, last]
    assert ear.ids == sorted(set(ear.ids))
    assert not any(news.reset for news in ear.news)
    ear.follower.stop()
    assert log.hub.held == 0
