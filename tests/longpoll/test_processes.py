"""``longpoll-serve --processes N``: one port, several processes, and none missed for long."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from longpoll.log import Channels
from tests.longpoll.conftest import until
from tests.longpoll.serving import SECRET, Service, outcome, start

pytestmark = pytest.mark.system

Serve = Callable[..., Service]


def children(service: Service) -> list[int]:
    """The processes that serve."""
    text = Path(f"/proc/{service.process.pid}/task/{service.process.pid}/children").read_text()
    return [int(pid) for pid in text.split()]


def is_there(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_browsers_of_all_processes_hear_the_same(serve: Serve, channels: Channels) -> None:
    service = serve("--processes", "3")
    assert len(children(service)) == 3
    browsers = [service.browser("news") for _ in range(20)]
    for browser in browsers:
        assert browser.poll(0) == []
    for browser in browsers:
        browser.ask()
    channels["news"].publish("said", 1)
    assert [browser.answer() for browser in browsers] == [[("said", 1)]] * 20
    for browser in browsers:
        browser.leave()


def test_a_process_that_is_killed_is_replaced_and_nobody_misses_anything(serve: Serve, channels: Channels) -> None:
    service = serve("--processes", "2")
    browser = service.browser("news")
    browser.poll(0)
    browser.leave()
    for number in range(4):
        victim = children(service)[0]
        os.kill(victim, signal.SIGKILL)
        channels["news"].publish("said", number)
        until(lambda victim=victim: len(children(service)) == 2 and victim not in children(service))  # type: ignore[misc]
        again = service.browser("news")
        again.cursor = browser.cursor
        assert again.poll() == [("said", number)]
        browser.cursor = again.cursor
        again.leave()
    assert service.end().count("ended by itself (SIGKILL)") == 4


def test_when_the_parent_is_killed_its_processes_answer_everybody_and_go(dsn: str) -> None:
    service = Service(dsn, "--processes", "2")
    processes = children(service)
    browser = service.browser("news").ask()
    until(lambda: service.held == 1)
    service.process.kill()
    assert browser.answer() == []
    until(lambda: not any(map(is_there, processes)))
    service.process.communicate()
    browser.leave()


def test_told_to_stop_all_processes_answer_and_go(serve: Serve) -> None:
    service = serve("--processes", "2")
    processes = children(service)
    browsers = [service.browser("news") for _ in range(10)]
    for browser in browsers:
        browser.poll(0)
        browser.ask()
    service.process.send_signal(signal.SIGTERM)
    assert [browser.answer() for browser in browsers] == [[]] * 10
    assert "stopped: all 2 processes" in service.process.communicate(timeout=20)[1]
    assert not any(map(is_there, processes))


def test_what_every_process_refuses_is_said_and_stops_the_parent(dsn: str, empty_dsn: str) -> None:
    code, said = outcome("--processes", "2", DATABASE_URL=empty_dsn)
    assert code == 3
    assert "longpoll-serve: " in said
    code, said = outcome("--processes", "2", DATABASE_URL=dsn, QUEUEAPI_SECRET="short")
    assert code == 2


def test_the_application_says_who_may_listen_and_publish(dsn: str, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("def may(request, channel, action):\n    return channel == 'private-mine'\n")
    service = Service(dsn, "--authorize", "mine:may", PYTHONPATH=str(tmp_path))
    assert service.get('/poll?channels=["private-mine"]&wait=0')[0] == 200
    status, said = service.get('/poll?channels=["news"]&wait=0')
    assert (status, "forbidden" in said) == (403, True)
    service.end()


@pytest.mark.parametrize("path", ["nowhere:may", "os:nothing", "os", "os:name"])
def test_a_function_that_is_not_there_is_named(dsn: str, path: str) -> None:
    code, said = outcome("--authorize", path, DATABASE_URL=dsn)
    assert code == 2
    assert f"--authorize {path}" in said


def test_a_parent_that_cannot_start_anything_says_so_only_once() -> None:
    process = start("--processes", "3", "--port", "0", DATABASE_URL="postgresql://nobody@127.0.0.1:1/none")
    said = process.communicate(timeout=60)[1]
    assert process.returncode == 1
    assert "127.0.0.1" in said
    assert SECRET not in said
