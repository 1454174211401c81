"""What held polls cost, counted and not timed: bytes in the server, and statements while nothing happens."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from queueapi.embedded import EmbeddedPostgres
from tests.benchmarks.counting import Statements
from tests.longpoll.serving import Browser, Service

pytestmark = pytest.mark.system

_FIRST, _POLLS = 40, 400


@pytest.fixture
def traced(dsn: str, tmp_path: Path) -> Iterator[tuple[Service, Callable[[], int]]]:
    """A server, and what says how many bytes its Python objects take."""
    file = tmp_path / "traced"
    words = ["--authorize", "tests.benchmarks.traced:may"]
    service = Service(dsn, *words, PYTHONTRACEMALLOC="1", TRACED=str(file))

    def bytes_used() -> int:
        asking = Browser(service.port, "how-much")
        asking.poll(0)
        asking.leave()
        return int(file.read_text())

    yield service, bytes_used
    service.end()


def test_a_held_poll_takes_less_than_five_kilobytes(traced: tuple[Service, Callable[[], int]]) -> None:
    service, bytes_used = traced
    _hold(service, range(_FIRST))  # what the server needs once is there then
    before = bytes_used()
    _hold(service, range(_FIRST, _FIRST + _POLLS))
    each = (bytes_used() - before) / _POLLS
    assert 500 < each < 5 * 1024


def _hold(service: Service, numbers: range) -> None:
    """A browser each, on a channel of its own, with its second poll open."""
    held = service.held
    for number in numbers:
        browser = service.browser(f"page-{number}")
        browser.poll(0)
        browser.ask()
    deadline = time.monotonic() + 60
    while service.held < held + len(numbers):
        assert time.monotonic() < deadline, f"{service.held} are held"
        time.sleep(0.01)


def test_a_server_with_nothing_to_say_asks_five_times_a_second_at_most(own_server: EmbeddedPostgres) -> None:
    statements = Statements(own_server)
    service = Service(own_server.dsn)
    try:
        _hold(service, range(20))
        statements.await_count("read_messages", 3)  # once at every safety poll, which is once a second
        statements.forget()
        statements.await_count("read_messages", 5)
        asked = statements.all()
    finally:
        service.end()
    assert len(asked) <= 5 * 5, asked
