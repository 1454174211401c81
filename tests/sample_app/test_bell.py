"""The bell: who is told, of what, how often; and that its number is right whoever rings at the same moment."""

from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest

from longpoll import Channels
from queueapi import Settings as QueueSettings
from queueapi.runtime import Runtime
from sample_app import db
from sample_app.bell import store
from sample_app.bell.ringing import read, ring
from sample_app.imports.example import example_csv
from sample_app.settings import Settings
from tests.sample_app.conftest import SECRET, text_of
from tests.sample_app.visitors import Visitor, messages

Work = Callable[[], None]


@pytest.fixture
def channels(settings: Settings) -> Any:
    runtime = Runtime(QueueSettings(database_url=settings.dsn, secrets=(SECRET,)))
    yield Channels(lambda: runtime)
    runtime.pool.close()


def upload(visitor: Visitor, data: bytes) -> None:
    body = b'--xxx\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n' + data + b"\r\n--xxx--\r\n"
    sent = visitor.send("/imports", body, "multipart/form-data; boundary=xxx")
    assert sent.status_code == 303, sent.text


def count(visitor: Visitor) -> str:
    """What the bell shows on the front page."""
    found = re.search(r'<b data-part="count">(\d*)</b>', visitor.get("/").text)
    assert found
    return found[1]


@pytest.mark.system
def test_a_job_that_ends_rings_at_who_started_it_and_at_nobody_else(ada: Visitor, grace: Visitor, work: Work) -> None:
    upload(ada, b"".join(example_csv(10, 1)))
    assert count(ada) == ""
    work()
    assert (count(ada), count(grace)) == ("1", "")
    assert "Import of a.csv: Everything is done: imported 9, bad 1." in text_of(ada.get("/bell").text)
    assert "Import of a.csv" not in grace.get("/bell").text


@pytest.mark.system
def test_a_job_that_fails_for_good_rings_as_well(
    ada: Visitor, work: Work, environ: dict[str, str], settings: Settings
) -> None:
    environ["SLOW_API_PORT"] = "1"  # where nobody answers
    ada.post("/rates", {"base": "EUR", "failures": "100"})
    with db.connect(settings.dsn) as conn:
        conn.execute("update queueapi.jobs set max_attempts = 1 where kind = 'fetch_rates'")
    work()
    said = text_of(ada.get("/bell").text)
    assert "Rates for one euro: Tried once:" in said
    assert "It will not be tried again." in said


@pytest.mark.system
def test_the_notice_leads_to_the_run_and_is_read_then(ada: Visitor, grace: Visitor, work: Work) -> None:
    upload(ada, b"".join(example_csv(10, 1)))
    work()
    found = re.search(r"/bell/\d+", ada.get("/bell").text)
    assert found
    assert grace.post(found[0], {}).status_code == 404
    led = ada.post(found[0], {})
    assert led.status_code == 303
    assert "Import of contacts" in ada.get(led.headers["location"]).text
    assert count(ada) == ""


@pytest.mark.system
def test_a_comment_rings_at_those_who_follow_and_not_at_who_wrote_it(
    ada: Visitor, grace: Visitor, app: Any, pad: str, work: Work
) -> None:
    stranger = Visitor(app)
    stranger.get("/")
    grace.post(f"{pad}/comments", {"name": "Grace", "body": "I would leave out the second part", "nonce": "1"})
    work()
    assert (count(ada), count(grace), count(stranger)) == ("1", "", "")
    assert "Grace on “Minutes”: I would leave out the second part" in text_of(ada.get("/bell").text)
    ada.post(f"{pad}/comments", {"name": "Ada", "body": "So would I", "nonce": "2"})
    work()
    assert (count(ada), count(grace)) == ("1", "1")  # who has commented follows


@pytest.mark.system
def test_who_follows_no_more_hears_nothing(ada: Visitor, grace: Visitor, pad: str, work: Work) -> None:
    assert "Your bell rings when others comment here" in ada.get(pad).text
    ada.post(f"{pad}/follow", {"follow": "no"})
    assert "Your bell does not ring" in ada.get(pad).text
    grace.post(f"{pad}/comments", {"name": "Grace", "body": "Anybody here?", "nonce": "1"})
    work()
    assert count(ada) == ""


def test_what_is_told_twice_rings_once(conn: db.Connection, channels: Channels) -> None:
    assert ring(conn, channels, "v", "job-1", "It is done.", "/")
    assert not ring(conn, channels, "v", "job-1", "It is done.", "/")
    assert store.state(conn, "v").unread == 1
    assert [event for event, _ in messages(conn, "private-bell-v")] == ["rung"]


def test_a_ring_that_is_rolled_back_was_never_heard(conn: db.Connection, channels: Channels) -> None:
    ring(conn, channels, "v", "job-1", "It is done.", "/")
    conn.rollback()
    assert store.state(conn, "v") == (0, 0)
    assert messages(conn, "private-bell-v") == []


def test_reading_one_or_all_tells_the_number_that_is_left(conn: db.Connection, channels: Channels) -> None:
    for number in range(3):
        ring(conn, channels, "v", f"job-{number}", "It is done.", "/")
    first = store.newest_notices(conn, "v", 5)[0]["id"]
    read(conn, channels, "v", first)
    read(conn, channels, "v", first)  # again: nothing to say
    read(conn, channels, "v")
    said = [(event, data["unread"]) for event, data in messages(conn, "private-bell-v")]
    assert said == [("rung", 1), ("rung", 2), ("rung", 3), ("read", 2), ("read", 0)]
    versions = [data["version"] for _, data in messages(conn, "private-bell-v")]
    assert versions == sorted(set(versions))


def test_many_who_ring_at_once_count_each_other(settings: Settings, channels: Channels) -> None:
    def ring_once(number: int) -> None:
        with db.connect(settings.dsn) as conn:
            ring(conn, channels, "v", f"job-{number}", "It is done.", "/")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(ring_once, range(24)))
    with db.connect(settings.dsn) as conn:
        said = sorted((data["version"], data["unread"]) for _, data in messages(conn, "private-bell-v"))
    assert [unread for _, unread in said] == list(range(1, 25))


def test_only_so_many_notices_are_kept(conn: db.Connection, channels: Channels) -> None:
    for number in range(203):
        ring(conn, channels, "v", f"job-{number}", "It is done.", "/")
    row = conn.execute(
        "select count(*) as n, min(origin) filter (where origin = 'job-2') as old from sample_app.notices"
    )
    assert row.fetchone() == {"n": 200, "old": None}


def test_a_cookie_is_given_once_and_says_nothing_about_what_is_stored(app: Any, settings: Settings) -> None:
    visitor = Visitor(app)
    first = visitor.get("/")
    cookie = first.cookies["visitor"]
    assert cookie.http_only
    assert cookie.same_site == "Lax"
    assert "visitor" not in visitor.get("/").cookies
    visitor.post("/you", {"name": "Ada"})
    with db.connect(settings.dsn) as conn:
        row = conn.execute("select key from sample_app.visitors").fetchone()
    assert row is not None
    assert cookie.value not in (row["key"], first.text)
    assert f"private-bell-{row['key']}" not in first.text  # in the ticket it is encoded, and good for that alone


@pytest.mark.parametrize("cookie", ["", "short", "x" * 23, "ab c", "../../../../etc/passwd"])
def test_a_cookie_that_is_none_of_ours_is_replaced(app: Any, cookie: str) -> None:
    visitor = Visitor(app)
    visitor.cookies["visitor"] = cookie
    assert len(visitor.get("/").cookies["visitor"].value) == 22


def test_nobody_is_called_nothing(ada: Visitor) -> None:
    assert 'value="Ada"' in ada.get("/you").text
    refused = ada.post("/you", {"name": "  "})
    assert refused.status_code == 400
    assert "Write something here." in refused.text
    assert 'value="Ada"' in ada.get("/you").text


def test_a_page_that_needs_no_database_is_shown_without_one_and_without_a_number(
    settings: Settings, ada: Visitor
) -> None:
    with db.connect(settings.dsn) as conn:
        name = conn.info.dbname
    with psycopg.connect(settings.dsn, dbname="postgres", autocommit=True) as other:
        other.execute(f"alter database {name} allow_connections false")
        try:
            page = ada.get("/")
        finally:
            other.execute(f"alter database {name} allow_connections true")
    assert page.status_code == 200
    assert '<b data-part="count"></b>' in page.text
