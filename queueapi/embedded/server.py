"""The server process: start, stop, and what happens to it when we do not get to stop it."""

from __future__ import annotations

import atexit
import os
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, Self

from queueapi.embedded.binaries import find_binaries
from queueapi.embedded.cluster import USER, Cluster, server_environment
from queueapi.embedded.errors import EmbeddedError
from queueapi.embedded.tether import spawn

_STOP = {"fast": signal.SIGINT, "immediate": signal.SIGQUIT}  # as pg_ctl's -m
_START_PATIENCE = 60.0  # seconds. After a crash the log is replayed first
_STOP_PATIENCE = 10.0  # seconds. A fast shutdown writes what is in memory
_TICK = 0.005  # seconds between looks at a file or a process; PostgreSQL has no other way to say "ready"

_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",  # a socket's path ends at 107 bytes; without one no base is too deep
    "max_connections": 200,  # the tests' workers, with a listener and two connections each
    "shared_buffers": "64MB",  # half of the default: plenty for a demo, and a small machine has it
}
# Not synchronous_commit: without it the server's own crash loses commits, and with fsync off it costs nothing.
_CARELESS = {"fsync": "off", "full_page_writes": "off"}


class EmbeddedPostgres:
    """A PostgreSQL server of one's own: a context manager, and its process goes when this one does.

    1. start: on the data of last time, if there is any, and on the port of last time, if that is free.
    2. dsn, pid: how to reach it.
    3. wait: until it ends by itself.
    4. restart: in place, on the same port.
    5. stop; destroy, which deletes the data as well.

    Run by root it becomes ``postgres`` or ``nobody``; no existing folder's rights are touched for that. If
    that account cannot enter ``base``, the data lies in a folder of its own, named in ``base/elsewhere``.

    Args:
        base: the folder for its data, anywhere and at any depth. One server at a time runs in it.
        durable: False risks the data at a power cut (not at a crash of the server) and is faster: for tests.
        bin: the folder of the programs; by default the wheel's, else the system's newest.
        settings: of the server, as in postgresql.conf.
    """

    def __init__(
        self,
        base: Path,
        *,
        durable: bool = True,
        bin: Path | None = None,
        settings: Mapping[str, object] | None = None,
    ) -> None:
        self._cluster = Cluster(base)
        self._durable = durable
        self._programs = bin
        self._settings = {**_SETTINGS, **({} if durable else _CARELESS), **(settings or {})}
        self._process: subprocess.Popen[bytes] | None = None
        self._port = 0
        self._starter = 0

    def start(self) -> Self:
        """Be ready to be connected to. Starting what runs is nothing.

        Raises:
            EmbeddedError: the folder is in use, the binaries are missing, or the server does not come up.
        """
        if self._runs():
            return self
        try:
            self._cluster.lock()
            self._await_predecessor()
            self._cluster.prepare(self._programs or find_binaries(), durable=self._durable)
            self._launch()
        except OSError as error:
            self.stop()
            raise EmbeddedError(
                f"{self._cluster.base} cannot be used: {error}; give a folder of your own, or delete this one"
            ) from error
        except BaseException:
            self.stop()
            raise
        atexit.register(self._stop_at_exit)
        return self

    @property
    def dsn(self) -> str:
        """A libpq URL, over TCP, as superuser."""
        self._running()
        return f"postgresql://{USER}:{self._cluster.password}@127.0.0.1:{self._port}/postgres"

    @property
    def pid(self) -> int:
        """Of the postmaster, the process above all others of the server."""
        return self._running().pid

    @property
    def log(self) -> Path:
        """The file that this run of the server writes its log to."""
        return self._cluster.log

    def wait(self) -> int:
        """Block until the server ends, by itself or by ``stop``; return its exit status."""
        return self._running().wait()

    def restart(self, mode: Literal["fast", "immediate"] = "fast") -> Self:
        """Stop and start again. ``immediate`` is a crash: connections drop at once, recovery follows."""
        self._running()
        self._end(_STOP[mode], _STOP_PATIENCE)
        return self.start()

    def stop(self, patience: float = _STOP_PATIENCE) -> None:
        """End the server, harder after ``patience`` seconds. Stopping what does not run is nothing."""
        self._end(_STOP["fast"], patience)
        self._cluster.unlock()
        atexit.unregister(self._stop_at_exit)

    def destroy(self) -> None:
        """Stop, and delete the folder with all that is in it.

        Raises:
            EmbeddedError: another process runs a server in it.
        """
        self.stop()
        if self._cluster.base.exists():
            self._cluster.lock()
            self._await_predecessor()
            self._cluster.remove()
            self._cluster.unlock()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _await_predecessor(self) -> None:
        """We hold the lock, so a server still running here has lost its parent and is on its way out."""
        deadline = time.monotonic() + _STOP_PATIENCE
        while self._cluster.is_occupied():
            if time.monotonic() > deadline:
                break  # PostgreSQL looks for itself, and its refusal names the process
            time.sleep(_TICK)

    def _launch(self) -> None:
        cluster = self._cluster
        self._port = cluster.choose_port()
        command: list[str | os.PathLike[str]] = [cluster.bin / "postgres", "-D", cluster.data]
        for name, value in {**self._settings, "port": self._port}.items():
            command += ["-c", f"{name}={value}"]
        log = cluster.open_log()
        try:
            self._process = spawn(
                command,
                _STOP["fast"],
                cluster.account,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=server_environment(),
                cwd="/",
                start_new_session=True,  # a terminal's Ctrl-C is not for it: its users are stopped first
            )
        finally:
            os.close(log)
        self._starter = os.getpid()
        self._await_ready(self._process)

    def _await_ready(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + _START_PATIENCE
        while not self._cluster.says_ready(process.pid):
            if process.poll() is not None:
                raise EmbeddedError(f"PostgreSQL did not start: {self._cluster.last_words()} (its log is {self.log})")
            if time.monotonic() > deadline:
                raise EmbeddedError(f"PostgreSQL was not ready after {_START_PATIENCE:.0f} s: its log is {self.log}")
            time.sleep(_TICK)

    def _end(self, first: signal.Signals, patience: float) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        for blow, seconds in ((first, patience), (signal.SIGQUIT, 5.0), (signal.SIGKILL, 5.0)):
            process.send_signal(blow)
            try:
                process.wait(seconds)
                return
            except subprocess.TimeoutExpired:
                continue

    def _stop_at_exit(self) -> None:
        if os.getpid() == self._starter:  # a forked copy of this process inherits the handler, not the server
            self.stop()

    def _runs(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise EmbeddedError(f"the PostgreSQL in {self._cluster.base} is not running: call start() first")
        return self._process
