"""The loop: a wake is never lost, a stop ends it, a database that is away does not."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from queueapi.errors import StoreUnavailable
from queueapi.events import Events
from queueapi.loop import Loop

SOON = 10.0  # seconds; how long a loaded machine may take. Nothing here waits for it to pass
NEVER = 3600.0

Start = Callable[..., Loop]


@pytest.fixture
def start() -> Iterator[Start]:
    """Start a loop; all are stopped after the test."""
    loops: list[Loop] = []

    def start(tick: Callable[[], float], events: Events | None = None) -> Loop:
        loop = Loop("test loop", tick, events or Events())
        loops.append(loop)
        loop.start()
        return loop

    yield start
    for loop in loops:
        assert loop.stop(SOON)


class Ticks:
    """Counts ticks, and lets a test wait for the next."""

    def __init__(self, wait: float = NEVER) -> None:
        self.wait = wait
        self._ticked = threading.Semaphore(0)

    def __call__(self) -> float:
        self._ticked.release()
        return self.wait

    def one_more(self, within: float = SOON) -> bool:
        return self._ticked.acquire(timeout=within)


def test_it_ticks_at_once_and_then_waits_as_long_as_the_tick_says(start: Start) -> None:
    ticks = Ticks()
    start(ticks)
    assert ticks.one_more()
    assert not ticks.one_more(within=0.05)


def test_a_tick_that_returns_nothing_to_wait_is_run_again_at_once(start: Start) -> None:
    ticks = Ticks(wait=0.0)
    start(ticks)
    assert all(ticks.one_more() for _ in range(100))


def test_a_wake_ends_the_wait(start: Start) -> None:
    ticks = Ticks()
    loop = start(ticks)
    for _ in range(100):
        assert ticks.one_more()
        loop.wake()
    assert ticks.one_more()


def test_a_wake_during_the_tick_skips_the_wait_that_follows(start: Start) -> None:
    in_tick, go_on, ticks = threading.Event(), threading.Event(), Ticks()

    def tick() -> float:
        in_tick.set()
        go_on.wait(SOON)
        return ticks()

    loop = start(tick)
    assert in_tick.wait(SOON)
    loop.wake()
    loop.wake()
    go_on.set()
    assert ticks.one_more()
    assert ticks.one_more()
    assert not ticks.one_more(within=0.05)  # many wakes are one


def test_stopping_ends_a_wait_and_tells_a_long_tick(start: Start) -> None:
    ticks = Ticks()
    waits = start(ticks)
    assert ticks.one_more()
    assert waits.stop(SOON)

    begun = threading.Event()

    def long_tick() -> float:
        begun.set()
        while not works.stopping:
            pass
        return NEVER

    works = Loop("long", long_tick, Events())
    works.start()
    assert begun.wait(SOON)
    assert works.stop(SOON)


def test_a_tick_may_stop_its_own_loop() -> None:
    def tick() -> float:
        loop.stop()
        return NEVER

    loop = Loop("suicidal", tick, Events())
    loop.start()
    assert loop.stop(SOON)


def test_a_loop_that_was_never_started_stops_at_once() -> None:
    assert Loop("idle", lambda: NEVER, Events()).stop()


def test_a_database_that_goes_and_comes_back_is_told_once_each(start: Start) -> None:
    heard: list[tuple[str, dict[str, Any]]] = []
    back = threading.Event()
    errors = iter([StoreUnavailable("gone"), StoreUnavailable("still gone")])

    def tick() -> float:
        for error in errors:
            raise error
        return 0.0 if not back.is_set() else NEVER

    def hear(name: str, fields: dict[str, Any]) -> None:
        heard.append((name, fields))
        if name == "store_back":
            back.set()

    start(tick, Events(hear))
    assert back.wait(SOON)
    assert [name for name, _ in heard] == ["store_lost", "store_back"]
    assert str(heard[0][1]["error"]) == "gone"
    assert heard[0][1]["who"] == "test loop"
    assert heard[1][1]["tries"] == 2


def test_a_second_outage_is_told_again(start: Start) -> None:
    heard: list[str] = []
    twice = threading.Event()
    script = iter([StoreUnavailable("first"), None, StoreUnavailable("second"), None])

    def tick() -> float:
        step = next(script, None)
        if step is not None:
            raise step
        return 0.0 if not twice.is_set() else NEVER

    def hear(name: str, _: dict[str, Any]) -> None:
        heard.append(name)
        if heard.count("store_back") == 2:
            twice.set()

    start(tick, Events(hear))
    assert twice.wait(SOON)
    assert heard == ["store_lost", "store_back", "store_lost", "store_back"]


def test_a_failing_tick_is_told_and_the_loop_goes_on(start: Start) -> None:
    heard: list[tuple[str, object]] = []
    ticks = Ticks()
    errors = iter([ValueError("a bug")])

    def tick() -> float:
        for error in errors:
            raise error
        return ticks()

    loop = start(tick, Events(lambda name, fields: heard.append((name, fields["error"]))))
    loop.wake()  # the pause after a bug, too, ends when it is woken
    assert ticks.one_more()
    assert [(name, str(error)) for name, error in heard] == [("loop_failed", "a bug")]
