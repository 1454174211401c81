"""A worker process from its supervisor's side, with real processes and a real line."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest

from queueapi.settings import Settings
from queueapi.worker.board import Board, create
from queueapi.worker.child import Child, described, start

from .conftest import until

pytestmark = pytest.mark.system


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Both ends of a line: ours, and the process's."""
    ours, theirs = socket.socketpair()
    yield ours, theirs
    ours.close()
    theirs.close()


@pytest.fixture
def line(ends: tuple[socket.socket, socket.socket]) -> socket.socket:
    """The process's end."""
    return ends[1]


@pytest.fixture
def child(ends: tuple[socket.socket, socket.socket]) -> Iterator[Child]:
    """A process that does nothing, whose words the test says for it."""
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    fd = create(1)
    yield Child(process, Board(fd), UUID(int=1), ends[0])
    os.close(fd)
    process.kill()
    process.wait()


def test_what_it_says_is_heard(child: Child, line: socket.socket) -> None:
    child.hear()  # nothing was said yet
    assert child.worked_since is None
    line.sendall(b"R\n")
    child.hear()
    assert child.worked_since is not None
    assert child.line is not None
    assert child.refusal is None


def test_that_it_retires_and_what_it_was_made_of_are_heard_together(child: Child, line: socket.socket) -> None:
    line.sendall(b'F{"a.py":1.5}\nR\nE\n')
    child.hear()
    assert (child.files, child.retiring) == ({"a.py": 1.5}, True)
    assert child.worked_since is not None


def test_it_is_told_to_be_quiet_to_go_on_and_to_retire(child: Child, line: socket.socket) -> None:
    assert not child.leaves_a_place()
    child.be_quiet(True)
    child.be_quiet(False)
    child.retire()
    assert line.recv(16) == b"QCE"
    assert (child.quiet, child.retiring) == (False, True)
    assert [child.leaves_a_place() for _ in range(3)] == [True, False, False]


def test_why_it_refuses_is_heard_in_however_many_pieces_and_with_its_last_breath(
    child: Child, line: socket.socket
) -> None:
    line.sendall(b"!no ")
    child.hear()
    line.sendall("such módule\n".encode())
    line.close()
    child.hear()
    assert child.refusal == "no such módule"
    assert child.line is None
    assert child.worked_since is None


def test_the_word_to_stop_now_reaches_it_and_one_that_is_gone_is_no_error(child: Child, line: socket.socket) -> None:
    child.stop_now()
    assert line.recv(16) == b"N"
    line.close()
    until(lambda: child.ended() == -signal.SIGTERM, "it has ended")
    child.stop_now()
    child.stop()
    child.kill()
    child.hear()
    assert child.line is None


def test_a_process_that_closed_its_line_and_lives_on_is_killed(
    child: Child, line: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("queueapi.worker.child._END_WITHIN", 0.05)
    assert child.ended() is None
    line.close()
    child.hear()
    until(lambda: child.ended() == -signal.SIGKILL, "it is killed")


def test_a_started_process_refuses_what_it_cannot_import_and_ends(tmp_path: Path) -> None:
    child = start(Settings(), ["no_such_module"], burst=False)
    until(lambda: child.ended() is not None, "it ends", 30)
    child.hear()
    assert child.ended() == 2
    assert child.refusal is not None
    assert "there is no module 'no_such_module'" in child.refusal


def test_a_process_that_cannot_be_started_leaves_nothing_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    before = set(os.listdir("/proc/self/fd"))
    with pytest.raises(OSError, match="No such file"):
        start(Settings(), ["workshop"], burst=False)
    assert set(os.listdir("/proc/self/fd")) == before
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, ())


@pytest.mark.parametrize(
    ("code", "words"), [(1, "exit code 1"), (0, "exit code 0"), (-9, "SIGKILL"), (-40, "signal 40")]
)
def test_how_a_process_ended_is_said_in_words(code: int, words: str) -> None:
    assert described(code) == words
