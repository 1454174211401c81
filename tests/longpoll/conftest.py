"""What the tests of longpoll share: a feed on a real database, browsers that poll it, and jobs that move by hand."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import pytest
import waitress.server
import waitress.wasyncore

from longpoll.cursor import decode
from longpoll.listener import Feed
from longpoll.log import Channels as Publishing
from longpoll.names import Channels
from longpoll.waiter import News, Waiter
from queueapi.events import Events
from queueapi.postgres.connection import Connection, connect
from queueapi.postgres.messages import Messages
from queueapi.postgres.sessions import Dedicated
from queueapi.postgres.store import Store
from queueapi.records import NewJob, Outcome, Progress
from queueapi.runtime import Runtime
from queueapi.states import State
from tests.longpoll.serving import Service

Sql = Callable[..., list[tuple[Any, ...]]]


def until(condition: Callable[[], object], seconds: float = 10.0) -> None:
    """Wait for what sends no event; longer in CI, where other tests run at the same time."""
    deadline = time.monotonic() + seconds * (4 if os.environ.get("CI") else 1)
    while not condition():
        assert time.monotonic() < deadline, "it never came to that"
        time.sleep(0.01)


@contextmanager
def on_waitress(application: Any, threads: int = 1) -> Iterator[int]:
    """Serve the application with waitress, in a thread; its port."""
    server: Any = waitress.server.create_server(application, host="127.0.0.1", port=0, threads=threads)
    running = threading.Thread(target=server.run)
    running.start()
    try:
        yield int(server.effective_port)
    finally:
        # In its own thread: closed from here, it could be just about to look at what is closed.
        server.trigger.pull_trigger(lambda: waitress.wasyncore.close_all(server._map))
        running.join()
        server.task_dispatcher.shutdown()


class Browser:
    """Polls a feed again and again, as longpoll.js does."""

    def __init__(self, feed: Feed, *channels: str, jobs: tuple[int, ...] = ()) -> None:
        self.feed = feed
        self.cursor: str | None = None
        self.channels = Channels(tuple((id_, f"job{id_}") for id_ in jobs), tuple((name, name) for name in channels))

    def start(self, wait: float = 25.0) -> Callable[[], News]:
        """Poll; what is returned waits for the reply."""
        replies: list[News] = []
        answered = threading.Event()

        def answer(news: News) -> None:
            replies.append(news)
            answered.set()

        cursor = decode(self.cursor) if self.cursor else None
        self.feed.start().wait(Waiter(self.channels, answer), cursor, wait, bool(self.cursor and cursor is None))

        def reply() -> News:
            assert answered.wait(20), "the poll was never answered"
            assert len(replies) == 1
            self.cursor = replies[0].cursor
            return replies[0]

        return reply

    def poll(self, wait: float = 25.0) -> News:
        return self.start(wait)()

    def events(self, wait: float = 25.0) -> list[str]:
        return [told.event for told in self.poll(wait).messages]

    def data(self, wait: float = 25.0) -> list[str]:
        return [told.data for told in self.poll(wait).messages]


class Jobs:
    """Pushes jobs, and moves them on as a worker would."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.token = 1

    def push(self, count: int = 1) -> list[int]:
        return self.store.push([NewJob("default", "k", "{}", 0, 25, 0.0, None)] * count)

    def claim(self, count: int = 1) -> list[int]:
        return [job.id for job in self.store.claim(["default"], count, self.token, uuid4(), 60.0)]

    def report(self, id_: int, done: float, total: float | None = None) -> None:
        self.store.tell_watchers(self.store.report([Progress(id_, self.token, done, total, None)]))

    def finish(self, *ids: int, result: str | None = "7", tell: bool = True) -> None:
        rows = self.store.finish([Outcome(id_, self.token, State.DONE, result=result) for id_ in ids], 3600)
        assert len(rows) == len(ids)
        if tell:
            self.store.tell_watchers(rows)


@pytest.fixture
def open_(dsn: str) -> Callable[[], Connection]:
    return lambda: connect(dsn, "tests", 5)


@pytest.fixture
def jobs(session: Dedicated) -> Jobs:
    return Jobs(Store(session))


@pytest.fixture
def messages(session: Dedicated) -> Messages:
    return Messages(session)


@pytest.fixture(scope="session")
def ended() -> Iterator[list[Feed]]:
    """Feeds that were stopped. A listener's thread ends up to a second later; one told to stop while it connects does
    not close what it opened, so that is done here, when all have ended."""
    feeds: list[Feed] = []
    yield feeds
    for feed in feeds:
        if feed._pid:
            feed._listener._loop.stop(timeout=5)
            feed._listener._session.close()


@pytest.fixture
def new_feed(open_: Callable[[], Connection], ended: list[Feed]) -> Iterator[Callable[..., Feed]]:
    """Makes feeds, and stops them."""
    feeds: list[Feed] = []

    def make(
        opens: Callable[[], Connection] = open_, told: Callable[[str, dict[str, Any]], None] | None = None
    ) -> Feed:
        feeds.append(Feed(opens, Events(told) if told else Events()))
        return feeds[-1]

    yield make
    for feed in feeds:
        feed.stop()
    ended += feeds


@pytest.fixture
def feed(new_feed: Callable[..., Feed]) -> Feed:
    return new_feed()


@pytest.fixture
def serve(dsn: str) -> Iterator[Callable[..., Service]]:
    """Starts services; each must end by itself when it is told to."""
    services: list[Service] = []

    def make(*words: str, at: str = dsn, **environ: str) -> Service:
        services.append(Service(at, *words, **environ))
        return services[-1]

    yield make
    for service in services:
        service.end()


@pytest.fixture
def channels(runtime: Runtime) -> Publishing:
    return Publishing(lambda: runtime)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """A real browser; without one, the test says that it was skipped."""
    from playwright.sync_api import sync_playwright

    names = ("chromium", "chromium-browser", "google-chrome", "chrome")
    path = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, names)), None)
    if not path:
        pytest.skip("no Chromium here: install one, or name its executable in the variable CHROMIUM")
    flags = [
        "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
        "--disable-component-update", "--disable-sync",
    ]  # fmt: skip
    with sync_playwright() as playwright:
        # As people have it: pages that were left are kept for a while.
        kept = ["--disable-back-forward-cache"]
        browser = playwright.chromium.launch(executable_path=path, headless=True, args=flags, ignore_default_args=kept)
        yield browser
        browser.close()
