"""Greenlets that share a burst of work."""

from time import monotonic

import gevent
import pytest
from gevent import GreenletExit, getcurrent
from gevent.event import Event

from longpoll.server.crew import SLICE, Crew


def end(crew: Crew[int], *events: Event) -> None:
    for event in events:
        assert event.wait(5)
    crew.kill(5)


def test_a_burst_is_done_in_order_by_one_greenlet() -> None:
    done: list[tuple[int, object]] = []
    all_done = Event()

    def work(number: int) -> None:
        done.append((number, getcurrent()))
        if number == 9:
            all_done.set()

    crew = Crew(gevent.get_hub().loop, work)
    for number in range(10):
        crew.add(number)
    assert not done  # whoever adds is not kept from its own
    end(crew, all_done)
    assert [number for number, _ in done] == list(range(10))
    assert len({id(greenlet) for _, greenlet in done}) == 1


def test_a_piece_that_waits_keeps_nobody_else() -> None:
    answered, all_done = Event(), Event()
    begun: list[int] = []
    ended: list[int] = []

    def work(number: int) -> None:
        begun.append(number)
        if number % 2 == 0:
            assert answered.wait(5)
        ended.append(number)
        if len(ended) == 6:
            all_done.set()

    crew = Crew(gevent.get_hub().loop, work)
    for number in range(4):
        crew.add(number)
    for number in range(4, 6):
        while len(begun) < number:
            gevent.sleep(0.001)
        assert ended == list(range(1, number, 2))
        crew.add(number)
    while len(ended) < 3:
        gevent.sleep(0.001)
    assert (begun, ended) == ([0, 1, 2, 3, 4, 5], [1, 3, 5])
    answered.set()
    end(crew, all_done)
    assert sorted(ended) == list(range(6))


@pytest.fixture
def quiet(monkeypatch: pytest.MonkeyPatch) -> list[type[BaseException]]:
    """What gevent would print of greenlets that failed."""
    failed: list[type[BaseException]] = []
    monkeypatch.setattr(gevent.get_hub(), "handle_error", lambda context, kind, *_: failed.append(kind))
    return failed


def test_a_piece_that_fails_costs_the_others_nothing(quiet: list[type[BaseException]]) -> None:
    all_done = Event()

    def work(number: int) -> None:
        if number == 3:
            all_done.set()
        else:
            raise ValueError(number)

    crew = Crew(gevent.get_hub().loop, work)
    for number in range(4):
        crew.add(number)
    end(crew, all_done)
    assert quiet == [ValueError] * 3


def test_the_event_loop_has_its_turn_in_a_long_burst() -> None:
    done: list[int] = []
    seen: set[int] = set()
    all_done = Event()

    def work(number: int) -> None:
        until = monotonic() + SLICE / 4
        while monotonic() < until:
            pass
        done.append(number)
        if number == 39:
            all_done.set()

    crew = Crew(gevent.get_hub().loop, work)
    for number in range(40):
        crew.add(number)
    timer = gevent.get_hub().loop.timer(0, SLICE / 2)
    timer.start(lambda: seen.add(len(done)))
    end(crew, all_done)
    timer.close()
    assert len(seen - {0, 40}) >= 5


def test_what_is_at_work_can_be_killed_and_what_has_not_begun_never_does() -> None:
    begun: list[int] = []
    ended: list[type[BaseException]] = []
    at_work = Event()

    def work(number: int) -> None:
        begun.append(number)
        at_work.set()
        try:
            Event().wait()
        except GreenletExit as error:
            ended.append(type(error))
            raise

    crew = Crew(gevent.get_hub().loop, work)
    crew.add(1)
    assert at_work.wait(5)
    crew.add(2)
    crew.kill(5)
    gevent.sleep(SLICE)
    assert (begun, ended) == ([1], [GreenletExit])
