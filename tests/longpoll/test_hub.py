"""The hub without a database: whoever waits is answered exactly once, with everything, and nothing of it stays."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable

import pytest

from longpoll import deadlines, jobbook, logbook
from longpoll.cursor import Cursor, Snapshot, decode
from longpoll.errors import Unavailable
from longpoll.hub import Hub
from longpoll.jobbook import JobState
from longpoll.names import Channels
from longpoll.waiter import News, Waiter
from queueapi.messages import Message

EPOCH = "epoch___"
RUNNING = JobState("running", '{"state":"running"}', False)
DONE = JobState("done", '{"state":"done"}', True)


def upto(xid: int) -> Snapshot:
    return Snapshot(xid + 1, xid + 1)


def message(number: int, channel: str = "a") -> Message:
    return Message(number, number, channel, "said", str(number))


class Browser:
    """One poll and what came of it."""

    def __init__(self, hub: Hub, *channels: str, jobs: tuple[int, ...] = ()) -> None:
        self.hub = hub
        self.replies: list[News] = []
        self.waiter = Waiter(
            Channels(tuple((id_, f"job{id_}") for id_ in jobs), tuple((name, name) for name in channels)),
            self.replies.append,
        )

    def polls(self, cursor: Cursor | str | None = None, wait: float = 25.0, unreadable: bool = False) -> Browser:
        self.hub.wait(self.waiter, decode(cursor) if isinstance(cursor, str) else cursor, wait, unreadable)
        return self

    @property
    def told(self) -> list[tuple[str, str, str]]:
        (news,) = self.replies
        return [(told.channel, told.event, told.data) for told in news.messages]

    @property
    def reset(self) -> bool:
        (news,) = self.replies
        return news.reset

    @property
    def cursor(self) -> str:
        (news,) = self.replies
        return news.cursor


@pytest.fixture
def wanted() -> list[str]:
    """One item each time the hub asks for a read."""
    return []


@pytest.fixture
def hub(wanted: list[str]) -> Hub:
    return Hub(EPOCH, upto(10), lambda: wanted.append("read"))


def assert_empty(hub: Hub) -> None:
    assert hub.held == 0
    assert (hub._log._waiters, hub._log._behind, hub._deadlines._steps) == ({}, set(), {})
    assert all(not entry.waiters for entry in hub._jobs._entries.values())


# -- jobs


def test_the_first_poll_of_a_job_is_answered_as_soon_as_it_is_read(hub: Hub, wanted: list[str]) -> None:
    browser = Browser(hub, jobs=(1,)).polls()
    assert wanted == ["read"]
    assert hub.changed_jobs() == ([], [1])
    assert browser.replies == []
    hub.jobs_read([1], {1: RUNNING})
    assert browser.told == [("job1", "running", RUNNING.data)]
    assert_empty(hub)


def test_the_next_poll_waits_for_another_state(hub: Hub, wanted: list[str]) -> None:
    first = Browser(hub, jobs=(1,)).polls()
    hub.jobs_read([1], {1: RUNNING})
    second = Browser(hub, jobs=(1,)).polls(first.cursor)
    assert wanted == ["read"], "it is known already"
    hub.jobs_read([1], {1: RUNNING})
    assert second.replies == []
    hub.jobs_read([1], {1: DONE})
    assert second.told == [("job1", "done", DONE.data)]
    assert_empty(hub)


def test_a_job_that_finished_between_register_and_read_is_told_by_the_read(hub: Hub) -> None:
    browser = Browser(hub, jobs=(1,)).polls()
    assert hub.due_jobs([1]) == [1], "told before it was read: it is watched already"
    hub.jobs_read([1], {1: DONE})
    assert browser.told == [("job1", "done", DONE.data)]


def test_a_poll_that_does_not_wait_is_answered_when_all_is_known(hub: Hub) -> None:
    first = Browser(hub, jobs=(1,)).polls()
    hub.jobs_read([1], {1: RUNNING})
    known, unknown = Browser(hub, jobs=(1,)), Browser(hub, jobs=(2,))
    known.polls(first.cursor, wait=0)
    assert known.told == []
    assert known.cursor == first.cursor
    unknown.polls(wait=0)
    assert unknown.replies == []
    hub.jobs_read([2], {})
    assert unknown.told == [("job2", "unknown", '{"id":"2","state":"unknown"}')]


def test_of_several_jobs_what_is_known_goes_out_and_the_rest_follows(hub: Hub) -> None:
    Browser(hub, jobs=(1,)).polls()
    hub.jobs_read([1], {1: RUNNING})
    first = Browser(hub, jobs=(1, 2)).polls()
    assert [channel for channel, _, _ in first.told] == ["job1"]
    second = Browser(hub, jobs=(1, 2)).polls(first.cursor)
    assert second.replies == []
    hub.jobs_read([2], {2: RUNNING})
    assert [channel for channel, _, _ in second.told] == ["job2"]


def test_two_tickets_for_one_job_are_answered_in_one_poll(hub: Hub) -> None:
    replies: list[News] = []
    hub.wait(Waiter(Channels(((1, "one"), (1, "other")), ()), replies.append), None, 25)
    hub.jobs_read([1], {1: DONE})
    assert [told.channel for told in replies[0].messages] == ["one", "other"]
    assert_empty(hub)


# -- messages


def test_a_message_reaches_everybody_who_waits_on_its_channel_and_nobody_else(hub: Hub, wanted: list[str]) -> None:
    crowd = [Browser(hub, "a").polls() for _ in range(3)]
    other = Browser(hub, "b").polls()
    hub.log_read([message(11)], upto(11))
    assert [browser.told for browser in crowd] == [[("a", "said", "11")]] * 3
    assert other.replies == []
    assert wanted == []


def test_what_came_between_two_polls_is_told_at_once_and_once(hub: Hub) -> None:
    first = Browser(hub, "a").polls(wait=0)
    hub.log_read([message(11), message(12, "b")], upto(12))
    second = Browser(hub, "a").polls(first.cursor)
    assert second.told == [("a", "said", "11")]
    third = Browser(hub, "a").polls(second.cursor)
    hub.log_read([message(13)], upto(13))
    assert third.told == [("a", "said", "13")]
    assert_empty(hub)


def test_two_names_for_one_channel_bring_each_message_once_for_each(hub: Hub) -> None:
    replies: list[News] = []
    hub.wait(Waiter(Channels((), (("a", "a"), ("a", "channel.x"))), replies.append), None, 25)
    hub.log_read([message(11)], upto(11))
    assert [(told.channel, told.data) for told in replies[0].messages] == [("a", "11"), ("channel.x", "11")]
    assert_empty(hub)


def test_a_transaction_that_was_under_way_at_the_first_look_is_told_when_it_commits(hub: Hub) -> None:
    first = Browser(hub, "a").polls(wait=0)
    hub.log_read([message(12)], Snapshot(11, 13, {11}))
    second = Browser(hub, "a").polls(first.cursor)
    assert second.told == [("a", "said", "12")]
    third = Browser(hub, "a").polls(second.cursor)
    hub.log_read([message(11)], upto(12))
    assert third.told == [("a", "said", "11")]


def test_a_poll_for_jobs_and_messages_gets_both_in_one_reply(hub: Hub) -> None:
    first = Browser(hub, "a", jobs=(1,)).polls()
    hub.jobs_read([1], {1: RUNNING})
    hub.log_read([message(11)], upto(11))
    hub.jobs_read([1], {1: DONE})
    second = Browser(hub, "a", jobs=(1,)).polls(first.cursor)
    assert second.told == [("job1", "done", DONE.data), ("a", "said", "11")]


# -- cursors that the history does not know


def test_a_cursor_behind_the_history_is_answered_from_the_database(hub: Hub, wanted: list[str]) -> None:
    browser = Browser(hub, "a").polls(Cursor(EPOCH, upto(5), {}))
    assert wanted == ["read"]
    assert hub.behind() == [browser.waiter]
    hub.missed([browser.waiter], [message(6), message(7, "b"), message(8)])
    assert browser.told == [("a", "said", "6"), ("a", "said", "8")]
    assert not browser.reset
    assert browser.cursor == f"{EPOCH}~11.0.~", "it has come as far as the hub"
    assert_empty(hub)


def test_a_cursor_behind_the_history_that_missed_nothing_waits_on(hub: Hub) -> None:
    browser = Browser(hub, "a").polls(Cursor(EPOCH, upto(5), {}))
    hub.missed([browser.waiter], [message(7, "b")])
    assert browser.replies == []
    hub.log_read([message(11)], upto(11))
    assert browser.told == [("a", "said", "11")]


def test_a_cursor_ahead_of_us_came_from_another_process_and_is_caught_up_with(hub: Hub, wanted: list[str]) -> None:
    browser = Browser(hub, "a").polls(Cursor(EPOCH, upto(12), {}))
    assert wanted == ["read"]
    hub.log_read([message(11), message(12)], upto(12))
    assert hub.behind() == []
    assert browser.replies == [], "the other process has told it these"
    hub.log_read([message(13)], upto(13))
    assert browser.told == [("a", "said", "13")]


def test_a_cursor_that_cannot_be_honoured_is_answered_with_a_reset_and_the_present_state(hub: Hub) -> None:
    browser = Browser(hub, "a", jobs=(1,)).polls(Cursor(EPOCH, upto(5), {1: "shown"}))
    hub.jobs_read([1], {1: RUNNING})
    assert browser.told == [("job1", "running", RUNNING.data)]
    second = Browser(hub, "a", jobs=(1,)).polls(browser.cursor)
    hub.lost([second.waiter])
    assert second.reset
    assert second.told == [("job1", "running", RUNNING.data)]
    assert_empty(hub)


@pytest.mark.parametrize("cursor", [Cursor("another_", upto(10), {1: "shown"}), None], ids=["other epoch", "garbage"])
def test_a_cursor_that_is_none_of_ours_is_answered_with_a_reset_at_once(hub: Hub, cursor: Cursor | None) -> None:
    browser = Browser(hub, "a", jobs=(1,)).polls(cursor, unreadable=cursor is None)
    assert browser.replies == [], "not before the present state is known"
    hub.jobs_read([1], {1: RUNNING})
    assert browser.reset
    assert browser.told == [("job1", "running", RUNNING.data)]
    assert not Browser(hub, "a", jobs=(1,)).polls(browser.cursor, wait=0).reset


def test_messages_that_come_while_a_reset_waits_for_its_jobs_are_in_it(hub: Hub) -> None:
    browser = Browser(hub, "a", jobs=(1,)).polls(None, unreadable=True)
    hub.log_read([message(11)], upto(11))
    assert browser.replies == []
    hub.jobs_read([1], {1: RUNNING})
    assert browser.told == [("job1", "running", RUNNING.data), ("a", "said", "11")]


def test_messages_that_came_are_told_even_if_the_time_is_over_before_the_jobs_are_read(hub: Hub) -> None:
    browser = Browser(hub, "a", jobs=(1,)).polls(None, unreadable=True)
    hub.log_read([message(11)], upto(11))
    hub.close()
    assert browser.reset
    assert browser.told == [("a", "said", "11")]


def test_who_missed_more_than_a_reply_holds_is_reset(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logbook, "MAX_REPLY", 2)
    first = Browser(hub, "a").polls(wait=0)
    hub.log_read([message(number) for number in (11, 12, 13)], upto(13))
    second = Browser(hub, "a").polls(first.cursor)
    assert (second.reset, second.told) == (True, [])
    third = Browser(hub, "a").polls(second.cursor)
    hub.log_read([message(14)], upto(14))
    assert (third.reset, third.told) == (False, [("a", "said", "14")])
    assert_empty(hub)


def test_another_database_resets_everybody(hub: Hub) -> None:
    log, job = Browser(hub, "a").polls(), Browser(hub, jobs=(1,)).polls()
    behind = Browser(hub, "a").polls(Cursor(EPOCH, upto(5), {}))
    hub.replaced("another_", upto(3))
    assert (log.reset, log.told) == (True, [])
    assert (behind.reset, behind.told) == (True, [])
    assert log.cursor.startswith("another_~4.0.~")
    assert job.replies == []
    assert hub.changed_jobs() == ([], [1]), "it is read anew"
    hub.jobs_read([1], {1: RUNNING})
    assert (job.reset, job.told) == (True, [("job1", "running", RUNNING.data)])
    assert_empty(hub)
    assert Browser(hub, "a").polls(Cursor(EPOCH, upto(10), {})).reset
    assert not Browser(hub, "a").polls(log.cursor, wait=0).reset


# -- the end of waiting


def test_all_who_have_seen_the_same_and_ask_for_the_same_are_told_one_reply(hub: Hub) -> None:
    cursor = f"{EPOCH}~11.0.~"
    hub.log_read([message(11)], upto(11))
    alike = [Browser(hub, "b").polls(cursor) for _ in range(3)]
    ahead = Browser(hub, "b").polls(f"{EPOCH}~12.0.~")
    also = Browser(hub, "b", "c").polls(cursor)
    with_a_job = Browser(hub, "b", jobs=(1,)).polls(cursor)
    hub.jobs_read([1], {1: RUNNING})
    hub.log_read([message(12, "b"), message(13, "c")], upto(13))
    assert len({id(browser.replies[0]) for browser in alike}) == 1
    assert alike[0].told == ahead.told == [("b", "said", "12")]
    assert also.told == [("b", "said", "12"), ("c", "said", "13")]
    assert with_a_job.told[0] == ("job1", "running", RUNNING.data)
    assert with_a_job.cursor != alike[0].cursor


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Moves the time on."""
    now = [1000.0]
    for module in (deadlines, jobbook):
        monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    return lambda seconds: now.__setitem__(0, now[0] + seconds)


def test_a_poll_ends_after_25_seconds_give_or_take_a_tenth(hub: Hub, clock: Callable[[float], None]) -> None:
    crowd = [Browser(hub, "a").polls() for _ in range(300)]
    ended: list[float] = []
    for step in range(1, 120):
        clock(0.25)
        hub.expire()
        answered = sum(bool(browser.replies) for browser in crowd)
        ended += [step * 0.25] * (answered - len(ended))
    assert len(ended) == 300
    assert ended[0] >= 22.5
    assert ended[-1] + 0.25 <= 27.5, "the clock may strike up to a step later than here"
    assert_empty(hub)


def test_an_empty_reply_carries_the_cursor_on(hub: Hub, clock: Callable[[float], None]) -> None:
    browser = Browser(hub, "a").polls()
    hub.log_read([message(11, "b")], upto(11))
    clock(30)
    hub.expire()
    assert (browser.told, browser.reset) == ([], False)
    again = Browser(hub, "a").polls(browser.cursor)
    assert hub.behind() == []
    assert again.replies == []


def test_who_is_behind_when_the_time_is_over_keeps_its_cursor(hub: Hub, clock: Callable[[float], None]) -> None:
    browser = Browser(hub, "a").polls(Cursor(EPOCH, upto(5), {}))
    clock(30)
    hub.expire()
    assert browser.told == []
    assert browser.cursor == f"{EPOCH}~6.0.~"


def test_a_browser_that_left_is_forgotten(hub: Hub) -> None:
    browser = Browser(hub, "a", jobs=(1,)).polls(Cursor(EPOCH, upto(5), {}))
    hub.forget(browser.waiter)
    hub.forget(browser.waiter)
    hub.jobs_read([1], {1: DONE})
    hub.log_read([message(11)], upto(11))
    hub.missed([browser.waiter], [message(6)])
    hub.close()
    assert browser.replies == []
    assert_empty(hub)


def test_closing_answers_everybody_and_whoever_comes_after(hub: Hub) -> None:
    crowd = [Browser(hub, "a").polls(), Browser(hub, jobs=(1,)).polls(), Browser(hub, "a").polls(None, 25, True)]
    hub.close()
    assert [len(browser.replies) for browser in crowd] == [1, 1, 1]
    late = Browser(hub, "a", jobs=(2,)).polls()
    assert late.told == []
    hub.close()
    assert_empty(hub)


# -- the database is away


def test_who_waits_for_the_database_gets_its_cursor_back_and_others_wait_on(hub: Hub) -> None:
    first = Browser(hub, jobs=(1,)).polls()
    hub.jobs_read([1], {1: RUNNING})
    known, message_ = Browser(hub, jobs=(1,)).polls(first.cursor), Browser(hub, "a").polls()
    unknown, behind = Browser(hub, jobs=(2,)).polls(), Browser(hub, "a").polls(Cursor(EPOCH, upto(5), {}))
    hub.away(True)
    assert hub.is_away
    assert (unknown.told, behind.told, behind.cursor) == ([], [], f"{EPOCH}~6.0.~")
    assert known.replies == message_.replies == []
    hub.away(False)
    hub.jobs_read([1], {1: DONE})
    assert known.told == [("job1", "done", DONE.data)]


def test_while_the_database_is_away_what_must_be_read_is_refused_and_nothing_of_it_is_kept(hub: Hub) -> None:
    hub.away(True)
    for id_ in range(100):
        with pytest.raises(Unavailable):
            Browser(hub, "a", jobs=(id_,)).polls()
        with pytest.raises(Unavailable):
            Browser(hub, "a").polls(Cursor(EPOCH, upto(5), {}))
    assert hub.watched == 0
    assert hub.changed_jobs() == ([], [])
    assert_empty(hub)
    assert Browser(hub, "a").polls().replies == [], "a channel needs no read"


# -- many at once


def test_an_answer_that_fails_keeps_nobody_from_theirs(hub: Hub, caplog: pytest.LogCaptureFixture) -> None:
    def fail(news: News) -> None:
        raise RuntimeError("as the test ordered")

    before, after = Browser(hub, "a").polls(), Browser(hub, "a")
    hub.wait(Waiter(Channels((), (("a", "a"),)), fail), None, 25)
    after.polls()
    hub.log_read([message(11)], upto(11))
    assert before.told == after.told == [("a", "said", "11")]
    assert "could not be given" in caplog.text
    assert_empty(hub)


def test_a_callback_may_poll_again_from_inside_its_answer(hub: Hub) -> None:
    again = Browser(hub, "a")
    waiter = Waiter(Channels((), (("a", "a"),)), lambda news: again.polls(news.cursor))
    hub.wait(waiter, None, 25)
    hub.log_read([message(11)], upto(11))
    hub.log_read([message(12)], upto(12))
    assert again.told == [("a", "said", "12")]


def test_threads_that_register_answer_and_forget_at_once_lose_double_and_leak_nothing(hub: Hub) -> None:
    """Eight readers go round by their cursors, while one thread plays the database and another the clock."""
    published, rounds, readers = 200, 30, 8
    stop = threading.Event()
    failures: list[BaseException] = []

    def guarded(work: Callable[[], None]) -> Callable[[], None]:
        def run() -> None:
            try:
                work()
            except BaseException as error:
                failures.append(error)

        return run

    def database() -> None:
        for number in range(11, 11 + published):
            hub.log_read([message(number, "ab"[number % 2])], upto(number))
            _, new = hub.changed_jobs()
            hub.jobs_read([*new, *hub.due_jobs(range(5))], dict.fromkeys(range(number % 5), RUNNING))
            hub.behind()
        while not stop.wait(0.001):
            hub.jobs_read(hub.changed_jobs()[1], {})

    def clock() -> None:
        while not stop.wait(0.002):
            hub.expire()
            assert hub.held >= 0

    heard: dict[int, list[str]] = {number: [] for number in range(readers)}
    answers: Counter[int] = Counter()

    def reader(number: int) -> None:
        numbers = random.Random(number)
        cursor: str | None = f"{EPOCH}~11.0.~"
        rounds_left = rounds
        while rounds_left or len(heard[number]) < published // 2:
            rounds_left = max(0, rounds_left - 1)
            answered = threading.Event()
            replies: list[News] = []

            def answer(news: News, replies: list[News] = replies, answered: threading.Event = answered) -> None:
                replies.append(news)
                answered.set()

            jobs = tuple((id_, f"job{id_}") for id_ in numbers.sample(range(5), numbers.randrange(3)))
            waiter = Waiter(Channels(jobs, (("ab"[number % 2],) * 2,)), answer)
            hub.wait(waiter, decode(cursor) if cursor else None, numbers.choice([0, 0.01, 0.1]))
            if numbers.random() < 0.2:
                hub.forget(waiter)
                if not answered.is_set():
                    continue  # the browser asks again with the cursor that it had
            assert answered.wait(20), "a waiter was never answered"
            answers[len(replies)] += 1
            assert not replies[0].reset
            cursor = replies[0].cursor
            heard[number] += [told.data for told in replies[0].messages if told.event == "said"]

    threads = [threading.Thread(target=guarded(database)), threading.Thread(target=guarded(clock))]
    threads += [threading.Thread(target=guarded(lambda n=n: reader(n))) for n in range(readers)]  # type: ignore[misc]
    for thread in threads:
        thread.start()
    for thread in threads[2:]:
        thread.join(60)
    stop.set()
    for thread in threads[:2]:
        thread.join(10)
    assert failures == []
    for number, said in heard.items():
        expected = [str(n) for n in range(11, 11 + published) if n % 2 == number % 2]
        assert said == expected, "lost, doubled or out of order"
    assert list(answers) == [1]
    assert_empty(hub)
