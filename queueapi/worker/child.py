"""A worker process from its supervisor's side: started, heard, told, and gone."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from uuid import UUID, uuid4

import msgspec

from queueapi.records import WorkerRow
from queueapi.settings import Settings
from queueapi.worker.board import Board, Held, create
from queueapi.worker.finisher import BATCH, UNWRITTEN
from queueapi.worker.lease import ProcessView
from queueapi.worker.orders import (
    BOOT,
    FILES,
    FOR_THE_SUPERVISOR,
    JOBS,
    NOW,
    QUIET,
    READY,
    REFUSED,
    RESUME,
    RETIRE,
    RETIRING,
    Given,
    Orders,
)

# A process whose line is closed is about to end. One that does not has lost its line: nobody could stop it any more.
_END_WITHIN = 5.0


class Child(ProcessView):
    """A worker process and our end of the line to it, a socket.

    Attributes:
        line: None once it is closed.
        worked_since: when it said that it works.
        late: for whose hard timeouts it was killed.
        refusal: why it cannot work, if it said so.
        retiring: it ends when what it runs has ended, and needs to be replaced.
        quiet: it was told to claim no more for now.
        files: those that it was made of, and of which time, if that was asked.
    """

    def __init__(self, process: subprocess.Popen[bytes], board: Board, worker: UUID, line: socket.socket) -> None:
        super().__init__(process.pid, worker, board)
        line.setblocking(False)
        self.line: socket.socket | None = line
        self._closing = threading.Lock()  # the clock says something, too
        self.worked_since: float | None = None
        self.late: list[Held] = []
        self.number = 0
        self.refusal: str | None = None
        self.retiring = self.quiet = self._succeeded = False
        self.files: dict[str, float] = {}
        self._process = process
        self._said = b""
        self._silent_since = float("inf")

    def row(self, settings: Settings) -> WorkerRow:
        """What people see of it."""
        return WorkerRow(self.worker, f"{socket.gethostname()}:{self.pid}", list(settings.queues), settings.concurrency)

    def hear(self) -> None:
        """Read what it said, until there is no more for now, or for ever: then ``line`` is None."""
        said = None
        while said != b"" and self.line is not None:
            try:
                said = self.line.recv(65_536)
            except BlockingIOError:
                break
            except OSError:
                said = b""
            self._said += said
        *lines, self._said = self._said.split(b"\n")
        for one in lines:
            self._heard(one[:1], one[1:])
        if said == b"":
            self.hang_up()

    def _heard(self, word: bytes, rest: bytes) -> None:
        if word == READY:
            self.worked_since = time.monotonic()
        elif word == REFUSED:
            self.refusal = rest.decode(errors="replace")
        elif word == RETIRING:
            self.retiring = True
        elif word == FILES:
            self.files = msgspec.json.decode(rest, type=dict[str, float])

    def hang_up(self) -> None:
        """Close our end: nothing more will be said."""
        with self._closing:
            if self.line is not None:
                self._silent_since = time.monotonic()
                self.line.close()
                self.line = None

    def ended(self) -> int | None:
        """Its exit code, negative for a signal; None while it lives. Never waits."""
        if time.monotonic() - self._silent_since > _END_WITHIN:
            self._process.kill()
        return self._process.poll()

    def stop(self) -> None:
        """Tell it to claim no more, and to end when its jobs have."""
        self._process.terminate()

    def stop_now(self) -> None:
        """Tell it to return everything now."""
        self._process.terminate()  # it may not have come as far as to look at its line
        self._say(NOW)

    def retire(self) -> None:
        """Tell it to end when what it runs has ended, however long that takes."""
        self.retiring = True
        self._say(RETIRE)

    def leaves_a_place(self) -> bool:
        """Whether another is to be started because this one retires. Once."""
        leaves = self.retiring and not self._succeeded
        self._succeeded = self.retiring
        return leaves

    def be_quiet(self, quiet: bool) -> None:
        """Tell it to claim no more for now, or again."""
        self.quiet = quiet
        self._say(QUIET if quiet else RESUME)

    def look(self) -> None:
        """Tell it that there are jobs."""
        if self.worked_since is not None:
            self._say(JOBS)

    def show_stacks(self) -> None:
        """Have it say what all its greenlets are doing."""
        if self.worked_since is not None:
            self._process.send_signal(signal.SIGTTIN)

    def _say(self, word: bytes) -> None:
        try:
            with self._closing:
                if self.line is not None:
                    self.line.send(word, socket.MSG_DONTWAIT)
        except OSError:
            pass  # it is gone already, and will be reaped

    def kill(self) -> None:
        """End it, whatever it does."""
        self._process.kill()


def start(
    settings: Settings,
    modules: Sequence[str],
    burst: bool,
    name: str = "worker",
    watched: bool = False,
    quiet: bool = False,
) -> Child:
    """Start a process.

    Args:
        modules: to import jobs from.
        burst: it ends when nothing is left to do.
        name: what logs and ``ps`` call it.
        watched: it says which files it was made of.
        quiet: it claims nothing until it is told.

    Raises:
        OSError: the system has no room for another.
    """
    worker = uuid4()
    ours, theirs = socket.socketpair()
    # As many as can have begun and not be written down: see Consumer._room.
    board_fd = create(2 * settings.concurrency + BATCH + UNWRITTEN)
    try:
        given = Given(**{name: getattr(settings, name) for name in Given.__struct_fields__})
        orders = Orders(worker, name, list(modules), theirs.fileno(), board_fd, burst, watched, quiet, given)
        # A terminal tells the whole group, and a process that is only just starting would die of it, or stand still.
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, *FOR_THE_SUPERVISOR})
        try:
            process = subprocess.Popen(  # noqa: S603
                [sys.executable, "-c", BOOT, msgspec.json.encode(orders).decode()],
                pass_fds=(theirs.fileno(), board_fd),
            )
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        child = Child(process, Board(board_fd), worker, ours)
        child.quiet = quiet
        return child
    except BaseException:
        ours.close()
        raise
    finally:
        theirs.close()
        os.close(board_fd)


def described(code: int) -> str:
    """How a process ended, in words."""
    try:
        return signal.Signals(-code).name if code < 0 else f"exit code {code}"
    except ValueError:  # a real-time signal has no name
        return f"signal {-code}"
