"""The parent of the worker processes. Plain: no gevent, and none of the application's code."""

from __future__ import annotations

import selectors
import signal
import socket
import time
from collections.abc import Sequence
from types import FrameType

from setproctitle import setproctitle

from queueapi.errors import SettingsError
from queueapi.events import Events
from queueapi.postgres.ahead import Ahead
from queueapi.postgres.connection import connect
from queueapi.postgres.migrate import check
from queueapi.postgres.sessions import Dedicated
from queueapi.postgres.upkeep import Upkeep
from queueapi.settings import Settings
from queueapi.worker.blame import blame
from queueapi.worker.child import Child, described, start
from queueapi.worker.clock import Clock, on_time
from queueapi.worker.deadlines import enforce
from queueapi.worker.lease import LeaseKeeper, Stuck
from queueapi.worker.maintenance import Maintenance
from queueapi.worker.orders import is_looked_for
from queueapi.worker.renewal import Renewal
from queueapi.worker.starts import LONGEST_DELAY, Starts
from queueapi.worker.wishes import Wishes


class Supervisor:
    """1. starts so many worker processes; 2. starts another when one dies, and has its jobs released at once;
    3. passes SIGTERM and SIGINT on: the first gently, the second now; 4. kills what does not stop in time;
    5. keeps leases and tables in order, by its helpers.

    Args:
        modules: to import jobs from, in the processes.
        burst: stop when there is nothing left to do.
        reload: start the processes anew when one of their files changes.
    """

    def __init__(
        self, settings: Settings, modules: Sequence[str], events: Events, burst: bool = False, reload: bool = False
    ) -> None:
        self._settings = settings
        self._modules = list(modules)
        self._events = events
        self._burst = burst
        self._renewal = Renewal(settings.max_memory, reload, events)
        self._wishes = Wishes(events)
        self._children: list[Child] = []
        self._starts = Starts()
        self._proven = False  # a process has worked: the modules can be imported
        self._unready = True  # it is to be said once all work
        self._refusal: str | None = None
        self._signals = self._passed_on = 0  # how many have come, and how many of them we have passed on
        self._stopping_since = 0.0
        self._kill_at = float("inf")
        self._selector = selectors.DefaultSelector()

        def upkeep(name: str) -> Upkeep:
            session = Dedicated(lambda: connect(settings.database_url, name, settings.connect_timeout))
            return Upkeep(session, settings.message_days)

        def processes() -> list[Child]:
            return list(self._children)

        self._leases = LeaseKeeper(upkeep("queueapi-work leases"), settings.lease, processes, events)
        tables = upkeep("queueapi-work maintenance")
        stuck = Stuck(tables, processes, events)
        self._maintenance = Maintenance(
            tables, settings.lease, lambda: [child.row(settings) for child in processes()], stuck.release, events
        )
        self._clock = Clock(
            on_time(settings), lambda: [child.worker for child in processes()], events, self._tell, settings.poll
        )

    def run(self) -> int:
        """Work until told to stop; the exit code of an orderly stop.

        Raises:
            SchemaMismatch, StoreUnavailable: before anything is started.
            SettingsError: the processes cannot import the jobs.
        """
        with connect(self._settings.database_url, "queueapi-work", self._settings.connect_timeout) as connection:
            check(connection)
        self._catch_signals()
        for actor in (self._leases, self._maintenance, self._clock):
            actor.loop.start()
        self._starts.add(self._settings.processes)
        while self._children or self._starts:
            self._start_due()
            self._wait()
            self._reap()
            self._renew()
            self._pass_on_signals()
            self._wishes.pass_on(self._children)
            self._kill_late()
        return self._stopped()

    # -- starting

    def _start_due(self) -> None:
        for _ in range(self._starts.due()):
            self._start()
        self._set_title()

    def _start(self) -> None:
        try:
            number = min(set(range(1, len(self._children) + 2)) - {child.number for child in self._children})
            watched, quiet = self._renewal.watching, self._wishes.quiet
            child = start(self._settings, self._modules, self._burst, f"worker {number}", watched, quiet)
        except OSError as error:  # no memory or no process left: for now
            self._events.emit("start_failed", error=error, delay=LONGEST_DELAY)
            self._starts.add(delay=LONGEST_DELAY)
            return
        child.number = number
        assert child.line is not None
        self._selector.register(child.line, selectors.EVENT_READ, child)
        self._children.append(child)

    # -- waiting and reaping

    def _wait(self) -> None:
        soonest = min(self._starts.soonest, self._kill_at)
        wait = min(enforce(self._children, self._events), max(0.0, soonest - time.monotonic()))
        for key, _ in self._selector.select(wait):
            if isinstance(key.data, Child):
                self._hear(key.data)
            else:
                self._alarm.recv(4096)

    def _renew(self) -> None:
        if self._signals:
            return
        if self._renewal.tick(self._children):  # files have changed: what could not start may be able to now
            self._unready = True
            self._starts.hurry()
        self._starts.add(sum(child.leaves_a_place() for child in self._children))

    def _hear(self, child: Child) -> None:
        line, working = child.line, child.worked_since
        child.hear()
        if line is not None and child.line is None:
            self._selector.unregister(line)
        if child.worked_since != working:
            self._proven = True
            self._maintenance.register_now()
            if self._unready and not self._starts and all(one.worked_since for one in self._children):
                settings, self._unready = self._settings, False
                self._events.emit(
                    "ready", processes=settings.processes, slots=settings.concurrency, queues=settings.queues
                )

    def _reap(self) -> None:
        for child in list(self._children):
            code = child.ended()
            if code is not None:
                self._part_with(child, code)

    def _part_with(self, child: Child, code: int) -> None:
        self._children.remove(child)
        self._hear(child)  # its last words
        if child.line is not None:  # a process of a job's own still holds the other end
            self._selector.unregister(child.line)
            child.hang_up()
        # What we stopped is not to blame for being unfinished; what died running may be.
        self._maintenance.release(child.worker, blame(child.board, described(code), child.late, self._signals > 0))
        if child.retiring and not self._signals:
            self._starts.add(child.leaves_a_place())  # it may have said so with its last breath
        if self._signals or child.retiring or (self._burst and code == 0):
            return
        if child.refusal is not None and not self._proven:
            self._refusal = child.refusal
            self._signals = 1
        else:
            self._replace(child, code)

    def _replace(self, child: Child, code: int) -> None:
        self._unready = True
        delay = self._starts.replace(child.worked_since)
        self._events.emit("process_died", pid=child.pid, how=child.refusal or described(code), delay=delay)

    # -- stopping

    def _catch_signals(self) -> None:
        self._alarm, self._writer = socket.socketpair()
        for end in (self._alarm, self._writer):
            end.setblocking(False)
        self._selector.register(self._alarm, selectors.EVENT_READ)
        signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)
        self._wishes.catch()
        signal.signal(signal.SIGCHLD, lambda *_: None)  # so that it wakes the selector

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._signals += 1

    def _pass_on_signals(self) -> None:
        if self._passed_on == 0 and self._signals:
            self._passed_on = 1
            self._starts.clear()
            self._stopping_since = time.monotonic()
            self._kill_at = self._stopping_since + self._settings.grace + 10  # interrupting and writing take a moment
            if self._refusal is None:
                self._events.emit("stopping", grace=self._settings.grace)
            for child in self._children:
                child.stop()
        if self._passed_on == 1 and self._signals > 1:
            self._passed_on = 2
            self._kill_at = min(self._kill_at, time.monotonic() + 8)
            self._events.emit("stopping_now")
            for child in self._children:
                child.stop_now()

    def _kill_late(self) -> None:
        if time.monotonic() >= self._kill_at:
            self._kill_at = float("inf")
            for child in self._children:
                self._events.emit("killed", pid=child.pid)
                child.kill()

    def _stopped(self) -> int:
        self._clock.loop.stop(timeout=5)
        self._leases.loop.stop(timeout=5)
        if self._maintenance.loop.stop(timeout=5):  # else it is in the middle of a statement
            self._maintenance.finish()
        if self._refusal is not None:
            raise SettingsError(self._refusal)
        if self._passed_on:
            self._events.emit("stopped", seconds=time.monotonic() - self._stopping_since)
        return 0

    # -- telling what the clock has seen, in its thread

    def _tell(self, ahead: Ahead) -> None:
        self._maintenance.told(ahead)
        if ahead.available and is_looked_for(self._settings.poll):
            for child in list(self._children):
                child.look()

    # -- being seen

    def _set_title(self) -> None:
        count = len(self._children)
        mood = ", stopping" if self._signals else ", quiet" if self._wishes.quiet else ""
        who = f"supervisor of {count} process{'' if count == 1 else 'es'}{mood}"
        setproctitle(f"queueapi-work: {who}, {' '.join(self._settings.queues)}")
