"""The app over HTTP, on a real database: every route, every refusal, and what each reply carries."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlencode

import falcon.testing
import pytest

from longpoll.app import create_app
from longpoll.listener import Feed
from longpoll.log import Channels
from queueapi.errors import SettingsError
from queueapi.runtime import Runtime
from queueapi.settings import Settings
from queueapi.signing import Signer
from tests.longpoll.conftest import Jobs, Sql, on_waitress, until

Client = falcon.testing.TestClient
SIGNER = Signer("s" * 32)


@pytest.fixture
def client(feed: Feed, runtime: Runtime) -> Client:
    return Client(create_app(feed, runtime))


@pytest.fixture
def channels(runtime: Runtime) -> Channels:
    return Channels(lambda: runtime)


def ticket(id_: object, expires: float = 3600) -> str:
    return SIGNER.sign("job", str(id_), expires)


def poll(client: Client, *channels: str, cursor: str | None = None, wait: float = 0, **how: Any) -> Any:
    return client.simulate_post("/poll", json={"channels": channels, "cursor": cursor, "wait": wait}, **how)


def unwrapped(text: str, callback: str = "f") -> Any:
    assert text.startswith(f"/**/{callback}(")
    assert text.endswith(");")
    return json.loads(text[len(callback) + 5 : -2])


# -- polls


def test_the_first_poll_of_a_ticket_answers_with_the_present_state(client: Client, jobs: Jobs) -> None:
    asked = ticket(*jobs.push())  # signed once: in the next second it would be another
    reply = poll(client, asked, wait=25)
    assert reply.status == falcon.HTTP_200
    assert reply.json.keys() == {"messages", "cursor", "reset"}
    (message,) = reply.json["messages"]
    assert message.keys() == {"channel", "event", "data", "id"}
    assert (message["channel"], message["event"], message["data"]["state"]) == (asked, "queued", "available")
    assert not reply.json["reset"]


def test_a_cursor_is_where_the_next_poll_goes_on(client: Client, channels: Channels) -> None:
    cursor = poll(client, "news").json["cursor"]
    channels["news"].publish("said", {"a": "ü\u2028"})
    reply = poll(client, "news", cursor=cursor, wait=25).json
    assert [(message["event"], message["data"]) for message in reply["messages"]] == [("said", {"a": "ü\u2028"})]
    assert poll(client, "news", cursor=reply["cursor"]).json["messages"] == []


def test_a_cursor_that_is_none_is_said_to_be_none(client: Client) -> None:
    reply = poll(client, "news", cursor="nonsense", wait=25).json
    assert reply["reset"]
    assert not poll(client, "news", cursor=reply["cursor"]).json["reset"]


def test_get_post_and_jsonp_bring_the_same(client: Client, channels: Channels, jobs: Jobs) -> None:
    (id_,) = jobs.push()
    cursor = poll(client, "news").json["cursor"]
    channels["news"].publish("said", "</script><!--\u2028")
    asked = [ticket(id_), "news"]
    poll(client, "news", cursor=cursor, wait=25)  # now both have been read
    poll(client, ticket(id_), wait=25)
    by_post = poll(client, *asked, cursor=cursor)
    query = {"channels": json.dumps(asked), "cursor": cursor, "wait": "0"}
    by_get = client.simulate_get("/poll", params=query, params_csv=False)
    by_script = client.simulate_get("/poll", params={**query, "callback": "a.b"}, params_csv=False)
    assert by_get.json == by_post.json == unwrapped(by_script.text, "a.b")
    assert len(by_post.json["messages"]) == 2
    assert by_script.headers["content-type"] == "text/javascript; charset=utf-8"
    assert "<" not in by_script.text


def test_any_content_type_will_do_since_text_plain_spares_the_preflight(client: Client) -> None:
    for kind in ("text/plain", "application/x-www-form-urlencoded", "application/json", "x"):
        reply = client.simulate_post("/poll", body='{"channels": ["a"], "wait": 0}', headers={"Content-Type": kind})
        assert reply.status == falcon.HTTP_200
        assert reply.headers["content-type"] == "application/json"


def test_a_held_poll_is_answered_when_the_news_comes_under_any_wsgi_server(
    feed: Feed, runtime: Runtime, channels: Channels, jobs: Jobs
) -> None:
    (id_,) = jobs.push()
    jobs.claim()
    with on_waitress(create_app(feed, runtime), threads=4) as port:
        replies: list[Any] = []

        def browse(body: dict[str, Any]) -> None:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
            connection.request("POST", "/poll", json.dumps(body))
            replies.append(json.loads(connection.getresponse().read()))
            connection.close()

        browse({"channels": [ticket(id_)], "wait": 0})
        cursor = replies.pop()["cursor"]
        held = [
            threading.Thread(target=browse, args=[{"channels": asked, "cursor": cursor, "wait": 25}])
            for asked in ([ticket(id_)], ["news"])
        ]
        for thread in held:
            thread.start()
        until(lambda: feed.hub.held == 2)
        jobs.finish(id_)
        channels["news"].publish("said", 1)
        for thread in held:
            thread.join(20)
        assert sorted(reply["messages"][0]["event"] for reply in replies) == ["done", "said"]
        assert feed.hub.held == 0


# -- a job at a glance


def test_a_job_s_state_is_told_without_waiting(client: Client, jobs: Jobs) -> None:
    (id_,) = jobs.push()
    reply = client.simulate_get("/job", params={"ticket": ticket(id_)})
    assert reply.json["event"] == "queued"
    assert reply.json["id"] == str(id_)
    jobs.claim()
    jobs.finish(id_, result='{"n": 1}')
    reply = client.simulate_get("/job", params={"ticket": ticket(id_), "callback": "f"})
    assert unwrapped(reply.text)["result"] == {"n": 1}


def test_a_job_that_is_not_there_is_404(client: Client) -> None:
    asked = ticket(99)
    reply = client.simulate_get("/job", params={"ticket": asked})
    assert reply.status == falcon.HTTP_404
    assert reply.json["error"]["code"] == "unknown_job"
    assert reply.json["error"]["channels"] == [asked]


@pytest.mark.parametrize(
    ("params", "status"),
    [({}, 400), ({"ticket": ["a", "b"]}, 400), ({"ticket": ""}, 400), ({"ticket": "news"}, 403),
     ({"ticket": SIGNER.sign("channel", "private-x", 3600)}, 403), ({"ticket": "job.MQ.1.x"}, 403)],
    ids=["none", "two", "empty", "a channel", "a channel's", "half"],
)  # fmt: skip
def test_only_a_job_s_ticket_shows_a_job(client: Client, params: dict[str, Any], status: int) -> None:
    reply = client.simulate_get("/job", params=params, params_csv=False)
    assert reply.status_code == status
    assert reply.json["error"]["status"] == status


# -- refusals

TICKETS = {
    "expired": ticket(1, -1),
    "of another secret": Signer("o" * 32).sign("job", "1", 3600),
    "altered": ticket(1).replace("job.MQ", "job.Mg"),
    "for another purpose": ticket(1).replace("job.", "channel."),
    "cut": ticket(1)[:-1],
    "none for a private channel": "private-x",
}


@pytest.mark.parametrize("what", TICKETS)
def test_a_bad_ticket_is_refused_by_its_name_and_the_poll_with_it(client: Client, what: str) -> None:
    reply = poll(client, "news", TICKETS[what])
    assert reply.status == falcon.HTTP_403
    assert reply.json["error"]["code"] == "bad_ticket"
    assert reply.json["error"]["channels"] == [TICKETS[what]]
    assert "Retry-After" not in reply.headers


def test_all_bad_tickets_are_named_at_once(client: Client) -> None:
    reply = poll(client, *TICKETS.values(), "news")
    assert reply.json["error"]["channels"] == list(TICKETS.values())


def test_the_previous_secret_still_opens(feed: Feed, dsn: str, jobs: Jobs) -> None:
    runtime = Runtime(Settings(database_url=dsn, secrets=("n" * 32, "s" * 32)))
    (id_,) = jobs.push()
    client = Client(create_app(feed, runtime))
    assert len(poll(client, ticket(id_), wait=25).json["messages"]) == 1
    runtime.pool.close()


@pytest.mark.parametrize(
    "body", ["", "{", "[]", '{"channels": []}', '{"channels": ["a"], "wait": -1}', '{"channels": [1]}']
)
def test_a_bad_request_is_one_sentence(client: Client, body: str) -> None:
    reply = client.simulate_post("/poll", body=body)
    assert reply.status == falcon.HTTP_400
    error = reply.json["error"]
    assert (error["code"], error["status"], error["channels"]) == ("bad_request", 400, [])
    assert error["message"].isprintable()


def test_a_name_that_no_channel_can_have_is_named(client: Client) -> None:
    reply = poll(client, "news", "a b", "<c>")
    assert reply.status == falcon.HTTP_400
    assert (reply.json["error"]["code"], reply.json["error"]["channels"]) == ("bad_channel", ["a b", "<c>"])


def test_a_body_that_is_too_large_is_not_read(client: Client) -> None:
    reply = client.simulate_post("/poll", body="x" * (64 * 1024 + 1))
    assert reply.status == falcon.HTTP_400
    assert "longer than 65536 bytes" in reply.json["error"]["message"]
    assert (
        client.simulate_post("/poll", body=json.dumps({"channels": ["a"], "wait": 0}) + " " * 60_000).status_code == 200
    )


@pytest.mark.parametrize(
    ("path", "params", "status"),
    [("/poll", {}, 400), ("/poll", {"channels": '["private-x"]'}, 403), ("/job", {"ticket": "x"}, 403),
     ("/job", {"ticket": ticket(99)}, 404)],
)  # fmt: skip
def test_over_jsonp_errors_come_as_scripts_that_run(
    client: Client, path: str, params: dict[str, str], status: int
) -> None:
    reply = client.simulate_get(path, params={**params, "callback": "f"}, params_csv=False)
    assert reply.status == falcon.HTTP_200
    assert reply.headers["content-type"] == "text/javascript; charset=utf-8"
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert unwrapped(reply.text)["error"]["status"] == status


@pytest.mark.parametrize("callback", ["alert(1)", "", "a b", "<script>", ["f", "g"]])
@pytest.mark.parametrize("path", ["/poll", "/job"])
def test_a_callback_that_is_none_is_refused_and_never_run(client: Client, path: str, callback: Any) -> None:
    reply = client.simulate_get(path, params={"callback": callback, "channels": '["a"]'}, params_csv=False)
    assert reply.status == falcon.HTTP_400
    assert reply.headers["content-type"] == "application/json"
    assert "callback" in reply.json["error"]["message"]


def test_no_app_without_a_secret(dsn: str) -> None:
    with pytest.raises(SettingsError, match="QUEUEAPI_SECRET"):
        create_app(runtime=Runtime(Settings(database_url=dsn)))


# -- the database is away


def test_a_server_that_never_was_there_is_503_with_a_time_to_come_back() -> None:
    runtime = Runtime(Settings(database_url="postgresql://nobody@127.0.0.1:1/secret", secrets=("s" * 32,)))
    client = Client(create_app(runtime=runtime))
    for reply in (
        poll(client, "news"),
        client.simulate_get("/job", params={"ticket": ticket(1)}),
        client.simulate_get("/healthz"),
    ):
        assert reply.status == falcon.HTTP_503
        assert reply.headers["Retry-After"] == "2"
        assert reply.json["error"]["code"] == "unavailable"
        assert "secret" not in reply.text
        assert "127.0.0.1" not in reply.text
    script = client.simulate_get("/job", params={"ticket": ticket(1), "callback": "f"})
    assert (script.status, unwrapped(script.text)["error"]["status"]) == (falcon.HTTP_200, 503)


def test_while_the_database_is_away_what_must_be_read_is_503_and_health_says_so(
    client: Client, feed: Feed, sql: Sql
) -> None:
    assert client.simulate_get("/healthz").json == {"status": "ok", "held": 0, "jobs": 0}
    feed.hub.away(True)
    feed._guarded_tick = feed._loop._tick = lambda: 1.0  # type: ignore[method-assign]  # it stays away
    feed.hub.away(True)
    assert client.simulate_get("/healthz").status == falcon.HTTP_503
    assert poll(client, ticket(1)).status == falcon.HTTP_503
    assert poll(client, "news").status == falcon.HTTP_200, "nothing needs to be read for that"


def test_what_nobody_thought_of_is_500_and_says_nothing(
    client: Client, feed: Feed, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> None:
        raise RuntimeError("the inside")

    monkeypatch.setattr(feed, "start", fail)
    reply = poll(client, "news")
    assert reply.status == falcon.HTTP_500
    assert reply.json["error"]["code"] == "failed"
    assert "inside" not in reply.text
    assert "the inside" in caplog.text
    query = {"channels": '["a"]', "callback": "f"}
    assert unwrapped(client.simulate_get("/poll", params=query, params_csv=False).text)["error"]["status"] == 500
    monkeypatch.undo()


# -- what every reply carries


def every_reply(client: Client, **how: Any) -> Iterator[Any]:
    yield poll(client, "news", **how)
    yield poll(client, "private-x", **how)
    for path in (
        "/healthz",
        "/job",
        "/poll",
        "/nowhere",
        "/longpoll.js",
        "/poll?channels=%5B%22a%22%5D&wait=0&callback=f",
    ):
        yield client.simulate_get(path, **how)


def test_no_reply_is_kept_or_taken_for_something_else(client: Client) -> None:
    for reply in every_reply(client):
        if "LongPoll" not in reply.text:
            assert reply.headers["cache-control"] == "no-store"
        assert reply.headers["x-content-type-options"] == "nosniff"
        assert reply.headers["cross-origin-resource-policy"] == "cross-origin"


def test_any_page_may_ask_unless_told_otherwise(client: Client) -> None:
    for reply in every_reply(client, headers={"Origin": "https://anywhere.example"}):
        assert reply.headers["access-control-allow-origin"] == "*"
        assert "access-control-allow-credentials" not in reply.headers
        assert "vary" not in reply.headers


def test_only_the_pages_named_may_ask_if_some_are(feed: Feed, runtime: Runtime) -> None:
    client = Client(create_app(feed, runtime, origins=["https://a.example", "https://b.example"]))
    for origin in ("https://a.example", "https://b.example"):
        for reply in every_reply(client, headers={"Origin": origin}):
            assert reply.headers["access-control-allow-origin"] == origin
            assert reply.headers["vary"] == "Origin"
    for reply in every_reply(client, headers={"Origin": "https://a.example.evil"}):
        assert "access-control-allow-origin" not in reply.headers
        assert reply.headers["vary"] == "Origin"


def test_a_page_may_read_when_to_come_back(client: Client) -> None:
    reply = poll(client, "news", headers={"Origin": "https://a.example"})
    assert reply.headers["access-control-expose-headers"] == "Retry-After"


def test_a_preflight_is_answered(client: Client) -> None:
    asked = {
        "Origin": "https://a.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type",
    }
    reply = client.simulate_options("/poll", headers=asked)
    assert reply.status_code == 200
    assert "POST" in reply.headers["access-control-allow-methods"]
    assert reply.headers["access-control-allow-headers"] == "content-type"


def test_the_script_is_there_for_a_while(client: Client) -> None:
    reply = client.simulate_get("/longpoll.js")
    assert reply.headers["content-type"] == "text/javascript; charset=utf-8"
    assert reply.headers["cache-control"] == "public, max-age=300"
    assert "function LongPoll(" in reply.text


@pytest.mark.parametrize("path", ["/longpoll.js", "/healthz", "/job?" + urlencode({"ticket": ticket(1)})])
def test_head_says_what_get_would(client: Client, jobs: Jobs, path: str) -> None:
    jobs.push()
    get, head = client.simulate_get(path), client.simulate_head(path)
    assert (head.status, head.text) == (falcon.HTTP_200, "")
    assert head.headers == get.headers


@pytest.mark.parametrize(
    ("method", "path"), [("HEAD", "/poll"), ("PUT", "/poll"), ("POST", "/job"), ("GET", "/nowhere")]
)
def test_what_is_not_served_is_said_in_json(client: Client, method: str, path: str) -> None:
    reply = client.simulate_request(method, path)
    assert reply.status_code == (404 if path == "/nowhere" else 405)
    assert reply.headers["content-type"] == "application/json"
    if method != "HEAD":
        assert reply.json["error"]["status"] == reply.status_code


def test_health_counts_who_waits(client: Client, feed: Feed, jobs: Jobs) -> None:
    (id_,) = jobs.push()
    poll(client, ticket(id_), wait=25)
    assert client.simulate_get("/healthz").json == {"status": "ok", "held": 0, "jobs": 1}


def test_the_app_starts_a_feed_of_its_own_at_the_first_request(
    runtime: Runtime, jobs: Jobs, monkeypatch: pytest.MonkeyPatch, new_feed: Callable[..., Feed]
) -> None:
    made: list[Feed] = []

    def make(opens: Any, events: Any, listens: Any) -> Feed:
        made.append(new_feed(opens))
        return made[0]

    monkeypatch.setattr("longpoll.app.Feed", make)
    client = Client(create_app(runtime=runtime))
    assert made[0]._pid == 0
    assert client.simulate_get("/longpoll.js").status_code == 200
    assert made[0]._pid == 0, "a script needs no database"
    assert poll(client, "news").status == falcon.HTTP_200
    assert made[0]._pid
