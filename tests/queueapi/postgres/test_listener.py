"""The listener: after every connection it looks again, and a dead connection is replaced."""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from queueapi.events import Events
from queueapi.postgres import listener as module
from queueapi.postgres.connection import Connection, connect
from queueapi.postgres.listener import Listener

Sql = Callable[..., list[tuple[Any, ...]]]
SOON = 15.0


class Ear:
    """A listener, and what it was told, in order."""

    def __init__(self, dsn: str) -> None:
        self.told: queue.Queue[tuple[str, ...]] = queue.Queue()
        self.opened: list[Connection] = []
        self.dsn = dsn
        self.listener = Listener(
            self.open,
            ["news", "Other-Channel"],
            lambda channel, payload: self.told.put(("heard", channel, payload)),
            lambda: self.told.put(("listening",)),
            Events(lambda name, _: self.told.put((name,))),
        )
        self.listener.start()

    def open(self) -> Connection:
        self.opened.append(connect(self.dsn, "ear", 5))
        return self.opened[-1]

    def next(self) -> tuple[str, ...]:
        return self.told.get(timeout=SOON)


@pytest.fixture
def ear(dsn: str) -> Iterator[Ear]:
    ear = Ear(dsn)
    yield ear
    ear.listener.stop()
    assert ear.listener._loop.stop(SOON)
    for connection in ear.opened:
        connection.close()


def test_it_says_when_nothing_can_be_missed_any_more_and_then_hears_every_channel(ear: Ear, sql: Sql) -> None:
    assert ear.next() == ("listening",)
    sql("select pg_notify('news', 'first'), pg_notify('Other-Channel', ''), pg_notify('elsewhere', 'x')")
    assert ear.next() == ("heard", "news", "first")
    assert ear.next() == ("heard", "Other-Channel", "")
    assert ear.told.empty()


def test_a_lost_connection_is_replaced_and_it_says_listening_again(ear: Ear, sql: Sql) -> None:
    assert ear.next() == ("listening",)
    sql("select pg_terminate_backend(%s, 10000)", ear.opened[0].info.backend_pid)
    sql("select pg_notify('news', 'into the void')")
    assert ear.next() == ("store_lost",)
    assert ear.next() == ("listening",)
    sql("select pg_notify('news', 'again')")
    assert ear.next() in (("heard", "news", "again"), ("store_back",))
    assert len(ear.opened) == 2
    assert ear.opened[0].closed


def test_a_connection_that_dies_in_silence_is_found_out_by_asking_it(
    dsn: str, sql: Sql, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PING_EVERY", 0.05)
    ear = Ear(dsn)
    assert ear.next() == ("listening",)
    silent = ear.opened[0]
    silent.answer_within = 0.1
    execute = silent.execute
    # The socket stays open and no answer comes, as when a network goes away.
    silent.execute = lambda *_, **__: execute("select pg_sleep(30)")  # type: ignore[method-assign]
    assert ear.next() == ("store_lost",)
    assert ear.next() == ("listening",)
    assert silent.closed
    ear.listener.stop()
    assert ear.listener._loop.stop(SOON)


def test_stopping_ends_a_wait_in_progress(dsn: str) -> None:
    ear = Ear(dsn)
    assert ear.next() == ("listening",)
    ear.listener.stop()
    assert ear.listener._loop.stop(SOON)
    assert ear.opened[0].closed
    assert ear.told.empty()


def test_what_the_hearer_raises_is_told_and_the_next_is_heard_again(dsn: str, sql: Sql) -> None:
    told: queue.Queue[tuple[str, ...]] = queue.Queue()
    opened: list[Connection] = []

    def open_() -> Connection:
        opened.append(connect(dsn, "ear", 5))
        return opened[-1]

    def heard(channel: str, payload: str) -> None:
        if payload == "bad":
            raise ValueError(payload)
        told.put((payload,))

    listener = Listener(
        open_, ["news"], heard, lambda: told.put(("listening",)), Events(lambda name, _: told.put((name,)))
    )
    listener.start()
    assert told.get(timeout=SOON) == ("listening",)
    sql("select pg_notify('news', 'bad')")
    assert told.get(timeout=SOON) == ("loop_failed",)
    assert told.get(timeout=SOON) == ("listening",)  # whatever was lost with the connection: look again
    sql("select pg_notify('news', 'good')")
    assert told.get(timeout=SOON) == ("good",)
    listener.stop()
    assert listener._loop.stop(SOON)


@pytest.mark.system
def test_in_a_patched_process_a_stop_ends_the_wait_at_once(dsn: str, python: Callable[..., str]) -> None:
    program = """
import sys, time, threading
from queueapi.events import Events
from queueapi.postgres.connection import connect
from queueapi.postgres.listener import Listener
listening = threading.Event()
listener = Listener(lambda: connect(sys.argv[1], "ear", 5), ["news"], lambda *_: None, listening.set, Events())
listener.start()
assert listening.wait(10)
since = time.monotonic()
listener.stop()
assert listener._loop.stop(10)
print(time.monotonic() - since < 0.9)  # not only at the end of a slice
"""
    assert python(program, dsn, patched=True) == "True"
