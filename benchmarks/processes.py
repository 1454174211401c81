"""Processes under measurement: started in groups of their own, frozen and thawed, and gone when we are."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from benchmarks.errors import BenchmarkError

_WARDEN = Path(__file__).with_name("warden.py")
_CHECKOUT = Path(__file__).parents[1]
_LOOK = 0.01


class Process:
    """A started command with all its children: one process group.

    Args:
        popen: its leader.
        log: where it writes, for the sentence when it dies.
        ended: called once it is gone.
    """

    def __init__(self, popen: subprocess.Popen[bytes], log: Path, ended: Callable[[int], None]) -> None:
        self._popen = popen
        self._log = log
        self._ended = ended
        self.name = log.stem
        self.pid = popen.pid

    def await_line(self, word: str, seconds: float = 60) -> str:
        """Wait until it has written a line with that word in it, and return the line.

        Raises:
            BenchmarkError: it ended first, or the time is up; its last words are in the sentence.
        """
        deadline = time.monotonic() + seconds
        while True:
            alive = self.alive  # asked first: what it wrote before it ended is read below
            for line in self._log.read_text(errors="replace").splitlines(keepends=True):
                if word in line and line.endswith("\n"):
                    return line
            if not alive or time.monotonic() > deadline:
                raise BenchmarkError(f"{self.name} did not say {word!r}, but: {self.last_words()}")
            time.sleep(_LOOK)

    def await_end(self, seconds: float = 60) -> str:
        """Wait until it has ended well.

        Raises:
            BenchmarkError: it failed, or the time is up; its last words are in the sentence.
        """
        try:
            code = self._popen.wait(seconds)
        except subprocess.TimeoutExpired:
            code = None
        if code != 0:
            raise BenchmarkError(f"{self.name} {'did not end' if code is None else 'failed'}: {self.last_words()}")
        return ""

    def last_words(self) -> str:
        """The end of its output."""
        lines = self._log.read_text(errors="replace").strip().splitlines()
        return " / ".join(lines[-3:]) or "it said nothing"

    def freeze(self) -> None:
        """Stop the whole group where it is."""
        os.killpg(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        os.killpg(self.pid, signal.SIGCONT)

    @property
    def alive(self) -> bool:
        """Whether its leader runs."""
        return self._popen.poll() is None

    def stop(self, patience: float = 10) -> None:
        """End it, kindly first; its children with it."""
        try:
            self.thaw()
            self._popen.terminate()
            self._popen.wait(patience)
        except (subprocess.TimeoutExpired, ProcessLookupError):
            pass
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self._popen.wait()
        self._ended(self.pid)


class Processes:
    """All that is running; a context manager that ends it. A warden does if this process is killed.

    Args:
        logs: the folder that their output goes to.
    """

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._running: dict[int, Process] = {}

    def __enter__(self) -> Processes:
        self._logs.mkdir(parents=True, exist_ok=True)
        self._warden = subprocess.Popen(
            [sys.executable, "-I", _WARDEN], stdin=subprocess.PIPE, start_new_session=True, text=True
        )
        return self

    def __exit__(self, *_: object) -> None:
        try:
            for process in list(self._running.values()):
                process.stop()
        finally:
            assert self._warden.stdin is not None
            self._warden.stdin.close()
            self._warden.wait()

    def start(self, name: str, command: Sequence[str | Path], env: Mapping[str, str] | None = None) -> Process:
        """Start a command from the checkout's folder, with those variables beside this process's own."""
        log = self._logs / f"{name}.log"
        with log.open("wb") as output:
            popen = subprocess.Popen(
                [os.fspath(word) for word in command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(env or {})},
                cwd=_CHECKOUT,
                start_new_session=True,  # Ctrl-C is for the benchmark, which then ends them in its own order
            )
        self._tell(f"+{popen.pid}")
        process = Process(popen, log, self._forget)
        self._running[popen.pid] = process
        return process

    def _forget(self, pid: int) -> None:
        del self._running[pid]
        self._tell(f"-{pid}")

    def _tell(self, line: str) -> None:
        assert self._warden.stdin is not None
        self._warden.stdin.write(line + "\n")
        self._warden.stdin.flush()
