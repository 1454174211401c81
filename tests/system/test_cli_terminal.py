"""What the commands look like where somebody sits at a terminal, and what workers' options do besides running jobs."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from fcntl import ioctl
from pathlib import Path
from typing import Any

import pytest
import workshop

from queueapi import Queue, State
from queueapi.served import SCRATCH
from tests.system.conftest import Sql, Start

pytestmark = pytest.mark.system

CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Terminal:
    """A command in a terminal of so many columns."""

    def __init__(self, words: list[str], dsn: str, columns: int, **more: str) -> None:
        self._master, slave = pty.openpty()
        ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
        environment = {**os.environ, "DATABASE_URL": dsn, "TERM": "xterm-256color", **more}
        for name in ("COLUMNS", "LINES", "NO_COLOR"):
            environment.pop(name, None)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "queueapi", *words], stdin=slave, stdout=slave, stderr=slave, env=environment,
            start_new_session=True,
        )  # fmt: skip
        os.close(slave)
        self.said = ""

    def until(self, pattern: str, seconds: float = 20.0) -> str:
        """Wait until it has said that."""
        deadline = time.monotonic() + seconds
        while not re.search(pattern, self.plain):
            assert time.monotonic() < deadline, self.said
            if not self._read(0.5) and self.process.poll() is not None:
                break
        assert re.search(pattern, self.plain), self.said
        return self.plain

    def end(self) -> int:
        """Its exit code; all that it said has been read."""
        while self._read(20.0):
            pass
        return self.process.wait(20)

    def type(self, text: str) -> None:
        os.write(self._master, text.encode())

    def destroy(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._master)

    @property
    def plain(self) -> str:
        return CONTROL.sub("", self.said).replace("\r\n", "\n")

    def _read(self, seconds: float) -> bool:
        if not select.select([self._master], [], [], seconds)[0]:
            return False
        try:
            said = os.read(self._master, 65_536)
        except OSError:  # the other end is closed
            return False
        self.said += said.decode("utf-8", "replace")
        return bool(said)


Open = Callable[..., Terminal]


@pytest.fixture
def terminal(dsn: str) -> Iterator[Open]:
    opened: list[Terminal] = []

    def run(*words: str, columns: int = 80, **more: str) -> Terminal:
        opened.append(Terminal(list(words), dsn, columns, **more))
        return opened[-1]

    yield run
    for one in opened:
        one.destroy()


@pytest.mark.parametrize("columns", [80, 120])
def test_status_fits_the_terminal_and_has_colours(columns: int, terminal: Open, queue: Queue, sql: Sql) -> None:
    queue["newsletters_for_everybody_who_wants_one"].push(workshop.Noted(1))
    handle = queue["mail"].push(workshop.Noted(2))
    sql("update queueapi.jobs set state = 'running', token = 1, lease_until = now() + interval '1 min', "
        "claimed_at = now(), attempt = 1 where id = %s", handle.id)  # fmt: skip
    sql("insert into queueapi.progress (job_id, token, done, total, message) values (%s, 1, 1, 2, %s)",
        handle.id, "a job that has a lot to say of itself")  # fmt: skip
    shown = terminal("status", columns=columns)
    assert shown.end() == 0
    assert "\x1b[1m" in shown.said
    assert max(map(len, shown.plain.splitlines())) <= columns
    assert "━━━━━╌╌╌╌╌  50%" in shown.plain
    assert next(line for line in shown.plain.splitlines() if "50%" in line).startswith(str(handle.id).rjust(3))


def test_watching_shows_what_changes_until_ctrl_c(terminal: Open, queue: Queue, sql: Sql) -> None:
    shown = terminal("status", "--watch", "0.2")
    shown.until("no jobs yet")
    queue["mail"].push(workshop.Noted(1))
    shown.until(r"mail +1 +0 +0 +0")
    shown.process.send_signal(signal.SIGINT)
    assert shown.end() == 130
    assert "Traceback" not in shown.said


def test_purge_asks_and_does_as_it_is_told(terminal: Open, queue: Queue, sql: Sql) -> None:
    handle = queue["mail"].push(workshop.Noted(1))
    for answer, code, state in (("n", 1, State.AVAILABLE), ("y", 0, State.CANCELLED)):
        asked = terminal("purge", "mail")
        asked.until(r"Discard 1 waiting jobs of mail\? \[y/N\]")
        asked.type(f"{answer}\n")
        assert asked.end() == code
        assert handle.state() is state


def test_without_rich_a_terminal_gets_the_plain_lines(terminal: Open, queue: Queue, sql: Sql, tmp_path: Path) -> None:
    (tmp_path / "rich").mkdir()
    (tmp_path / "rich" / "__init__.py").write_text("raise ImportError('not here')")
    queue["mail"].push(workshop.Noted(1))
    shown = terminal("status", PYTHONPATH=str(tmp_path))
    assert shown.end() == 0
    assert "\x1b[" not in shown.said
    assert re.search(r"^mail +1 +0 +0 +0", shown.plain, re.M)


# -- bench


def test_a_benchmark_says_figures_touches_nobody_elses_jobs_and_leaves_nothing(
    terminal: Open, start: Start, queue: Queue, sql: Sql
) -> None:
    others = [queue["mail"].push(workshop.Noted(1)), queue["mail"].push(workshop.Noted(2), delay=60)]
    before = sql("select id, state, attempt, xmin::text from queueapi.jobs order by id")
    greedy = start("-q", "*", "-q", "!mail").ready()
    measured = terminal("bench", "-n", "1500")
    assert measured.end() == 0, measured.said
    figures = {"pushed one by one": "500", "pushed by the thousand": "1,000", "run by 1 × 20 slots": "1,500"}
    figures["one after the other, each with its result"] = "100"
    for what, count in figures.items():
        assert re.search(rf"{what} +{count} +[\d.]+ +[\d,]+\n", measured.plain), measured.plain
    assert sql("select id, state, attempt, xmin::text from queueapi.jobs order by id") == before
    assert sql("select count(*) from queueapi.finished") == [(0,)]
    assert [handle.state() for handle in others] == [State.AVAILABLE, State.SCHEDULED]
    assert SCRATCH not in greedy.log


# -- what queueapi-work does besides running jobs


def work(dsn: str, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "queueapi", "work", *words], capture_output=True, text=True, timeout=60,
        env={**os.environ, "DATABASE_URL": dsn, "PYTHONPATH": str(Path(__file__).parent)},
    )  # fmt: skip


def test_check_says_that_all_is_in_order_and_starts_nothing(dsn: str, sql: Sql) -> None:
    done = work(dsn, "-A", "workshop:Noted", "-q", "mail=2", "--check")
    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(r"all is in order: \d+ kinds of jobs, on mail=2; the schema fits\n", done.stdout)


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["nosuch", "--check"], 2, "there is no module 'nosuch' to import jobs from"),
        (["-A", "workshop:nosuch", "--check"], 2, "workshop has no 'nosuch': say  -A MODULE:NAME"),
        (["workshop", "-c", "0", "--check"], 2, "concurrency is 0"),
        (["--check"], 2, "name the modules that define jobs"),
    ],
)
def test_check_says_what_is_wrong(words: list[str], code: int, sentence: str, dsn: str) -> None:
    done = work(dsn, *words)
    assert done.returncode == code
    assert sentence in done.stderr


def test_check_of_a_schema_that_does_not_fit_is_exit_code_3(empty_dsn: str) -> None:
    done = work(empty_dsn, "workshop", "--check")
    assert done.returncode == 3
    assert "run  queueapi migrate" in done.stderr


def test_the_pid_file_is_there_while_it_runs_and_keeps_a_second_one_away(
    start: Start, queue: Queue, sql: Sql, tmp_path: Path
) -> None:
    file = tmp_path / "worker.pid"
    worker = start("--pid-file", file).ready()
    assert file.read_text() == f"{worker.process.pid}\n"
    second = start("--pid-file", file)
    assert second.wait(20) == 2
    assert f"belongs to process {worker.process.pid}, which runs" in second.log
    worker.signal(signal.SIGKILL)
    worker.wait()
    third = start("--pid-file", file).ready()  # what a killed one left behind is no obstacle
    assert file.read_text() == f"{third.process.pid}\n"
    third.signal(signal.SIGTERM)
    assert third.wait(20) == 0
    assert not file.exists()
    assert start("--pid-file", tmp_path / "no" / "such.pid").wait(20) == 2


APPLICATION = """
from contextlib import contextmanager
from queueapi import Job

class App:
    depth = 0

    @contextmanager
    def app_context(self):  # as Flask's
        self.depth += 1
        yield
        self.depth -= 1

class Looks(Job, kind="tests.looks"):
    def run(self):
        return app.depth

app = App()
"""


def test_an_application_is_imported_with_its_jobs_which_run_in_its_context(
    start: Start, queue: Queue, sql: Sql, tmp_path: Path
) -> None:
    (tmp_path / "myapp.py").write_text(APPLICATION)
    namespace: dict[str, Any] = {"__name__": "myapp"}
    exec(APPLICATION, namespace)
    start("-A", "myapp:app", modules=(), PYTHONPATH=str(tmp_path)).ready()
    assert [queue.push(namespace["Looks"]()).wait(20) for _ in range(2)] == [1, 1]
