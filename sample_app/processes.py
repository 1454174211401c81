"""Several processes in one terminal: started in order, each line under its name, stopped in reverse, none left behind.

What ``foreman`` does for a Procfile, small enough to read, and with nothing that outlives a kill -9.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import BinaryIO, Self

from queueapi.embedded.tether import spawn

_COLOURS = (36, 33, 32, 35, 34, 96, 93)  # ANSI: readable on black and on white, red is left for errors
_LOOK = 0.05  # seconds between two looks whether something answers


class Ended(Exception):
    """A process ended without being asked to.

    Attributes:
        name: which.
        status: its exit status, as ``subprocess`` has it: negative for a signal.
    """

    def __init__(self, name: str, status: int) -> None:
        how = f"was killed by {signal.Signals(-status).name}" if status < 0 else f"ended with exit code {status}"
        super().__init__(f"{name} {how}")
        self.name, self.status = name, status


class Asked(Exception):
    """Somebody wants us to stop: a signal, or the terminal that we print to is gone."""


class NoAnswer(Exception):
    """Something runs, but does not answer in time."""


@dataclass
class Child:
    """One process. ``patience``: seconds from SIGTERM to SIGKILL. ``ready``: set by a line that holds ``sign``."""

    name: str
    process: subprocess.Popen[bytes]
    patience: float
    sign: bytes
    ready: threading.Event = field(default_factory=threading.Event)


class Processes:
    """A context manager around a few processes; leaving it stops them all.

    1. start: a child in a session of its own, so that the terminal's Ctrl-C reaches only us, who stop it in order.
    2. print: every line whole and at once, behind its padded name.
    3. run, until: go on when a process has done its work, or when something answers.
    4. watch: block until somebody ends, or asks us to.
    5. stop: in reverse order, politely, then not.

    All waiting is one ``get`` on one queue of what happens: an end of a process, a signal.
    """

    def __init__(self, out: BinaryIO, *, names: Sequence[str] = (), colour: bool = False) -> None:
        self._out = out
        self._names = list(names)
        self._width = max(map(len, names), default=0)
        self._colour = colour
        self._writing = threading.Lock()
        self._children: list[Child] = []
        # A SimpleQueue, for its put is safe in a signal handler, which may interrupt a get of the same thread.
        self._happened: SimpleQueue[Ended | Asked] = SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._over = threading.Event()
        self._handlers: dict[signal.Signals, object] = {}

    def __enter__(self) -> Self:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) is signal.SIG_IGN:  # nohup, or a shell's background job
                continue
            self._handlers[number] = signal.signal(number, lambda *_: self._happened.put(Asked()))
        self._thread(self._await_hangup)
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        for number, handler in self._handlers.items():
            signal.signal(number, handler)  # type: ignore[arg-type]

    def start(
        self,
        name: str,
        command: Sequence[str],
        env: Mapping[str, str] | None = None,
        *,
        patience: float = 1.0,
        sign: str = "",
    ) -> Child:
        """Start ``command``; it gets SIGTERM should we be killed. ``sign``: see :class:`Child`."""
        process = spawn(
            command,
            signal.SIGTERM,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=env,
            start_new_session=True,
        )
        child = Child(name, process, patience, sign.encode())
        self._children.append(child)
        printer = self._thread(self._relay, child)
        self._threads.append(printer)
        self._thread(self._await_end, name, process.wait, printer)
        return child

    def print(self, name: str, line: bytes) -> None:
        """One line under a name, in one write."""
        head = f"{name:<{self._width}} | "
        if self._colour:
            number = self._names.index(name) if name in self._names else 0
            head = f"\x1b[{_COLOURS[number % len(_COLOURS)]}m{head}\x1b[0m"
        self.write(head.encode() + line.rstrip(b"\r\n") + b"\n")

    def write(self, text: bytes) -> None:
        """Text of our own, in one write."""
        with self._writing:
            try:
                self._out.write(text)
                self._out.flush()
            except OSError:  # the terminal is gone, which is noticed elsewhere
                pass

    def follow(self, name: str, log: Path, wait: Callable[[], int]) -> None:
        """Print and watch a process that somebody else starts and stops: its log file, and its blocking ``wait``."""
        self._threads.append(self._thread(self._tail, name, log))
        self._thread(self._await_end, name, wait, None)

    def run(self, name: str, command: Sequence[str], env: Mapping[str, str] | None = None) -> None:
        """Start ``command`` and block until it has done its work.

        Raises:
            Ended: with another status than 0, or somebody else ended meanwhile.
            Asked: to stop.
        """
        child = self.start(name, command, env)
        try:
            self.watch()
        except Ended as end:
            if end.name != name or end.status != 0:
                raise
        self._children.remove(child)

    def until(self, answers: Callable[[], bool], within: float, complaint: str) -> None:
        """Block until ``answers()``.

        Raises:
            NoAnswer: with ``complaint``, after ``within`` seconds.
            Ended, Asked: as soon as that happens.
        """
        deadline = time.monotonic() + within
        while not answers():
            if time.monotonic() > deadline:
                raise NoAnswer(complaint)
            self.watch(_LOOK)

    def watch(self, seconds: float | None = None) -> None:
        """Block, at most ``seconds``.

        Raises:
            Ended, Asked: as soon as that happens.
        """
        try:
            raise self._happened.get(timeout=seconds)
        except Empty:
            return

    def stop(self, budget: float = 4.0) -> None:
        """Stop the youngest first, within ``budget`` seconds for all of them together."""
        end = time.monotonic() + budget
        while self._children:
            child = self._children.pop()
            _stop(child.process, min(end - time.monotonic(), child.patience))
        self._over.set()
        for thread in self._threads:  # or their last words would meet an interpreter that is being taken down
            thread.join(0.5)

    def _relay(self, child: Child) -> None:
        assert child.process.stdout
        with child.process.stdout as lines:
            for line in lines:
                if child.sign and child.sign in line:
                    child.ready.set()
                self.print(child.name, line)

    def _tail(self, name: str, log: Path) -> None:
        with log.open("rb") as lines:
            while True:
                over = self._over.is_set()
                for line in lines:
                    self.print(name, line)
                if over:
                    return
                self._over.wait(0.2)

    def _await_end(self, name: str, wait: Callable[[], int], printer: threading.Thread | None) -> None:
        status = wait()
        if printer:
            printer.join(0.5)  # its last words come first; a grandchild that holds the pipe is not waited for
        self._happened.put(Ended(name, status))

    def _await_hangup(self) -> None:
        """A closed window sends SIGHUP to its first process, and not every one hands it on to us."""
        try:
            terminal = select.poll()
            terminal.register(self._out.fileno(), 0)
        except OSError:  # no file, so nothing that could be closed from the other side
            return
        terminal.poll()  # returns at a hangup only, for that cannot be left out
        self._happened.put(Asked())

    @staticmethod
    def _thread(work: Callable[..., None], *words: object) -> threading.Thread:
        thread = threading.Thread(target=work, args=words, daemon=True)
        thread.start()
        return thread


def _stop(process: subprocess.Popen[bytes], patience: float) -> None:
    process.terminate()
    try:
        process.wait(max(patience, 0))
    except subprocess.TimeoutExpired:
        pass
    try:
        os.killpg(process.pid, signal.SIGKILL)  # the stubborn, and what it may have left in its session
    except ProcessLookupError:
        pass
    process.wait()


def wants_colour(out: BinaryIO, environ: Mapping[str, str] = os.environ) -> bool:
    """Is a person with a colour terminal looking, who did not say no (https://no-color.org)?"""
    return out.isatty() and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"
