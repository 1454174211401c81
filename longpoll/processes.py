"""Several processes that share one listening socket: whichever is free accepts. Plain: no gevent in the parent."""

from __future__ import annotations

import logging
import os
import selectors
import signal
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from queueapi.worker.starts import Starts

# Seconds that a process may take beyond its own drain until it is killed.
PATIENCE: Final = 5.0

# Called in a new process with the descriptor that ends when the parent does, and what to call when it serves; its exit
# code. It never returns to the parent's code.
Work = Callable[[int, Callable[[], None]], int]

logger = logging.getLogger("longpoll")


@dataclass
class Child:
    """A process, and the pipe on which it says that it serves."""

    pid: int
    line: int
    serves_since: float | None = None


class Processes:
    """1. starts so many processes; 2. says when all of them serve; 3. starts another when one dies; 4. passes SIGTERM
    and SIGINT on; 5. kills what does not stop in time.

    Args:
        drain: seconds that a process may take to stop.
        ready: called once all of them serve, and again when that has been mended.
    """

    def __init__(self, count: int, work: Work, drain: float, ready: Callable[[], object]) -> None:
        self._count = count
        self._work = work
        self._drain = drain
        self._ready = ready
        self._children: dict[int, Child] = {}
        self._starts = Starts()
        self._selector = selectors.DefaultSelector()
        self._lifeline, self._ours = os.pipe()  # they read its end when we are gone, however we went
        self._code: int | None = None  # a process cannot start, and why not
        self._complete = False
        self._stop_asked = False
        self._kill_at = float("inf")

    def run(self) -> int:
        """Until told to stop; 0, or the exit code with which the first process refused to start."""
        self._catch_signals()
        self._starts.add(self._count)
        while self._children or self._starts:
            for _ in range(self._starts.due()):
                self._start()
            self._wait()
            self._reap()
            self._stop_if_asked()
            self._kill_late()
        return self._code or 0

    # -- 1. and 2.

    def _start(self) -> None:
        line, theirs = os.pipe()
        pid = os.fork()
        if pid == 0:
            self._become_child(theirs)
        os.close(theirs)
        os.set_blocking(line, False)
        self._children[pid] = Child(pid, line)
        self._selector.register(line, selectors.EVENT_READ, pid)

    def _become_child(self, line: int) -> None:
        code = 1
        try:
            signal.set_wakeup_fd(-1)
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD):
                signal.signal(number, signal.SIG_DFL)
            self._selector.close()
            os.close(self._ours)
            for child in self._children.values():
                os.close(child.line)
            code = self._work(self._lifeline, lambda: _say(line))
        except KeyboardInterrupt:
            code = 0
        except BaseException:
            logger.exception("a process failed")
        finally:
            logging.shutdown()
            os._exit(code)

    def _hear(self, pid: int) -> None:
        child = self._children[pid]
        if os.read(child.line, 1):
            child.serves_since = time.monotonic()
        else:
            self._selector.unregister(child.line)
        everybody = len(self._children) == self._count and all(one.serves_since for one in self._children.values())
        if everybody and not self._complete:
            self._ready()
        self._complete = everybody

    def _wait(self) -> None:
        soonest = min(self._starts.soonest, self._kill_at)
        wait = None if soonest == float("inf") else max(0.0, soonest - time.monotonic())
        for key, _ in self._selector.select(wait):
            if key.data is None:
                self._alarm.recv(4096)
            else:
                self._hear(key.data)

    # -- 3.

    def _reap(self) -> None:
        for pid in list(self._children):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                self._part_with(self._children.pop(pid), os.waitstatus_to_exitcode(status))

    def _part_with(self, child: Child, code: int) -> None:
        if child.line in self._selector.get_map():
            self._selector.unregister(child.line)
        os.close(child.line)
        self._complete = False
        if self._stop_asked:
            return
        if child.serves_since is None and code > 0 and not any(one.serves_since for one in self._children.values()):
            self._code = code  # it has said why; the others will say the same
            self._stop_asked = True
            self._starts.clear()
            self._tell(signal.SIGKILL)
            return
        delay = self._starts.replace(child.serves_since)
        how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        logger.error("process %d ended by itself (%s); another takes its place in %.0f s", child.pid, how, delay)

    # -- 4. and 5.

    def _catch_signals(self) -> None:
        self._alarm, self._writer = socket.socketpair()
        for end in (self._alarm, self._writer):
            end.setblocking(False)
        self._selector.register(self._alarm, selectors.EVENT_READ, None)
        signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: setattr(self, "_asked", True))
        signal.signal(signal.SIGCHLD, lambda *_: None)  # so that it wakes the selector

    _asked = False

    def _stop_if_asked(self) -> None:
        if self._asked and not self._stop_asked:
            self._stop_asked = True
            self._starts.clear()
            self._kill_at = time.monotonic() + self._drain + PATIENCE
            self._tell(signal.SIGTERM)

    def _kill_late(self) -> None:
        if time.monotonic() >= self._kill_at:
            self._kill_at = float("inf")
            logger.error("%d processes had not stopped in time and are killed", len(self._children))
            self._tell(signal.SIGKILL)

    def _tell(self, number: signal.Signals) -> None:
        for pid in self._children:
            os.kill(pid, number)


def _say(line: int) -> None:
    os.write(line, b"!")
    os.close(line)
