"""Turns: work is done at a stretch, but not for ever."""

from __future__ import annotations

import time

import pytest

from longpoll.turns import SLICE, Turns


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """When others had a turn; each look at the clock takes a hundredth of a slice."""
    now, slept = [0.0], []

    def monotonic() -> float:
        now[0] += SLICE / 100
        return now[0]

    monkeypatch.setattr(time, "monotonic", monotonic)
    monkeypatch.setattr(time, "sleep", lambda _: slept.append(now[0]))
    return slept


def test_a_short_piece_of_work_is_done_at_a_stretch(slept: list[float]) -> None:
    work = Turns()
    for _ in range(90):
        work.done()
    assert not slept


def test_others_wait_no_longer_than_a_slice(slept: list[float]) -> None:
    work = Turns()
    for _ in range(1_000):
        work.done()
    waits = [later - sooner for sooner, later in zip([0.0, *slept], slept, strict=False)]
    assert len(waits) >= 9
    assert max(waits) < SLICE * 1.1
