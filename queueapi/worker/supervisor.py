"""The parent of the worker processes. Plain: no gevent, and none of the application's code."""

from __future__ import annotations

import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from types import FrameType
from uuid import UUID, uuid4

import msgspec
from setproctitle import setproctitle

from queueapi.events import Events
from queueapi.postgres.connection import connect
from queueapi.postgres.migrate import check
from queueapi.postgres.sessions import Dedicated
from queueapi.postgres.upkeep import Upkeep
from queueapi.records import WorkerRow
from queueapi.settings import Settings
from queueapi.worker.board import Board, create
from queueapi.worker.lease import LeaseKeeper, Watched
from queueapi.worker.maintenance import Maintenance
from queueapi.worker.orders import BOOT, Given, Orders

# A process that dies sooner than this after its start is started again later and later, up to the second figure.
YOUNG, LONGEST_DELAY = 5.0, 30.0
# Exit codes by which a process says that starting it again would not help: wrong settings, wrong schema.
HOPELESS = (2, 3)


class Child(Watched):
    """A worker process and our end of the line to it."""

    def __init__(self, process: subprocess.Popen[bytes], board: Board, worker: UUID, line: socket.socket) -> None:
        super().__init__(process.pid, board)
        self.process = process
        self.worker = worker
        self.line = line
        self.started = time.monotonic()
        self.ready = False


class Supervisor:
    """1. starts so many worker processes; 2. starts another when one dies, and has its jobs given back at once;
    3. passes SIGTERM and SIGINT on: the first gently, the second now; 4. kills what does not stop in time;
    5. keeps leases and tables in order, by its two helpers.

    Args:
        modules: to import jobs from, in the processes.
        burst: stop when there is nothing left to do.
    """

    def __init__(self, settings: Settings, modules: Sequence[str], events: Events, burst: bool = False) -> None:
        self._settings = settings
        self._modules = list(modules)
        self._events = events
        self._burst = burst
        self._children: list[Child] = []
        self._starts: list[float] = []  # when to start another
        self._young_deaths = 0
        self._signals = 0
        self._told = 0  # how many of them were passed on
        self._kill_at = float("inf")
        self._exit_code = 0
        self._selector = selectors.DefaultSelector()

        def upkeep(name: str) -> Upkeep:
            return Upkeep(Dedicated(lambda: connect(settings.database_url, name, settings.connect_timeout)))

        self._leases = LeaseKeeper(upkeep("queueapi-work leases"), settings.lease, lambda: list(self._children), events)
        self._maintenance = Maintenance(upkeep("queueapi-work maintenance"), settings.lease, self._rows, events)

    def run(self) -> int:
        """Work until told to stop. The exit code: 0 after an orderly stop, 2 or 3 if it cannot work at all.

        Raises:
            SchemaMismatch, StoreUnavailable: before anything is started.
        """
        with connect(self._settings.database_url, "queueapi-work", self._settings.connect_timeout) as connection:
            check(connection)
        self._catch_signals()
        self._leases.loop.start()
        self._maintenance.loop.start()
        self._starts = [0.0] * self._settings.processes
        while self._children or self._starts:
            self._start_due()
            self._wait()
            self._reap()
            self._pass_on_signals()
            self._kill_late()
        return self._stopped()

    # -- starting

    def _start_due(self) -> None:
        now = time.monotonic()
        due = [at for at in self._starts if at <= now]
        self._starts = [at for at in self._starts if at > now]
        for _ in due:
            self._children.append(self._start())
        self._set_title()

    def _start(self) -> Child:
        ours, theirs = socket.socketpair()
        worker, slots = uuid4(), self._settings.concurrency
        board_fd = create(slots)
        orders = Orders(worker, "worker", self._modules, theirs.fileno(), board_fd, self._burst, self._given())
        process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-c", BOOT, msgspec.json.encode(orders).decode()],
            pass_fds=(theirs.fileno(), board_fd),
        )
        theirs.close()
        child = Child(process, Board(board_fd, slots), worker, ours)
        os.close(board_fd)
        self._selector.register(ours, selectors.EVENT_READ, child)
        return child

    def _given(self) -> Given:
        settings = self._settings
        return Given(
            settings.queues, settings.concurrency, settings.grace, settings.lease, settings.poll, settings.verbose
        )

    # -- waiting and reaping

    def _wait(self) -> None:
        now = time.monotonic()
        soonest = min([*self._starts, self._kill_at], default=float("inf"))
        for key, _ in self._selector.select(min(1.0, max(0.0, soonest - now))):
            if isinstance(key.data, Child):
                self._hear(key.data)
            else:
                self._alarm.recv(4096)

    def _hear(self, child: Child) -> None:
        said = b""
        try:
            said = child.line.recv(16)
        except OSError:
            pass
        if not said:  # its end is closed: dead, or about to be
            self._selector.unregister(child.line)
            child.line.close()
        elif not child.ready:
            child.ready = True
            self._maintenance.register_now()
            if all(one.ready for one in self._children) and not self._starts:
                settings = self._settings
                self._events.emit(
                    "ready", processes=settings.processes, slots=settings.concurrency, queues=settings.queues
                )

    def _reap(self) -> None:
        for child in list(self._children):
            code = child.process.poll() if child.line.fileno() >= 0 else child.process.wait()
            if code is not None:
                self._children.remove(child)
                self._bury(child, code)

    def _bury(self, child: Child, code: int) -> None:
        if child.line.fileno() >= 0:
            self._selector.unregister(child.line)
            child.line.close()
        # What we stopped is not to blame for being unfinished; what died running may be.
        running = [] if self._signals else [held.id for held in child.board.held()]
        self._maintenance.bury(child.worker, running)
        child.board.close()
        if code in HOPELESS:
            self._exit_code = code
            self._signals += 1
        if not self._signals and not (self._burst and code == 0):
            self._replace(child, code)

    def _replace(self, child: Child, code: int) -> None:
        young = time.monotonic() - child.started < YOUNG
        self._young_deaths = self._young_deaths + 1 if young else 0
        delay = min(LONGEST_DELAY, 2.0 ** (self._young_deaths - 1)) if young else 0.0
        how = f"exit code {code}" if code >= 0 else signal.Signals(-code).name
        self._events.emit("process_died", pid=child.pid, how=how, delay=delay)
        self._starts.append(time.monotonic() + delay)

    # -- stopping

    def _catch_signals(self) -> None:
        self._alarm, writer = socket.socketpair()
        for end in (self._alarm, writer):
            end.setblocking(False)
        self._selector.register(self._alarm, selectors.EVENT_READ)
        signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
        self._writer = writer  # kept open
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)
        signal.signal(signal.SIGCHLD, lambda *_: None)  # so that it wakes the selector

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._signals += 1

    def _pass_on_signals(self) -> None:
        if self._told >= min(self._signals, 2):
            return
        if self._told == 0:
            self._starts.clear()
            self._stopping_since = time.monotonic()
            self._kill_at = self._stopping_since + self._settings.grace + 10  # interrupting and writing take a moment
            self._events.emit("stopping", grace=self._settings.grace)
        else:
            self._kill_at = min(self._kill_at, time.monotonic() + 7)
            self._events.emit("stopping_now")
        self._told += 1
        for child in self._children:
            child.process.terminate()

    def _kill_late(self) -> None:
        if time.monotonic() >= self._kill_at:
            self._kill_at = float("inf")
            for child in self._children:
                self._events.emit("killed", pid=child.pid)
                child.process.kill()

    def _stopped(self) -> int:
        self._leases.loop.stop(timeout=5)
        self._maintenance.loop.stop(timeout=5)
        self._maintenance.finish()
        if self._told:
            self._events.emit("stopped", seconds=time.monotonic() - self._stopping_since)
        return self._exit_code

    # -- being seen

    def _rows(self) -> list[WorkerRow]:
        settings = self._settings
        return [
            WorkerRow(child.worker, f"{socket.gethostname()}:{child.pid}", list(settings.queues), settings.concurrency)
            for child in list(self._children)
        ]

    def _set_title(self) -> None:
        state = "stopping" if self._signals else f"{len(self._children)} processes"
        setproctitle(f"queueapi-work: supervisor, {state} [{','.join(self._settings.queues)}]")
