"""Patterns, from the book of messages by way of the hub to the database: what one asked for, each message once."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from longpoll import reading
from longpoll.cursor import Snapshot
from longpoll.history import History
from longpoll.hub import Hub
from longpoll.listener import Feed
from longpoll.logbook import LogBook
from longpoll.names import Channels, checked_pattern
from longpoll.waiter import News, Waiter
from queueapi.messages import Message, NewMessage
from queueapi.postgres.messages import Messages
from tests.longpoll.conftest import Browser, until


def asking(*names: str) -> Channels:
    return Channels((), tuple((checked_pattern(name), name) for name in names))


def message(number: int, channel: str) -> Message:
    return Message(number, number, channel, "e", str(number))


def upto(xid: int) -> Snapshot:
    return Snapshot(xid + 1, xid + 1)


# -- the book


@pytest.fixture
def book() -> LogBook:
    return LogBook(upto(10))


def test_a_pattern_and_a_channel_that_it_matches_bring_a_message_once(book: LogBook) -> None:
    someone = Waiter(asking("/a/b", "/a/*", "/**"), lambda news: None)
    book.enter(someone, None)
    came = [message(11, "a.b"), message(12, "a.b.c"), message(13, "x"), message(14, "private-a.b")]
    assert book.add(came, upto(14)) == {someone}
    found = book.missed(someone)
    assert found is not None
    assert [one.id for one in found] == [11, 12, 13]
    book.leave(someone)
    assert book.add([message(15, "a.b")], upto(15)) == set()


def test_what_was_replayed_for_many_is_given_to_each_by_its_own_patterns(book: LogBook) -> None:
    near, far = Waiter(asking("/a/*"), lambda news: None), Waiter(asking("/a/**"), lambda news: None)
    for one in (near, far):
        book.enter(one, upto(5))
    book.replay([near, far], [message(6, "a.b"), message(7, "a.b.c"), message(8, "b")])
    assert [[one.id for one in book.missed(who) or ()] for who in (near, far)] == [[6], [6, 7]]


def test_forgotten_messages_leave_no_pattern_behind() -> None:
    history = History(upto(10))
    names = [f"a{n}.b{n}.c" for n in range(50)]
    for number, name in enumerate(names):
        history.add([message(11 + number, name)], upto(11 + number))
    assert len(history.since("**", upto(10))) == 50
    while len(history._batches) > 1:
        history._forget_oldest()
    assert set(history._channels) == {"a49.b49.c", "a49.b49.*", "a49.b49.**", "a49.**", "**"}


# -- the hub


def test_a_message_is_told_under_each_text_that_asked_for_it_and_says_where_it_came_on() -> None:
    hub = Hub("abcdefgh", upto(10), lambda: None)
    told: list[News] = []
    hub.wait(Waiter(asking("/a/*", "/a/b", "a.b"), told.append), None, 0.0)
    hub.wait(Waiter(asking("/a/*", "/a/b", "a.b"), told.append), None, 25.0)
    hub.log_read([message(11, "a.b"), message(12, "a.c")], upto(12))
    assert [(one.channel, one.name, one.id) for one in told[1].messages] == [
        ("/a/b", "a.b", "11"),
        ("a.b", "a.b", "11"),
        ("/a/*", "a.b", "11"),
        ("/a/*", "a.c", "12"),
    ]


# -- the database

LOG = ["a", "a.b", "a.b.c", "ab", "b.a", "private-a.b", "presence-a", "longpoll:user:7", "a_b", "a%b.c"]
BROUGHT = {
    "/**": ["a", "a.b", "a.b.c", "ab", "b.a", "a_b", "a%b.c"],
    "/*": ["a", "ab", "a_b"],
    "/a/*": ["a.b"],
    "/a/**": ["a.b", "a.b.c"],
    "/a_b/**": [],
    "/private-a/**": ["private-a.b"],
    "/c/**": [],
}


@pytest.mark.parametrize("pattern", BROUGHT)
@pytest.mark.parametrize("process", ["the same", "another"])
def test_who_comes_back_gets_the_same_by_pattern_from_memory_and_from_the_database(
    messages: Messages, new_feed: Callable[[], Feed], process: str, pattern: str
) -> None:
    browser = Browser(new_feed())
    browser.channels = asking(pattern)
    browser.poll(wait=0)
    messages.publish([NewMessage(name, "said", "1") for name in LOG])
    if process == "another":
        browser.feed = new_feed()  # which was not there when it was published
    published = Snapshot.parse(messages.position()[1])
    until(lambda: browser.feed.start().position.covers(published))
    told = browser.poll(wait=0).messages
    assert [one.name for one in told] == BROUGHT[pattern]
    assert {one.channel for one in told} <= {pattern}
    assert browser.poll(wait=0).messages == []


def test_channels_and_patterns_are_replayed_together_in_order_and_each_message_once(messages: Messages) -> None:
    start = messages.position()[1]
    messages.publish([NewMessage(name, str(number), "1") for number, name in enumerate(["x", "a.b", "y", "x", "a.c"])])
    end = messages.after(start)[0]
    found = messages.replay(["x", "a.b"], ["a."], start, end, 100, 1000)
    assert [one.event for one in found or ()] == ["0", "1", "3", "4"]
    assert messages.replay(["x"], ["a."], start, end, 3, 1000) is None
    assert messages.replay([], ["a."], start, end, 1, 1000) is None
    assert messages.replay([], [""], start, end, 100, 4) is None
    assert [one.event for one in messages.replay([], [""], start, end, 5, 1000) or ()] == ["0", "1", "2", "3", "4"]


def test_who_missed_too_much_by_a_pattern_is_told_so(
    messages: Messages, new_feed: Callable[[], Feed], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "MAX_REPLY", 3)
    browser = Browser(new_feed())
    browser.channels = asking("/a/**")
    browser.poll(wait=0)
    messages.publish([NewMessage("a.b", "said", "1")] * 4)
    browser.feed = new_feed()
    assert browser.poll(wait=0).reset
