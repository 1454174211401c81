"""Deadlines: met within two steps, never before their time, and gone when nobody waits."""

from __future__ import annotations

import time

import pytest

from longpoll.deadlines import STEP, Deadlines
from longpoll.names import Channels
from longpoll.waiter import Waiter


class Clock:
    now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(time, "monotonic", clock.monotonic)
    return clock


def waiter() -> Waiter:
    return Waiter(Channels((), ()), lambda news: None)


@pytest.mark.parametrize("seconds", [0.0, 0.1, STEP, 1.0, 24.9, 25.0])
def test_nobody_is_late_before_the_time_and_everybody_is_a_step_after(clock: Clock, seconds: float) -> None:
    for fraction in (0.0, 0.1, 0.2, 0.249):
        clock.now = 1000.0 + fraction
        waiting, someone = Deadlines(), waiter()
        waiting.add(someone, seconds)
        clock.now += seconds - 0.001
        assert waiting.late() == []
        clock.now += STEP + 0.001
        assert waiting.late() == [someone]


def test_who_is_late_stays_so_until_discarded(clock: Clock) -> None:
    waiting, one, two = Deadlines(), waiter(), waiter()
    waiting.add(one, 1)
    waiting.add(two, 100)
    clock.now += 60
    assert waiting.late() == [one]
    assert waiting.late() == [one]
    waiting.discard(one)
    waiting.discard(one)
    assert waiting.late() == []
    assert list(waiting) == [two]
    assert len(waiting) == 1


def test_discarding_all_leaves_nothing(clock: Clock) -> None:
    waiting, crowd = Deadlines(), [waiter() for _ in range(100)]
    for number, one in enumerate(crowd):
        waiting.add(one, number)
    assert len(waiting) == 100
    assert set(waiting) == set(crowd)
    for one in crowd:
        waiting.discard(one)
    assert len(waiting) == 0
    assert waiting._steps == {}


def test_a_waiter_that_never_waited_may_be_discarded() -> None:
    Deadlines().discard(waiter())


def test_discarding_while_all_are_gone_through_is_safe() -> None:
    waiting = Deadlines()
    for number in range(10):
        waiting.add(waiter(), number)
    for one in waiting:
        waiting.discard(one)
    assert len(waiting) == 0


def test_the_clock_is_the_one_that_nobody_sets() -> None:
    waiting, one = Deadlines(), waiter()
    waiting.add(one, 0)
    assert abs(one.step * STEP - time.monotonic()) < 60
