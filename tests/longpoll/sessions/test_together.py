"""Many who ask at once are one statement, and each gets its own answer."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest

from longpoll.sessions.together import MOST, Together
from tests.longpoll.conftest import until


def in_threads(count: int, work: object) -> None:
    threads = [threading.Thread(target=work, args=(number,)) for number in range(count)]  # type: ignore[arg-type]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
        assert not thread.is_alive()


def test_who_is_alone_waits_for_nobody() -> None:
    together = Together[int, int](lambda items: [item * 2 for item in items])
    assert [together.ask(number) for number in range(3)] == [0, 2, 4]


def test_those_who_come_while_one_works_are_the_next_round() -> None:
    rounds: list[list[int]] = []
    begun, go_on = threading.Event(), threading.Event()
    answers: dict[int, int] = {}

    def work(items: Sequence[int]) -> list[int]:
        rounds.append(sorted(items))
        begun.set()
        assert go_on.wait(20)
        return [item * 2 for item in items]

    together = Together[int, int](work)
    first = threading.Thread(target=lambda: answers.update({0: together.ask(0)}))
    first.start()
    assert begun.wait(20)
    waiting = [threading.Thread(target=lambda n=n: answers.update({n: together.ask(n)})) for n in range(1, 700)]
    for thread in waiting:
        thread.start()
    until(lambda: len(together._waiting) == 699)
    go_on.set()
    for thread in (first, *waiting):
        thread.join(20)
    assert [len(some) for some in rounds] == [1, MOST, 699 - MOST]
    assert answers == {number: number * 2 for number in range(700)}


def test_an_error_is_everybodys_who_asked_in_that_round_and_nobody_elses() -> None:
    failing = [True]

    def work(items: Sequence[int]) -> list[int]:
        if failing:
            failing.clear()
            raise OSError("gone")
        return list(items)

    together = Together[int, int](work)
    with pytest.raises(OSError, match="gone"):
        together.ask(1)
    assert together.ask(2) == 2


class Interrupted(BaseException):
    pass


def test_who_is_interrupted_while_waiting_keeps_nobody_from_going_on(monkeypatch: pytest.MonkeyPatch) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def work(items: Sequence[int]) -> list[int]:
        begun.set()
        assert go_on.wait(20)
        return list(items)

    together = Together[int, int](work)
    first = threading.Thread(target=together.ask, args=(1,))
    first.start()
    assert begun.wait(20)

    def interrupt(self: threading.Event, timeout: float | None = None) -> bool:
        go_on.set()
        until(lambda: together._waiting[0].leads)  # the work is handed to who is being interrupted
        raise Interrupted

    with monkeypatch.context() as patch:
        patch.setattr(threading.Event, "wait", interrupt)
        with pytest.raises(Interrupted):
            together.ask(2)
    first.join(20)
    assert together.ask(3) == 3


def test_nothing_is_mixed_up_when_many_ask_again_and_again() -> None:
    together = Together[int, int](lambda items: [item + 1 for item in items])
    wrong: list[int] = []

    def ask(number: int) -> None:
        wrong.extend(n for n in range(number, number + 200) if together.ask(n) != n + 1)

    in_threads(20, ask)
    assert wrong == []
    assert not together._busy
