"""Nodes that share a database, in one process: a feed and sessions each."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from longpoll.listener import Feed
from longpoll.sessions.asking import Answer, Connect
from longpoll.sessions.registry import Sessions
from longpoll.sessions.session import Session
from queueapi.runtime import Runtime
from tests.longpoll.conftest import until


class Asked:
    """A connect that was sent."""

    def __init__(self, then: Callable[[Answer], object] = lambda _: None) -> None:
        self.answers: list[Answer] = []
        self._then = then
        self._answered = threading.Event()

    def hear(self, answer: Answer) -> None:
        self._then(answer)
        self.answers.append(answer)
        self._answered.set()

    def wait(self) -> Answer:
        assert self._answered.wait(20), "it was never answered"
        assert len(self.answers) == 1
        return self.answers[0]

    @property
    def is_held(self) -> bool:
        return not self.answers

    def data(self) -> list[str]:
        """What came; of a job its event."""
        news = self.wait().news
        return [] if news is None else [told.data if told.name else told.event for told in news.messages]


class Node:
    """One of them."""

    def __init__(self, feed: Feed, runtime: Runtime, ttl: float = 120.0) -> None:
        self.sessions = Sessions(feed, runtime, ttl)
        feed.guests.join(self.sessions)
        self.feed = feed
        self._runtime = runtime
        feed.start()

    def open(self, *channels: str, acks: bool = False) -> Session:
        """A session that listens to these, and has had its first connect."""
        session = self.sessions.open(acks)
        self.subscribe(session.id, *channels)
        assert self.ask(session.id, "first").data() == []
        return session

    def subscribe(self, id_: str, *channels: str) -> None:
        changed = self.sessions.change(id_, {f"/{name}": name for name in channels}, (), lambda _: None)
        assert changed is not None

    def catch_up(self) -> None:
        """Until it has read all that was published."""
        with self._runtime.pool.connection() as connection:
            row = connection.execute("select max(xid::text::bigint) from queueapi.messages").fetchone()
        assert row is not None
        until(lambda: self.feed.hub.position.sees(int(row[0])))

    def deafen(self) -> None:
        """From now on it does not hear that another has taken a session."""
        self.sessions.heard = lambda payload: None  # type: ignore[method-assign]

    def ask(
        self,
        id_: str,
        number: str,
        ack: int | None = None,
        wait: float = 25.0,
        then: Callable[[Answer], Any] = lambda _: None,
    ) -> Asked:
        session = self.sessions.find(id_)
        assert session is not None
        asked = Asked(then)
        session.connect(Connect(number, wait, ack), asked.hear)
        return asked


@pytest.fixture
def new_node(new_feed: Callable[..., Feed], runtime: Runtime) -> Callable[..., Node]:
    """Makes nodes; their feeds stop with the test."""
    return lambda **how: Node(new_feed(), runtime, **how)


@pytest.fixture
def node(new_node: Callable[..., Node]) -> Node:
    return new_node()


@pytest.fixture
def other(new_node: Callable[..., Node], node: Node) -> Node:
    return new_node()
