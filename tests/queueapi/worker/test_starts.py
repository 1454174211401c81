"""When a process is started in place of another."""

from __future__ import annotations

from queueapi.worker.starts import LONGEST_DELAY, YOUNG, Starts


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_what_is_added_is_due_once() -> None:
    starts = Starts(Clock())
    assert not starts
    starts.add(3)
    assert starts
    assert (starts.due(), starts.due()) == (3, 0)
    assert not starts


def test_what_comes_later_is_due_later() -> None:
    clock = Clock()
    starts = Starts(clock)
    starts.add(delay=5)
    assert (starts.due(), starts.soonest) == (0, 1005.0)
    clock.now += 5
    assert (starts.due(), starts.soonest) == (1, float("inf"))


def test_who_died_young_is_replaced_ever_later_and_who_has_worked_at_once() -> None:
    clock = Clock()
    starts = Starts(clock)
    assert [starts.replace(None) for _ in range(4)] == [0, 1, 2, 4]
    assert [starts.replace(clock.now - YOUNG / 2) for _ in range(4)] == [8, 16, LONGEST_DELAY, LONGEST_DELAY]
    assert starts.replace(clock.now - YOUNG) == 0
    assert starts.replace(None) == 0, "it is counted anew"


def test_when_the_cause_may_be_gone_all_are_due_and_the_young_deaths_are_forgotten() -> None:
    starts = Starts(Clock())
    for _ in range(6):
        starts.replace(None)
    starts.hurry()
    assert starts.due() == 6
    assert starts.replace(None) == 0
    starts.clear()
    assert not starts
