"""Real workers for the tests: ``queueapi-work`` as people start it, its words, its processes, and none left behind."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from signal import Signals
from typing import Any

import psutil
import psycopg
import pytest

from queueapi import Queue, Settings
from queueapi.runtime import Runtime

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))  # for workshop, which workers import by that name as well

import workshop  # noqa: E402

Sql = Callable[..., list[tuple[Any, ...]]]


# How long is waited until something counts as never coming, against a machine that does nothing else: in CI other tests
# run at the same time.
PATIENCE = 4 if os.environ.get("CI") else 1


def until(condition: Callable[..., Any], what: str, seconds: float = 30.0) -> Any:
    """What the condition gives, once that is something; for what sends no event.

    It is asked without arguments, and may have defaults: a lambda in a loop binds the loop's variables so.
    """
    deadline = time.monotonic() + seconds * PATIENCE
    while not (found := condition()):
        assert time.monotonic() < deadline, f"after {seconds} s still not: {what}"
        time.sleep(0.01)
    return found


class Worker:
    """One ``queueapi-work``: a supervisor and its processes, in a process group of their own."""

    def __init__(self, words: tuple[str, ...], environment: dict[str, str], log: Path) -> None:
        self._log = log
        with log.open("wb") as file:
            self.process = subprocess.Popen(
                [sys.executable, "-c", "import sys; from queueapi.cli import work; sys.exit(work())", *words],
                env={**os.environ, "PYTHONPATH": str(HERE), **environment},
                cwd=log.parent,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                start_new_session=True,
            )
        self._seen: dict[int, psutil.Process] = {}

    @property
    def log(self) -> str:
        """All that it has said."""
        return self._log.read_text("utf-8", "replace")

    def said(self, pattern: str, seconds: float = 30.0) -> re.Match[str]:
        """Wait until it has said that."""
        found: re.Match[str] = until(lambda: re.search(pattern, self.log), f"{pattern!r} in\n{self.log}", seconds)
        return found

    def ready(self) -> Worker:
        """Wait until all its processes work."""
        self.said("ready: ")
        return self

    def pids(self) -> list[int]:
        """Of its worker processes, the oldest first."""
        try:
            children = psutil.Process(self.process.pid).children()
        except psutil.NoSuchProcess:
            return []
        self._seen.update((child.pid, child) for child in children)
        alive = [child for child in children if child.is_running() and child.status() != psutil.STATUS_ZOMBIE]
        return [child.pid for child in sorted(alive, key=lambda child: child.create_time())]

    def signal(self, number: Signals) -> None:
        """Send a signal to the supervisor alone."""
        self.process.send_signal(number)

    def signal_group(self, number: Signals) -> None:
        """Send a signal to all, as a terminal does with Ctrl-C."""
        os.killpg(self.process.pid, number)

    def wait(self, seconds: float = 30.0) -> int:
        """Its exit code, once it has ended."""
        try:
            return self.process.wait(seconds * PATIENCE)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"it has not ended after {seconds} s:\n{self.log}") from None

    def left_behind(self) -> list[int]:
        """Its processes that still live, of those that were ever asked for by :meth:`pids`."""
        return [pid for pid, one in self._seen.items() if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]

    def destroy(self) -> None:
        """End all of it."""
        self.pids()
        for pid in (self.process.pid, *self.left_behind()):
            try:
                os.kill(pid, signal.SIGCONT)
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.process.wait()


Start = Callable[..., Worker]


@pytest.fixture
def environment(dsn: str) -> dict[str, str]:
    """What workers find in their environment."""
    return {"DATABASE_URL": dsn}


@pytest.fixture
def start(environment: dict[str, str], tmp_path: Path) -> Iterator[Start]:
    """Start ``queueapi-work workshop`` with these words; it and its processes are gone after the test."""
    workers: list[Worker] = []

    def run(*words: object, modules: tuple[str, ...] = ("workshop",), **variables: str) -> Worker:
        log = tmp_path / f"worker-{len(workers)}.log"
        worker = Worker((*modules, *map(str, words)), {**environment, **variables}, log)
        workers.append(worker)
        return worker

    yield run
    for worker in workers:
        worker.destroy()
        print(f"--- what {worker.process.args[3:]!r} said ---\n{worker.log}")  # type: ignore[index]


@pytest.fixture
def sql(environment: dict[str, str]) -> Iterator[Sql]:
    """Run any SQL, committed, and have its rows; the tables that the jobs write to are there."""
    with psycopg.connect(environment["DATABASE_URL"], autocommit=True) as connection:

        def run(statement: str, *params: object) -> list[tuple[Any, ...]]:
            cursor = connection.execute(statement.encode(), params or None)
            return cursor.fetchall() if cursor.description else []

        run(workshop.TABLES)
        yield run


@pytest.fixture
def queue(environment: dict[str, str]) -> Iterator[Queue]:
    """The queue as a web process has it."""
    runtime = Runtime(Settings(database_url=environment["DATABASE_URL"], connect_timeout=2, pool_size=32))
    yield Queue(lambda: runtime)
    runtime.pool.close()


def all_done(sql: Sql, count: int) -> Callable[[], bool]:
    """A condition: so many jobs are finished, and none is left."""

    def condition() -> bool:
        ((left,),) = sql("select count(*) from queueapi.jobs")
        return bool(left == 0 and sql("select count(*) from queueapi.finished") == [(count,)])

    return condition
