"""The feed on a real database, in plain threads: what is committed reaches whoever waits, once, whatever fails."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from longpoll import history, jobbook, logbook, reading
from longpoll.cursor import Snapshot, encode
from longpoll.hub import Hub
from longpoll.listener import Feed
from queueapi.embedded import EmbeddedPostgres
from queueapi.errors import StoreUnavailable
from queueapi.messages import NewMessage
from queueapi.postgres.connection import Connection, connect
from queueapi.postgres.messages import Messages
from queueapi.postgres.migrate import migrate
from queueapi.postgres.sessions import Borrowed, Dedicated
from queueapi.postgres.store import Store
from tests.longpoll.conftest import Browser, Jobs, Sql, until

Open = Callable[[], Connection]
NewFeed = Callable[..., Feed]


@pytest.fixture
def no_recheck(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only notifications tell of jobs."""
    monkeypatch.setattr(jobbook, "RECHECK", 600.0)
    monkeypatch.setattr(jobbook, "FIRST_RECHECK", 600.0)


@pytest.fixture
def no_poll(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only notifications tell of messages."""
    monkeypatch.setattr(reading, "POLL", 600.0)


def listening(feed: Feed, sql: Sql) -> None:
    """Return when the feed is settled: what is said from now on is heard."""
    feed.start()
    statement = "select count(*) from pg_stat_activity where datname = current_database() and query like 'listen%%'"
    until(lambda: sql(statement) == [(1,)] and not feed._anew.is_set())


def say(messages: Messages, channel: str, *texts: object) -> None:
    messages.publish([NewMessage(channel, "said", json.dumps(text)) for text in texts])


# -- jobs


@pytest.mark.usefixtures("no_recheck")
def test_a_job_is_told_as_it_goes_and_its_end_as_it_comes(feed: Feed, jobs: Jobs, sql: Sql) -> None:
    (id_,) = jobs.push()
    listening(feed, sql)
    browser = Browser(feed, jobs=(id_,))
    assert browser.events() == ["queued"]
    jobs.claim()
    reply = browser.start()
    jobs.report(id_, 3, 10)
    (told,) = reply().messages
    assert (told.channel, told.event) == (f"job{id_}", "progress")
    assert json.loads(told.data)["progress"] == {"done": 3.0, "total": 10.0, "message": None}
    reply = browser.start()
    jobs.finish(id_, result='{"imported": 7}')
    (told,) = reply().messages
    assert (told.event, json.loads(told.data)["result"]) == ("done", {"imported": 7})


def test_what_nobody_notifies_of_is_found_all_the_same(
    feed: Feed, jobs: Jobs, sql: Sql, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobbook, "RECHECK", 0.2)
    (id_,) = jobs.push()
    listening(feed, sql)
    browser = Browser(feed, jobs=(id_,))
    browser.poll()
    reply = browser.start()
    jobs.claim()
    assert [told.event for told in reply().messages] == ["running"]
    reply = browser.start()
    jobs.finish(id_, tell=False)
    assert [told.event for told in reply().messages] == ["done"]


@pytest.mark.usefixtures("no_recheck")
def test_who_comes_late_gets_the_outcome_at_once(feed: Feed, jobs: Jobs) -> None:
    (id_,) = jobs.push()
    jobs.claim()
    jobs.finish(id_)
    assert Browser(feed, jobs=(id_,)).events(wait=0) == ["done"]
    assert Browser(feed, jobs=(id_,)).events(wait=0) == ["done"], "and so does the next"


def test_a_job_that_is_not_there_is_unknown_until_it_is(
    feed: Feed, jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobbook, "RECHECK", 0.2)
    browser = Browser(feed, jobs=(1,))
    assert browser.events() == ["unknown"]
    reply = browser.start()
    assert jobs.push() == [1]
    assert [told.event for told in reply().messages] == ["queued"]


@pytest.mark.usefixtures("no_recheck")
def test_two_hundred_jobs_of_one_poll_all_arrive(feed: Feed, jobs: Jobs, sql: Sql) -> None:
    ids = jobs.push(200)
    listening(feed, sql)
    browser = Browser(feed, jobs=tuple(ids))
    seen: set[str] = set()
    while len(seen) < 200:
        seen |= {told.channel for told in browser.poll().messages}
    reply = browser.start()
    jobs.claim(200)
    jobs.finish(*ids)
    done = {told.channel for told in reply().messages if told.event == "done"}  # some may be seen running first
    while len(done) < 200:
        done |= {told.channel for told in browser.poll().messages if told.event == "done"}
    assert browser.events(wait=0) == []


def test_a_row_that_cannot_be_read_keeps_no_other_from_being_told(feed: Feed, jobs: Jobs, sql: Sql) -> None:
    ids = jobs.push(4)
    jobs.claim(4)
    jobs.finish(*ids)
    broken = """update queueapi.finished set result = %s, error = %s where id = %s"""
    sql(broken, '"\\ud800"', None, ids[0])
    sql(broken, None, '"no object"', ids[1])
    sql(broken, "[" * 5000 + "]" * 5000, "[1]", ids[2])
    events = {}
    for id_ in ids:
        (told,) = Browser(feed, jobs=(id_,)).poll().messages
        events[id_] = told.event
        assert json.loads(told.data)["id"] == str(id_)
    assert events == dict.fromkeys(ids, "done")


@pytest.mark.usefixtures("no_recheck")
def test_many_large_results_arrive(feed: Feed, jobs: Jobs, sql: Sql) -> None:
    ids = jobs.push(20)
    jobs.claim(20)
    jobs.finish(*ids, result=json.dumps("x" * 999_000))
    crowd = [Browser(feed, jobs=(id_,)).start() for id_ in ids]
    assert all(len(reply().messages[0].data) > 999_000 for reply in crowd)
    until(lambda: feed.hub.watched == 0)


def test_what_nobody_waits_for_any_more_is_not_watched_any_more(
    feed: Feed, jobs: Jobs, sql: Sql, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobbook, "RECHECK", 0.1)
    monkeypatch.setattr(jobbook, "LINGER", 0.1)
    ids = jobs.push(3)
    for id_ in ids:
        Browser(feed, jobs=(id_,)).poll()
    until(lambda: sql("select count(*) from queueapi.watches") == [(0,)])
    assert feed.hub.watched == 0


# -- messages


@pytest.mark.usefixtures("no_poll")
def test_a_message_arrives_when_it_is_committed(feed: Feed, messages: Messages, sql: Sql) -> None:
    listening(feed, sql)
    browser = Browser(feed, "news")
    reply = browser.start()
    say(messages, "other", 0)
    say(messages, "news", 1, 2)
    (one, two) = reply().messages
    assert (one.channel, one.event, one.data, two.data) == ("news", "said", "1", "2")
    assert int(two.id) > int(one.id)
    reply = browser.start()
    say(messages, "news", 3)
    assert [told.data for told in reply().messages] == ["3"]


def test_a_message_without_a_hint_is_found_by_the_safety_poll(feed: Feed, sql: Sql) -> None:
    listening(feed, sql)
    browser = Browser(feed, "news")
    reply = browser.start()
    sql("insert into queueapi.messages (channel, event, data) values ('news', 'said', '1')")
    assert [told.data for told in reply().messages] == ["1"]


@pytest.mark.usefixtures("no_poll")
def test_transactions_that_commit_out_of_order_are_all_told(feed: Feed, open_: Open, sql: Sql) -> None:
    listening(feed, sql)
    browser = Browser(feed, "news")
    browser.poll(wait=0)
    with open_() as slow, open_() as undone:
        with slow.transaction():
            say(Messages(Dedicated(lambda: slow)), "news", "slow")
            with undone.transaction(force_rollback=True):
                say(Messages(Dedicated(lambda: undone)), "news", "undone")
            reply = browser.start()
            sql("insert into queueapi.messages (channel, event, data) values ('news', 'said', '\"quick\"')")
            sql("notify queueapi_messages")
            assert [told.data for told in reply().messages] == ['"quick"']
            reply = browser.start()
        assert [told.data for told in reply().messages] == ['"slow"']


@pytest.mark.usefixtures("no_poll", "no_recheck")
def test_what_was_said_while_the_listening_connection_was_lost_is_looked_for(
    feed: Feed, jobs: Jobs, messages: Messages, sql: Sql
) -> None:
    (id_,) = jobs.push()
    jobs.claim()
    listening(feed, sql)
    news, job = Browser(feed, "news"), Browser(feed, jobs=(id_,))
    job.poll()
    replies = [news.start(), job.start()]
    (killed,) = sql(
        "select pg_terminate_backend(pid) from pg_stat_activity"
        " where datname = current_database() and query like 'listen%%'"
    )
    assert killed == (True,)
    say(messages, "news", 1)
    jobs.finish(id_)
    assert [reply().messages[0].event for reply in replies] == ["said", "done"]


def test_all_connections_lost_at_once_lose_nothing(feed: Feed, jobs: Jobs, messages: Messages, sql: Sql) -> None:
    (id_,) = jobs.push()
    jobs.claim()
    listening(feed, sql)
    browser = Browser(feed, "news", jobs=(id_,))
    browser.poll()
    for number in range(3):
        reply = browser.start()
        sql(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where datname = current_database() and pid <> pg_backend_pid() and pid <> %s",
            messages._run.__self__.connection().info.backend_pid,  # type: ignore[attr-defined]
        )
        say(messages, "news", number)
        heard = [told.data for told in reply().messages if told.event == "said"]
        while not heard:
            heard = [told.data for told in browser.poll().messages if told.event == "said"]
        assert heard == [str(number)]


# -- cursors


def test_a_gap_longer_than_the_history_is_filled_from_the_database(
    feed: Feed, messages: Messages, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "MAX_MESSAGES", 3)
    away = Browser(feed, "news", "more")
    away.poll(wait=0)
    other = Browser(feed, "other")
    for number in range(20):
        reply = other.start()
        say(messages, "news", number)
        say(messages, "other", number)
        reply()
    news = away.poll()
    assert [told.data for told in news.messages] == [str(number) for number in range(20)]
    assert not news.reset
    say(messages, "more", "next")
    assert away.data() == ['"next"']


def test_a_cursor_goes_on_at_another_process_and_after_a_restart(new_feed: NewFeed, messages: Messages) -> None:
    first = new_feed()
    browser = Browser(first, "news")
    browser.poll(wait=0)
    say(messages, "news", 1)
    assert browser.data() == ["1"]
    say(messages, "news", 2)
    first.stop()
    say(messages, "news", 3)
    browser.feed = new_feed()
    assert browser.data() == ["2", "3"]
    assert not browser.poll(wait=0).reset


def test_a_thousand_browsers_come_back_after_a_crash_each_with_its_own_cursor(
    new_feed: NewFeed, messages: Messages, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "REPLAYS", 7)
    first = new_feed()
    crowd = []
    for number in range(40):
        crowd.append(Browser(first, "news"))
        crowd[-1].poll(wait=0)
        reply = Browser(first, "news").start()
        say(messages, "news", number)
        reply()
    second = new_feed()
    for browser in crowd:
        browser.feed = second
    replies = [browser.start() for browser in crowd]
    for number, reply in enumerate(replies):
        assert [told.data for told in reply().messages] == [str(n) for n in range(number, 40)]


def test_who_missed_more_than_a_reply_holds_is_reset_and_others_are_not(
    new_feed: NewFeed, messages: Messages, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "MAX_REPLY", 5)
    monkeypatch.setattr(logbook, "MAX_REPLY", 5)
    first = new_feed()
    much, little = Browser(first, "much"), Browser(first, "little")
    much.poll(wait=0)
    little.cursor = much.cursor
    say(messages, "much", *range(6))
    say(messages, "little", *range(5))
    much.feed = little.feed = new_feed()
    assert (much.poll().reset, little.data()) == (True, ["0", "1", "2", "3", "4"])
    say(messages, "much", "next")
    assert much.data() == ['"next"']


def test_a_cursor_from_before_what_was_dropped_is_reset_with_the_present_state(
    new_feed: NewFeed, jobs: Jobs, messages: Messages, sql: Sql
) -> None:
    (id_,) = jobs.push()
    browser = Browser(new_feed(), "news", jobs=(id_,))
    browser.poll()
    say(messages, "news", 1)
    sql("update queueapi.messages_floor set xid = (select max(xid::text::bigint)::text::xid8 from queueapi.messages)")
    browser.feed = new_feed()
    reply = browser.poll()
    if not reply.reset:  # what is known goes out at once, and the rest follows
        reply = browser.poll()
    assert reply.reset
    assert [told.event for told in reply.messages] == ["queued"]
    assert not browser.poll(wait=0).reset


@pytest.mark.usefixtures("no_poll")
def test_who_comes_from_another_process_while_the_log_is_read_is_told_nothing_twice(
    feed: Feed, messages: Messages, sql: Sql, monkeypatch: pytest.MonkeyPatch
) -> None:
    listening(feed, sql)
    epoch = Browser(feed, "news").poll(wait=0).cursor[:8]

    def told_elsewhere(number: int) -> Browser:
        """One that another process has told a message, which this one has not even heard of."""
        sql("insert into queueapi.messages (channel, event, data) values ('news', 'said', %s)", str(number))
        ((now,),) = sql("select pg_current_snapshot()::text")
        browser = Browser(feed, "news")
        browser.cursor = encode(epoch, Snapshot.parse(now), {})
        return browser

    after = Messages.after
    late: list[Any] = []

    def then_another_comes(self: Messages, cursor: str) -> Any:
        found = after(self, cursor)
        if not late:
            late.append(told_elsewhere(2).start())
        return found

    browser = told_elsewhere(1)
    monkeypatch.setattr(Messages, "after", then_another_comes)
    early = browser.start()
    until(lambda: late and not feed.hub.behind())
    say(messages, "news", 3)
    assert [told.data for told in early().messages] == ["2"]
    assert [told.data for told in late[0]().messages] == ["3"]


@pytest.mark.parametrize(
    "cursor", ["garbage", "AAAAAAAA~5.0.~", "{epoch}~9000000000000000000.0.~", "{epoch}~3.9000000000000000000.~"]
)
def test_a_cursor_that_no_database_of_ours_gave_is_reset(feed: Feed, messages: Messages, cursor: str) -> None:
    browser = Browser(feed, "news")
    epoch = browser.poll(wait=0).cursor[:8]
    browser.cursor = cursor.format(epoch=epoch)
    assert browser.poll().reset
    say(messages, "news", 1)
    assert browser.data() == ["1"]


def test_a_made_up_cursor_is_answered_and_harms_nobody(feed: Feed, messages: Messages) -> None:
    browser = Browser(feed, "news")
    epoch = browser.poll(wait=0).cursor[:8]
    say(messages, "news", 1)
    for cursor in ("3.0.", "3.5.0*1*2*3*4", "3.5.4"):
        browser.cursor = f"{epoch}~{cursor}~"
        assert browser.data() == ["1"], "all that is there is after it"


def test_another_database_in_the_same_place_resets_everybody_who_waits(
    new_feed: NewFeed, dsn: str, empty_dsn: str, jobs: Jobs, sql: Sql
) -> None:
    with connect(empty_dsn, "tests", 5) as connection:
        migrate(connection, lambda _: None)
        (theirs,) = Jobs(Store(Dedicated(lambda: connection))).push()
        now = [dsn]
        feed = new_feed(lambda: connect(now[0], "tests", 5))
        (id_,) = jobs.push()
        listening(feed, sql)
        assert id_ == theirs
        jobs.claim()
        browser, log = Browser(feed, "news", jobs=(id_,)), Browser(feed, "news")
        assert browser.events() == ["running"]
        replies = [browser.start(), log.start()]
        now[0] = empty_dsn
        statement = (
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where datname = current_database() and pid <> pg_backend_pid()"
        )
        sql(statement)
        news = [reply() for reply in replies]
        assert [one.reset for one in news] == [True, True]
        assert [told.event for told in news[0].messages] == ["queued"], "the state there"
        reply = log.start()
        say(Messages(Dedicated(lambda: connection)), "news", "there")
        assert [told.data for told in reply().messages] == ['"there"']
        feed.stop()


# -- failures


def test_a_read_that_fails_in_the_middle_is_made_up_for(
    feed: Feed, jobs: Jobs, sql: Sql, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobbook, "RECHECK", 600.0)
    monkeypatch.setattr(jobbook, "FIRST_RECHECK", 600.0)
    (id_,) = jobs.push()
    jobs.claim()
    listening(feed, sql)
    read = Store.read
    failures: list[object] = []

    def failing(self: Store, ids: Any) -> Any:
        if not failures:
            failures.append(ids)
            raise StoreUnavailable("as the test ordered")
        return read(self, ids)

    monkeypatch.setattr(Store, "read", failing)
    browser = Browser(feed, jobs=(id_,))
    events = browser.events()
    assert (events, failures) == ([], [[id_]]), "it had to be told that nobody knows"
    until(lambda: not feed.hub.is_away)
    assert browser.events() == ["running"]
    reply = browser.start()
    failures.clear()
    jobs.finish(id_)
    assert [told.event for told in reply().messages] == ["done"], "although the read that the hint caused has failed"
    assert failures == [[id_]]


def test_whatever_fails_nobody_is_left_waiting_and_health_says_so(new_feed: NewFeed, jobs: Jobs, sql: Sql) -> None:
    told: list[str] = []
    feed = new_feed(told=lambda name, fields: told.append(name))
    (id_,) = jobs.push()
    listening(feed, sql)
    sql("alter table queueapi.jobs rename to elsewhere")
    browser = Browser(feed, jobs=(id_,))
    assert browser.events() == []
    assert feed.hub.is_away
    sql("alter table queueapi.elsewhere rename to jobs")
    until(lambda: not feed.hub.is_away)
    assert browser.events() == ["queued"]
    assert "loop_failed" in told


@pytest.mark.usefixtures("no_recheck")
def test_a_process_that_was_stopped_for_so_long_that_it_was_forgotten_watches_anew(
    feed: Feed, jobs: Jobs, sql: Sql
) -> None:
    (id_,) = jobs.push()
    jobs.claim()
    listening(feed, sql)
    browser = Browser(feed, jobs=(id_,))
    browser.poll()
    reply = browser.start()
    sql("delete from queueapi.watchers")
    sql("delete from queueapi.watches")  # as prune_leftovers does
    jobs.finish(id_)  # tells nobody: nobody watches
    feed._reader._stayed_at -= reading.STAY + 1  # as if no tick had run for that long
    assert [told.event for told in reply().messages] == ["done"]
    assert sql("select job_id from queueapi.watches") == [(id_,)]
    assert sql("select count(*) from queueapi.watchers where until > now()") == [(1,)]


def test_a_first_poll_while_the_database_is_away_fails_and_the_next_one_does_not(new_feed: NewFeed, dsn: str) -> None:
    now = ["postgresql://nobody@127.0.0.1:1/none"]
    feed = new_feed(lambda: connect(now[0], "tests", 5))
    for _ in range(2):
        with pytest.raises(StoreUnavailable):
            feed.start()
    now[0] = dsn
    assert Browser(feed, "news").poll(wait=0).messages == []


@pytest.fixture
def server(own_server: EmbeddedPostgres) -> EmbeddedPostgres:
    """A PostgreSQL of the test's own, migrated, that it may restart."""
    return own_server


@pytest.mark.system
@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_polls_survive_a_restart_of_postgresql(new_feed: NewFeed, server: EmbeddedPostgres, mode: Any) -> None:
    """``immediate`` is a crash, which empties the unlogged table of who watches what."""
    dsn, told = server.dsn, []
    feed = new_feed(lambda: connect(dsn, "tests", 5), told=lambda name, fields: told.append(name))
    with connect(dsn, "tests", 5) as connection:
        ids = Jobs(Store(Borrowed(connection))).push(20)
        Jobs(Store(Borrowed(connection))).claim(20)
    crowd = [Browser(feed, "news", jobs=(id_,)) for id_ in ids]
    for browser in crowd:
        assert browser.events() == ["running"]
    replies = [browser.start() for browser in crowd]
    server.restart(mode)
    with connect(dsn, "tests", 5) as connection:
        Jobs(Store(Borrowed(connection))).finish(*ids)
        until(lambda: not feed.hub.is_away and not feed._anew.is_set())
        say(Messages(Borrowed(connection)), "news", 1)
    for browser, reply in zip(crowd, replies, strict=True):
        news = reply()
        resets, events = news.reset, [one.event for one in news.messages]
        while sorted(events) != ["done", "said"] and not (resets and events == ["done"]):
            news = browser.poll()
            resets, events = resets or news.reset, events + [one.event for one in news.messages]
        assert mode == "immediate" or not resets
    assert {"store_lost", "store_back"} <= set(told)
    feed.stop()


@pytest.mark.system
def test_after_a_crash_of_postgresql_an_older_cursor_loses_nothing_in_silence(
    new_feed: NewFeed, server: EmbeddedPostgres
) -> None:
    dsn = server.dsn
    first = new_feed(lambda: connect(dsn, "tests", 5))
    browser = Browser(first, "news")
    with connect(dsn, "tests", 5) as connection:
        first.start()
        until(lambda: not first._anew.is_set())
        for _ in range(10):  # a table without a log: a crash forgets that these transactions ever were
            connection.execute("insert into queueapi.watchers values (gen_random_uuid(), now())")
        row = connection.execute("select pg_snapshot_xmax(pg_current_snapshot())::text::int").fetchone()
        connection.execute("notify queueapi_messages")
    until(lambda: row and first.hub.position.xmax >= row[0])
    browser.poll(wait=0)
    first.stop()
    server.restart("immediate")
    with connect(dsn, "tests", 5) as connection:
        for number in range(30):
            say(Messages(Borrowed(connection)), "news", number)
    browser.feed = new_feed(lambda: connect(dsn, "tests", 5))
    news = browser.poll()
    browser.feed.stop()
    assert news.reset or [told.data for told in news.messages] == [str(number) for number in range(30)]


# -- start and stop


def test_many_first_polls_at_once_start_one_feed(feed: Feed, sql: Sql) -> None:
    hubs: list[Hub] = []
    threads = [threading.Thread(target=lambda: hubs.append(feed.start())) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(hubs) == 20
    assert len(set(map(id, hubs))) == 1
    until(lambda: sql("select count(*) from queueapi.watchers") == [(1,)])


def test_stopping_answers_everybody_and_leaves_nothing_behind(feed: Feed, jobs: Jobs, sql: Sql) -> None:
    before = set(threading.enumerate())
    (id_,) = jobs.push()
    browser = Browser(feed, "news", jobs=(id_,))
    browser.poll()
    reply = browser.start()
    feed.stop()
    assert reply().messages == []
    assert browser.poll().messages == [], "nor does anybody wait who comes later"
    assert sql("select count(*) from queueapi.watches") == sql("select count(*) from queueapi.watchers") == [(0,)]
    until(lambda: set(threading.enumerate()) <= before)
    feed.stop()


def test_a_feed_that_never_started_stops_and_has_connected_to_nothing() -> None:
    def never() -> Connection:
        raise AssertionError("nobody asked for anything yet")

    Feed(never, None).stop()  # type: ignore[arg-type]


FORKS = """
import json, os, sys, threading
from longpoll.listener import Feed
from queueapi.events import Events
from queueapi.messages import NewMessage
from queueapi.postgres.connection import connect
from queueapi.postgres.messages import Messages
from queueapi.postgres.sessions import Dedicated
sys.path.insert(0, sys.argv[2])
from tests.longpoll.conftest import Browser

def open_():
    return connect(sys.argv[1], "tests", 5)

def heard(feed, text):
    browser = Browser(feed, "news")
    browser.poll(wait=0)
    session = Dedicated(open_)
    Messages(session).publish([NewMessage("news", "said", json.dumps(text))])
    session.close()
    return json.loads(browser.data()[0])

feed = Feed(open_, Events())
print(heard(feed, "before"), flush=True)
if os.fork() == 0:
    print(heard(feed, "child"), flush=True)
    feed.stop()
    os._exit(0)
print(os.waitstatus_to_exitcode(os.wait()[1]), flush=True)
print(heard(feed, "parent"), flush=True)
feed.stop()
"""


@pytest.mark.system
def test_a_forked_child_has_a_feed_of_its_own_and_the_parent_keeps_its_own(dsn: str) -> None:
    root = str(Path(__file__).parents[2])
    done = subprocess.run(
        [sys.executable, "-c", FORKS, dsn, root], capture_output=True, text=True, timeout=60, cwd=root
    )
    assert done.stdout.split() == ["before", "child", "0", "parent"], done.stderr
    assert done.stderr == ""
