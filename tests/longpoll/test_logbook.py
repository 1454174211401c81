"""The book of messages: from where on each waiter is told, once, and who must be helped from the database."""

from __future__ import annotations

import pytest

from longpoll import history, logbook
from longpoll.cursor import Snapshot
from longpoll.logbook import LogBook
from longpoll.names import Channels
from longpoll.waiter import Waiter
from queueapi.messages import Message


def waiter(*channels: str) -> Waiter:
    return Waiter(Channels((), tuple((name, name) for name in channels)), lambda news: None)


def upto(xid: int) -> Snapshot:
    return Snapshot(xid + 1, xid + 1)


def message(number: int, channel: str = "a") -> Message:
    return Message(number, number, channel, "e", str(number))


def ids(messages: list[Message] | None) -> list[int]:
    assert messages is not None
    return [message.id for message in messages]


@pytest.fixture
def book() -> LogBook:
    return LogBook(upto(10))


def test_who_comes_without_a_cursor_is_told_what_comes_from_now_on(book: LogBook) -> None:
    someone = waiter("a")
    book.add([message(11)], upto(11))
    book.enter(someone, None)
    assert book.missed(someone) == []
    assert book.add([message(12), message(13, "b")], upto(13)) == {someone}
    assert ids(book.missed(someone)) == [12]
    assert book.seen(someone).text == upto(13).text


def test_who_comes_with_a_cursor_is_told_what_came_since(book: LogBook) -> None:
    someone = waiter("a", "b")
    for number in (11, 12, 13):
        book.add([message(number, "ab"[number % 2])], upto(number))
    book.enter(someone, upto(11))
    assert ids(book.missed(someone)) == [12, 13]


def test_two_names_for_one_channel_bring_each_message_once(book: LogBook) -> None:
    someone = Waiter(Channels((), (("a", "a"), ("a", "channel.ticket"))), lambda news: None)
    book.enter(someone, None)
    book.add([message(11)], upto(11))
    assert ids(book.missed(someone)) == [11]
    book.leave(someone)
    assert book.add([message(12)], upto(12)) == set()


def test_who_missed_too_much_is_told_so(book: LogBook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logbook, "MAX_REPLY", 2)
    someone = waiter("a")
    book.enter(someone, None)
    book.add([message(number) for number in (11, 12)], upto(12))
    assert ids(book.missed(someone)) == [11, 12]
    book.add([message(13)], upto(13))
    assert book.missed(someone) is None
    book.start_over(someone)
    assert book.missed(someone) == []
    book.add([message(14)], upto(14))
    assert ids(book.missed(someone)) == [14]


def test_who_is_behind_is_told_nothing_until_the_gap_is_filled_and_then_each_message_once(book: LogBook) -> None:
    someone = waiter("a", "c")
    book.enter(someone, upto(5))
    assert book.behind == [someone]
    book.add([message(11)], upto(11))
    assert book.missed(someone) == []
    assert book.seen(someone).text == upto(5).text
    assert book.catch_up() == []
    assert book.replay([someone], [message(6), message(7, "b"), message(8, "c"), message(11)]) == [someone]
    book.add([message(12)], upto(12))
    assert ids(book.missed(someone)) == [6, 8, 11, 12]
    assert book.seen(someone).text == upto(12).text
    assert book.behind == []


def test_who_is_ahead_is_caught_up_with_and_told_nothing_twice(book: LogBook) -> None:
    someone = waiter("a")
    book.enter(someone, upto(12))
    assert book.behind == [someone]
    book.add([message(11), message(12), message(13)], upto(13))
    assert book.catch_up() == [someone]
    assert ids(book.missed(someone)) == [13]


def test_a_gap_filled_for_who_has_left_is_nothing(book: LogBook) -> None:
    someone = waiter("a")
    book.enter(someone, upto(5))
    book.leave(someone)
    assert book.replay([someone], [message(6)]) == []
    assert book.behind == []


def test_who_waits_for_jobs_only_is_never_behind(book: LogBook) -> None:
    someone = waiter()
    book.enter(someone, upto(1))
    assert book.behind == []
    assert book.seen(someone).text == upto(10).text


def test_who_waits_long_is_told_although_the_history_is_short(book: LogBook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "MAX_MESSAGES", 3)
    someone = waiter("a")
    book.enter(someone, None)
    assert book.missed(someone) == []
    for number in range(11, 100):
        book.add([message(number, "b")], upto(number))
    assert book.add([message(number) for number in range(100, 110)], upto(110)) == {someone}
    assert ids(book.missed(someone)) == list(range(100, 110))


def test_after_another_log_takes_its_place_everybody_starts_over(book: LogBook) -> None:
    behind, there = waiter("a"), waiter("a")
    book.enter(behind, upto(5))
    book.enter(there, None)
    book.add([message(11)], upto(11))
    book.replace(upto(3))
    for someone in (behind, there):
        book.start_over(someone)
        assert book.missed(someone) == []
    assert book.behind == []
    assert book.add([message(4)], upto(4)) == {behind, there}
    assert ids(book.missed(behind)) == ids(book.missed(there)) == [4]


def test_who_left_leaves_nothing_behind(book: LogBook) -> None:
    crowd = [waiter("a", f"own{number}") for number in range(50)]
    for number, one in enumerate(crowd):
        book.enter(one, upto(number % 3 + 9))
    for one in crowd:
        book.leave(one)
        book.leave(one)
    assert (book._waiters, book._behind) == ({}, set())
