"""The pages, on a real database, as a browser without JavaScript sees them; the jobs run in a real worker."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import urlencode

import psycopg
import pytest
from falcon import testing

from queueapi.signing import Signer
from sample_app import db
from sample_app.imports.example import example_csv
from sample_app.settings import Settings
from sample_app.slow_api import SlowAPI
from tests.sample_app.conftest import SECRET, text_of

Work = Callable[[], None]


def send_form(client: testing.TestClient, path: str, **fields: str) -> testing.Result:
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"}
    return client.simulate_post(path, body=urlencode(fields), headers=headers)


def upload(client: testing.TestClient, data: bytes, filename: str = "contacts.csv") -> testing.Result:
    disposition = f'Content-Disposition: form-data; name="file"; filename="{filename}"\r\n'.encode()
    body = b"--xxx\r\n" + disposition + b"Content-Type: text/csv\r\n\r\n" + data + b"\r\n--xxx--\r\n"
    return client.simulate_post("/imports", body=body, headers={"Content-Type": "multipart/form-data; boundary=xxx"})


def page_after(client: testing.TestClient, sent: testing.Result) -> testing.Result:
    assert sent.status_code == 303, text_of(sent.text)
    return client.simulate_get(sent.headers["Location"])


def test_every_page_is_there_and_brings_the_policy_along(client: testing.TestClient) -> None:
    for path in ("/", "/notifications", "/imports", "/reports", "/rates", "/pads", "/bell", "/you"):
        page = client.simulate_get(path)
        assert page.status_code == 200, path
        assert "script-src 'self' http://" in page.headers["Content-Security-Policy"]
        assert page.headers["X-Content-Type-Options"] == "nosniff"
        assert page.headers["Cache-Control"] == "no-store"
        assert "<script>" not in page.text
        assert "style=" not in page.text
        assert client.simulate_head(path).status_code == 200
        assert client.simulate_head(path).content == b""


def test_healthz_says_whether_the_database_answers(client: testing.TestClient, settings: Settings) -> None:
    assert client.simulate_get("/healthz").json == {"status": "ok"}
    with db.connect(settings.dsn) as conn:
        name = conn.info.dbname
    with psycopg.connect(settings.dsn, dbname="postgres", autocommit=True) as other:
        other.execute(f"alter database {name} allow_connections false")
        try:
            health = client.simulate_get("/healthz")
            page = client.simulate_get("/notifications")
        finally:
            other.execute(f"alter database {name} allow_connections true")
    assert health.status_code == 503
    assert health.json["status"] == "the database does not answer"
    assert page.status_code == 503
    assert "The database does not answer" in page.text
    assert page.headers["Retry-After"] == "2"


@pytest.mark.system
def test_an_upload_becomes_contacts_and_all_its_bad_rows_are_listed(client: testing.TestClient, work: Work) -> None:
    sent = upload(client, b"".join(example_csv(5000, 250)), "..\\<b>x.csv")
    waiting = page_after(client, sent)
    assert "Waiting for a worker." in waiting.text
    work()
    page = page_after(client, sent)
    assert "Everything is done: imported 4,750, bad 250." in page.text
    assert '<dd id="imported">4,750</dd>' in page.text
    assert '<dd id="bad">250</dd>' in page.text
    assert "&lt;b&gt;x.csv" in page.text
    assert "<b>x.csv" not in page.text
    assert page.text.count('<tr><th scope="row">') == 200
    later = client.simulate_get(sent.headers["Location"], params={"page": "2"})
    assert later.text.count('<tr><th scope="row">') == 50
    assert "page 2 of 2" in later.text
    assert "no such page of bad rows" in client.simulate_get(sent.headers["Location"], params={"page": "3"}).text
    assert "contacts.csv" not in client.simulate_get("/imports").text
    assert "4,750 imported, 250 bad" in client.simulate_get("/imports").text


@pytest.mark.system
def test_the_scripts_get_the_same_state_and_the_same_outcome(client: testing.TestClient, work: Work) -> None:
    sent = upload(client, b"".join(example_csv(10, 1)))
    address = sent.headers["Location"]
    status = client.simulate_get(address.replace("/runs/", "/jobs/") + ".json").json
    assert (status["kind"], status["state"], status["event"]) == ("import_contacts", "available", "queued")
    assert "will stand here" in client.simulate_get(address + "/outcome").text
    work()
    status = client.simulate_get(address.replace("/runs/", "/jobs/") + ".json").json
    assert status["result"]["imported"] == 9
    outcome = client.simulate_get(address + "/outcome").text
    assert "<html" not in outcome
    assert outcome.strip() in client.simulate_get(address).text


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "The file is empty"),
        (b"a,b\n1,2\n", "must name the columns"),
        ("name,email,amount,date\n".encode("utf-16"), "encoded as UTF-16"),
    ],
)
def test_a_file_without_one_readable_row_is_refused_at_once_and_not_kept(
    client: testing.TestClient, settings: Settings, data: bytes, words: str
) -> None:
    refused = upload(client, data)
    assert refused.status_code == 400
    assert words in refused.text
    assert 'aria-invalid="true"' in refused.text
    assert list(settings.spool_dir.iterdir()) == []
    with db.connect(settings.dsn) as conn:
        assert conn.execute("select 1 from sample_app.uploads union all select 1 from queueapi.jobs").fetchall() == []


def test_a_form_without_a_file_asks_for_one(client: testing.TestClient) -> None:
    assert "Choose a file first." in upload(client, b"", filename="").text


@pytest.mark.parametrize(
    ("content_type", "body", "status"),
    [
        ("text/csv", b"a,b", 415),
        ("multipart/form-data", b"--x--", 400),
        ("multipart/form-data; boundary=xxx", b"nothing of the kind", 400),
        ("multipart/form-data; boundary=xxx", b"--xxx\r\n\r\n\r\n--xxx--\r\n", 400),
    ],
)
def test_a_body_that_is_no_form_of_ours_is_refused_in_plain_words(
    client: testing.TestClient, content_type: str, body: bytes, status: int
) -> None:
    answer = client.simulate_post("/imports", body=body, headers={"Content-Type": content_type})
    assert answer.status_code == status
    assert "<h1>" in answer.text


def test_the_example_file_can_be_had_in_any_size(client: testing.TestClient) -> None:
    answer = client.simulate_get("/example.csv", params={"rows": "1200", "bad": "3"})
    assert answer.content == b"".join(example_csv(1200, 3))
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert "contacts-1200-rows-3-bad.csv" in answer.headers["Content-Disposition"]
    assert client.simulate_get("/example.csv", params={"rows": "x"}).status_code == 400
    assert client.simulate_get("/example.csv", params={"rows": "5", "bad": "6"}).status_code == 400


@pytest.mark.system
@pytest.mark.usefixtures("mail_server")
def test_notifications_are_sent_and_can_be_read(client: testing.TestClient, work: Work) -> None:
    sent = send_form(client, "/notifications", recipients="15", subject="<i>news</i>")
    work()
    page = page_after(client, sent)
    assert "Everything is done: sent 15, skipped 0." in page.text
    assert page.text.count('href="/mailbox/') == 12
    assert "&lt;i&gt;news" in page.text
    assert "<i>news" not in page.text
    mail = client.simulate_get(re.findall(r"/mailbox/\d+", page.text)[0])
    assert "number 15 of 15 recipients" in mail.text
    assert "<i>news" not in mail.text
    assert client.simulate_get("/notifications").text.count('href="/mailbox/') == 12


@pytest.mark.system
def test_a_mail_server_that_is_away_is_said_so_and_when_the_next_try_is(client: testing.TestClient, work: Work) -> None:
    sent = send_form(client, "/notifications", recipients="5", subject="news")
    work()
    page = text_of(page_after(client, sent).text)
    assert "Failed for now" in page
    assert re.search(
        r"Tried once: the mail server at 127.0.0.1:\d+ does not answer; is it running\? Next try in \d+ s", page
    )


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"recipients": "4", "subject": "x"}, "Give a whole number from 5 to 500, not “4”."),
        ({"recipients": "", "subject": "x"}, "Give a whole number from 5 to 500."),
        ({"recipients": "5", "subject": " "}, "Write something here."),
        ({}, "Give a whole number"),
    ],
)
def test_a_form_that_is_filled_in_wrong_comes_back_with_what_was_written(
    client: testing.TestClient, fields: dict[str, str], words: str
) -> None:
    answer = send_form(client, "/notifications", **fields)
    assert answer.status_code == 400
    assert words in answer.text
    assert "aria-invalid" in answer.text
    for value in fields.values():
        assert f'value="{value}"' in answer.text


def test_a_form_as_large_as_a_film_is_refused_unread(client: testing.TestClient) -> None:
    assert send_form(client, "/notifications", subject="x" * 100_000).status_code == 413


def test_a_report_over_nothing_is_refused_with_the_way_to_something(client: testing.TestClient) -> None:
    answer = send_form(client, "/reports")
    assert answer.status_code == 400
    assert "Import a file first" in answer.text


@pytest.mark.system
def test_a_report_can_be_seen_and_downloaded_by_its_ticket(client: testing.TestClient, work: Work) -> None:
    upload(client, b"".join(example_csv(2000, 0)))
    work()
    sent = send_form(client, "/reports")
    address = sent.headers["Location"]
    assert client.simulate_get(address + "/report.html").status_code == 404
    work()
    page = page_after(client, sent)
    assert f'src="{address}/chart.svg"' in page.text
    chart, document = (client.simulate_get(f"{address}/{name}") for name in ("chart.svg", "report.html"))
    assert chart.headers["Content-Type"] == "image/svg+xml"
    assert "Report over 2,000 contacts" in document.text
    assert "attachment" in document.headers["Content-Disposition"]
    assert "sandbox" in document.headers["Content-Security-Policy"]


@pytest.mark.system
def test_rates_are_fetched_from_the_slow_third_party(
    client: testing.TestClient, work: Work, environ: dict[str, str], slow_api: SlowAPI
) -> None:
    environ["SLOW_API_PORT"] = str(slow_api.server_port)
    slow_api.closing.set()  # no waiting: it answers as slowly as it can be read
    sent = send_form(client, "/rates", base="CHF", failures="0")
    work()
    page = page_after(client, sent)
    assert "Everything is done: rates 12, calls 12." in page.text
    assert "One CHF is" in page.text


def test_only_offered_rates_are_fetched(client: testing.TestClient) -> None:
    assert "Choose one of these, not “XXX”." in send_form(client, "/rates", base="XXX", failures="0").text
    assert "Choose one of these, not “12”." in send_form(client, "/rates", base="EUR", failures="12").text


@pytest.mark.parametrize("path", ["/notifications", "/imports", "/reports", "/rates"])
@pytest.mark.parametrize("headers", [{"Sec-Fetch-Site": "cross-site"}, {"Origin": "http://evil.example"}])
def test_forms_of_other_sites_are_refused(client: testing.TestClient, path: str, headers: dict[str, str]) -> None:
    answer = client.simulate_post(path, headers=headers)
    assert answer.status_code == 403
    assert "This form was sent from another site" in answer.text


def signed(purpose: str, name: str, expires: float = 60) -> str:
    return Signer(SECRET).sign(purpose, name, expires)


@pytest.mark.parametrize(
    ("sign", "status"),
    [
        pytest.param(lambda: "17", 403, id="unsigned"),
        pytest.param(lambda: signed("job", "17")[:-1], 403, id="cut"),
        pytest.param(lambda: signed("job", "17", -60), 403, id="expired"),
        pytest.param(lambda: signed("log", "17"), 403, id="for-something-else"),
        pytest.param(lambda: signed("job", "17"), 404, id="good-for-a-job-that-is-gone"),
    ],
)
def test_a_run_opens_to_its_own_ticket_only(client: testing.TestClient, sign: Callable[[], str], status: int) -> None:
    ticket = sign()  # now: collecting a large suite takes longer than a ticket is good for
    for path in (f"/runs/{ticket}", f"/runs/{ticket}/outcome", f"/jobs/{ticket}.json"):
        answer = client.simulate_get(path)
        assert answer.status_code == status
        assert ("error" in answer.json) if path.endswith(".json") else ("<h1>" in answer.text)


@pytest.mark.parametrize("path", ["/nothing", "/mailbox/0", "/mailbox/99", "/mailbox/x", "/static/../app.py", "/runs"])
def test_what_is_not_there_is_said_not_to_be(client: testing.TestClient, path: str) -> None:
    answer = client.simulate_get(path)
    assert answer.status_code == 404
    assert "There is no such page" in answer.text


def test_what_cannot_be_done_is_said_with_what_can(client: testing.TestClient) -> None:
    answer = client.simulate_post("/")
    assert answer.status_code == 405
    assert "GET" in answer.headers["Allow"]


def test_our_own_mistake_is_owned_up_to_and_logged(
    client: testing.TestClient, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    with db.connect(settings.dsn) as conn:
        conn.execute("drop table sample_app.mails")
    answer = client.simulate_get("/notifications")
    assert answer.status_code == 500
    assert "It is our mistake" in answer.text
    assert "sample_app.mails" not in answer.text
    assert "sample_app.mails" in caplog.text
