"""``longpoll-serve`` as people run it: a process of its own, real sockets, signals, and a database that goes away."""

from __future__ import annotations

import json
import signal
import socket
import time
from collections.abc import Callable
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from longpoll.log import Channels
from queueapi.embedded import EmbeddedPostgres
from queueapi.postgres.connection import connect
from queueapi.postgres.sessions import Borrowed
from queueapi.postgres.store import Store
from tests.longpoll.conftest import Jobs, until
from tests.longpoll.pusher_peer import APP_ID, ENVIRON, Api
from tests.longpoll.serving import Service, outcome, start, ticket

pytestmark = pytest.mark.system


# -- what is refused


def test_help_shows_how_to_start_and_what_is_read_from_the_environment() -> None:
    process = start("--help")
    out, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (0, "")
    for word in ("--port", "--host", "--origin", "QUEUEAPI_SECRET", "DATABASE_URL", "examples:", "healthz"):
        assert word in out


@pytest.mark.parametrize("secret", ["", "short"])
def test_without_a_good_secret_it_does_not_start(dsn: str, secret: str) -> None:
    code, said = outcome(DATABASE_URL=dsn, QUEUEAPI_SECRET=secret)
    assert code == 2
    assert said.startswith("longpoll-serve: QUEUEAPI_SECRET ")
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "environ", "reason"),
    [
        (["--port", "http"], {}, "'http' is no port"),
        (["--port", "65536"], {}, "'65536' is no port"),
        ([], {"LONGPOLL_PORT": "x"}, "'x' is no port"),
        (["--origin", "shop.example"], {}, "'shop.example' is no origin"),
        ([], {"LONGPOLL_ORIGINS": "https://a.example, b.example"}, "LONGPOLL_ORIGINS: 'b.example' is no origin"),
    ],
)
def test_words_that_mean_nothing_are_named(words: list[str], environ: dict[str, str], reason: str) -> None:
    code, said = outcome(*words, **environ)
    assert code == 2
    assert reason in said.splitlines()[-1]


def test_a_schema_that_does_not_fit_is_exit_code_3(empty_dsn: str) -> None:
    code, said = outcome(DATABASE_URL=empty_dsn)
    assert code == 3
    assert "queueapi migrate" in said
    assert said.count("\n") == 1


def test_a_database_that_is_away_is_exit_code_1() -> None:
    code, said = outcome(DATABASE_URL="postgresql://nobody@127.0.0.1:1/none")
    assert code == 1
    assert said.startswith("longpoll-serve: PostgreSQL did not connect")
    assert said.count("\n") == 1


def test_a_port_that_is_taken_is_one_sentence(dsn: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, said = outcome("--port", str(port), DATABASE_URL=dsn)
    assert (code, said) == (1, f"longpoll-serve: cannot listen on 127.0.0.1:{port}: Address already in use\n")


# -- what is served


def test_jobs_and_messages_arrive_over_one_held_request(
    serve: Callable[..., Service], jobs: Jobs, channels: Channels
) -> None:
    service = serve()
    (id_,) = jobs.push()
    browser = service.browser(ticket(id_), "news")
    assert [event for event, _ in browser.poll()] == ["queued"]
    jobs.claim()
    browser.ask()
    until(lambda: service.held == 1)
    jobs.report(id_, 1, 2)
    assert [event for event, _ in browser.answer()] == ["progress"]
    browser.ask()
    channels["news"].publish("said", {"a": 1})
    assert browser.answer() == [("said", {"a": 1})]
    browser.ask()
    jobs.finish(id_, result='{"n": 7}')
    ((event, data),) = browser.answer()
    assert (event, data["result"]) == ("done", {"n": 7})
    assert service.end().count("\n") == 2, "stopping, and stopped"


def test_a_browser_that_leaves_is_noticed_within_a_second(serve: Callable[..., Service]) -> None:
    service = serve()
    crowd = [service.browser("news").ask() for _ in range(20)]
    until(lambda: service.held == 20)
    for browser in crowd:
        browser.leave()
    until(lambda: service.held == 0, seconds=1)


def test_a_poll_ends_when_its_time_is_over(serve: Callable[..., Service]) -> None:
    service = serve()
    browser = service.browser("news")
    began = time.monotonic()
    assert browser.poll(wait=2) == []
    assert 1.8 <= time.monotonic() - began <= 4.0


def test_two_processes_serve_the_same_browser_in_turns(
    serve: Callable[..., Service], jobs: Jobs, channels: Channels
) -> None:
    services = [serve(), serve()]
    (id_,) = jobs.push()
    jobs.claim()
    watching = [service.browser(ticket(id_)) for service in services]
    for browser in watching:
        assert [event for event, _ in browser.poll()] == ["running"]
        browser.ask()
    turns = [service.browser("news") for service in services]
    heard: list[Any] = []
    assert turns[0].poll(wait=0) == []
    cursor = turns[0].cursor
    for number in range(40):
        channels["news"].publish("said", number)
        browser = turns[number % 2]
        browser.cursor = cursor
        heard += [data for _, data in browser.poll(wait=5)]
        cursor = browser.cursor
    assert heard == list(range(40))
    assert [browser.resets for browser in turns] == [0, 0]
    jobs.finish(id_)
    for browser in watching:
        assert [event for event, _ in browser.answer()] == ["done"]


def test_configured_origins_are_the_only_ones(serve: Callable[..., Service]) -> None:
    service = serve(LONGPOLL_ORIGINS="https://a.example https://b.example")
    for origin, allowed in (("https://b.example", "https://b.example"), ("https://c.example", None)):
        connection = HTTPConnection("127.0.0.1", service.port, timeout=10)
        connection.request("GET", "/healthz", headers={"Origin": origin})
        response = connection.getresponse()
        response.read()
        assert response.getheader("Access-Control-Allow-Origin") == allowed
        connection.close()


def test_a_full_batch_of_pushers_server_libraries_is_taken(serve: Callable[..., Service]) -> None:
    api = Api(serve(**ENVIRON).port)
    path = f"/apps/{APP_ID}/batch_events"
    data = json.dumps(['"aa' * 24_990])  # as long as data may be, and half of it is escaped once more
    batch = [{"name": "said", "channel": f"private-{number}", "data": data} for number in range(10)]
    assert len(data) > 99_900
    assert len(json.dumps({"batch": batch})) > 1_499_000
    assert api.ask("POST", path, {"batch": batch}) == (200, {})


def test_ps_says_what_it_is_doing(serve: Callable[..., Service]) -> None:
    service = serve()
    title = Path(f"/proc/{service.process.pid}/cmdline")

    def says(text: str) -> bool:
        return title.read_text().rstrip("\0") == f"longpoll-serve: {text} on 127.0.0.1:{service.port}"

    until(lambda: says("0 held"))
    service.browser("news").ask()
    until(lambda: says("1 held"))


# -- how it ends


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_told_to_stop_it_answers_every_held_poll_and_goes(
    serve: Callable[..., Service], jobs: Jobs, how: signal.Signals
) -> None:
    service = serve()
    (id_,) = jobs.push()
    crowd = [service.browser("news").ask() for _ in range(50)]
    watching = service.browser(ticket(id_))
    watching.poll()
    crowd.append(watching.ask())
    until(lambda: service.held == 51)
    service.process.send_signal(how)
    for browser in crowd:
        assert browser.answer() == []
        assert browser.cursor, "with which another process goes on"
    said = service.process.communicate(timeout=20)[1]
    assert service.process.returncode == 0
    assert "stopping: 51 held polls are answered" in said
    with pytest.raises(ConnectionRefusedError):
        service.get("/healthz")


def test_it_stops_while_the_database_is_away(serve: Callable[..., Service], own_server: EmbeddedPostgres) -> None:
    with own_server as server:
        service = serve(at=server.dsn)
        browser = service.browser("news").ask()
        until(lambda: service.held == 1)
        server.stop()
        until(lambda: service.get("/healthz")[0] == 503)
        began = time.monotonic()
        service.process.send_signal(signal.SIGTERM)
        assert browser.answer() == []
        service.process.communicate(timeout=20)
        assert service.process.returncode == 0
        assert time.monotonic() - began < 15


# -- a database that goes and comes back


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_two_hundred_held_polls_survive_a_restart_of_postgresql(
    serve: Callable[..., Service], own_server: EmbeddedPostgres, mode: Any
) -> None:
    with own_server as server:
        service = serve(at=server.dsn)
        with connect(server.dsn, "tests", 5) as connection:
            jobs = Jobs(Store(Borrowed(connection)))
            ids = jobs.push(200)
            jobs.claim(200)
        crowd = [service.browser(ticket(id_)).ask() for id_ in ids]
        for browser in crowd:
            assert [event for event, _ in browser.answer()] == ["running"]
            browser.ask()
        until(lambda: service.held == 200)
        server.restart(mode)
        assert service.process.poll() is None
        with connect(server.dsn, "tests", 5) as connection:
            Jobs(Store(Borrowed(connection))).finish(*ids)
        for browser in crowd:
            events = [event for event, _ in browser.answer()]
            while "done" not in events:
                events += [event for event, _ in browser.poll()]
            # A crash takes back transactions that the cursor had seen; only then may everybody have to start over.
            assert browser.resets == 0 or mode == "immediate"
        until(lambda: service.get("/healthz")[0] == 200)
        said = service.end()
        assert "PostgreSQL is back" in said
        assert "Traceback" not in said


def test_while_postgresql_is_away_new_polls_are_told_when_to_come_back(
    serve: Callable[..., Service], own_server: EmbeddedPostgres
) -> None:
    with own_server as server:
        service = serve(at=server.dsn)
        server.stop()
        until(lambda: service.get("/healthz")[0] == 503)
        connection = HTTPConnection("127.0.0.1", service.port, timeout=10)
        connection.request("POST", "/poll", json.dumps({"channels": [ticket(1)]}))
        response = connection.getresponse()
        assert json.loads(response.read())["error"]["code"] == "unavailable"
        assert (response.status, response.getheader("Retry-After")) == (503, "2")
        connection.close()
        server.start()
        until(lambda: service.get("/healthz")[0] == 200)
        assert [event for event, _ in service.browser(ticket(1)).poll()] == ["unknown"]
