"""Webhooks: pushed with what they tell of, signed by a worker, and sent again until they are taken."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from longpoll.pusher_webhooks import Webhook, WebhookRefused
from queueapi.queues import Queue
from queueapi.runtime import Runtime
from tests.longpoll.conftest import Sql, until
from tests.longpoll.pusher_clients import client
from tests.longpoll.pusher_peer import APP_ID, ENVIRON, KEY, KEYS, SECRET, Api, member
from tests.longpoll.serving import Service

Work = Callable[..., str]


class Application:
    """Takes webhooks, after it has refused as many as it is told to."""

    def __init__(self) -> None:
        self.statuses: list[int] = []
        self.taken: list[tuple[dict[str, str], bytes]] = []
        received, statuses = self.taken, self.statuses

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                received.append(({name.lower(): value for name, value in self.headers.items()}, body))
                self.send_response(statuses.pop(0) if statuses else 200)
                self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/hooks"
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def events(self) -> list[dict[str, Any]]:
        return [event for _, body in self.taken for event in json.loads(body)["events"]]

    def stop(self) -> None:
        """Twice is harmless."""
        if not self._thread.is_alive():
            return
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def application() -> Iterator[Application]:
    application = Application()
    yield application
    application.stop()


@pytest.fixture
def work(dsn: str, tmp_path: Path) -> Work:
    """Let a worker do what is to be done."""

    def run(**environ: str) -> str:
        words = [
            "-c",
            "import sys; from queueapi.cli import work; sys.exit(work())",
            "longpoll.pusher_webhooks",
            "--burst",
        ]
        done = subprocess.run(
            [sys.executable, *words],
            env={"PATH": os.environ["PATH"], "DATABASE_URL": dsn, **ENVIRON, **environ},
            cwd=tmp_path, capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stderr

    return run


@pytest.mark.system
def test_who_comes_and_goes_is_told_to_the_application_by_a_signed_request(
    serve: Callable[..., Service], application: Application, work: Work, sql: Sql
) -> None:
    port = serve(**ENVIRON, LONGPOLL_PUSHER_WEBHOOKS=application.url).port
    with client(port) as socket:
        socket.subscribed("presence-room", member("ann"))
        socket.subscribed("cache-a")
        assert socket.hear()["event"] == "pusher:cache_miss"
        socket.say("client-x", {"a": 1}, "presence-room")
        assert socket.has_heard_all()
    until(lambda: Api(port).get("channels")[1] == {"channels": {}})
    work()
    until(lambda: sql("select count(*) from queueapi.jobs") == [(0,)])
    found = {(event["name"], event["channel"]): event for event in application.events()}
    assert set(found) == {
        ("channel_occupied", "presence-room"),
        ("member_added", "presence-room"),
        ("client_event", "presence-room"),
        ("member_removed", "presence-room"),
        ("channel_vacated", "presence-room"),
        ("channel_occupied", "cache-a"),
        ("cache_miss", "cache-a"),
        ("channel_vacated", "cache-a"),
    }
    assert len(application.events()) == 8, "each once"
    assert found["member_added", "presence-room"]["user_id"] == "ann"
    event = found["client_event", "presence-room"]
    assert (event["event"], json.loads(event["data"]), event["user_id"]) == ("client-x", {"a": 1}, "ann")
    assert event["socket_id"] == socket.socket_id
    library = pytest.importorskip("pusher").Pusher(APP_ID, KEY, SECRET)
    for headers, body in application.taken:
        assert headers["content-type"] == "application/json"
        assert headers["x-pusher-signature"] == KEYS.body(body)
        assert library.validate_webhook(headers["x-pusher-key"], headers["x-pusher-signature"], body.decode())


@pytest.fixture
def environ(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRON.items():
        monkeypatch.setenv(name, value)


def test_whatever_is_not_taken_is_an_error_and_so_is_tried_again(application: Application, environ: None) -> None:
    hook = Webhook(application.url, KEY, "{}")
    hook.run()
    for status in (500, 404, 302, 199 + 101):
        application.statuses.append(status)
        with pytest.raises(WebhookRefused, match=str(status)):
            hook.run()
    assert len(application.taken) == 5, "a redirect is not followed"


def test_an_application_that_is_not_there_is_an_error(application: Application, environ: None) -> None:
    application.stop()
    with pytest.raises(WebhookRefused, match="cannot be reached"):
        Webhook(application.url, KEY, "{}").run()


def test_a_worker_without_the_secret_sends_nothing(application: Application, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LONGPOLL_PUSHER_SECRET", raising=False)
    monkeypatch.setenv("LONGPOLL_PUSHER_KEY", KEY)
    with pytest.raises(WebhookRefused, match="LONGPOLL_PUSHER_SECRET"):
        Webhook(application.url, KEY, "{}").run()
    assert application.taken == []


@pytest.mark.system
def test_a_webhook_that_is_refused_comes_again_by_itself(
    runtime: Runtime, application: Application, work: Work, sql: Sql
) -> None:
    application.statuses += [503, 503]
    body = '{"time_ms":1,"events":[]}'
    Queue(lambda: runtime).push(Webhook(application.url, KEY, body))
    while sql("select count(*) from queueapi.jobs") != [(0,)]:
        sql("update queueapi.jobs set run_at = now() where state = 'scheduled'")  # as if its time had come
        work()
    assert [found for _, found in application.taken] == [body.encode()] * 3
