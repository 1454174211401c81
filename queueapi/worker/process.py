"""One worker process: what the supervisor starts. Patched by gevent before all other imports (see orders.BOOT)."""

from __future__ import annotations

import importlib
import os
import select
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from typing import Final, LiteralString, NamedTuple
from uuid import UUID

import gevent
import gevent.event
import msgspec
from gevent.monkey import get_original
from setproctitle import setproctitle

from queueapi.crons import timetable
from queueapi.errors import QueueAPIError, SettingsError
from queueapi.events import Events
from queueapi.executor import Executor
from queueapi.kinds import kinds
from queueapi.logs import configure
from queueapi.postgres.connection import Connection, connect
from queueapi.postgres.listener import Listener
from queueapi.postgres.sessions import Dedicated
from queueapi.postgres.store import Store
from queueapi.settings import Settings
from queueapi.worker.board import Board
from queueapi.worker.clock import tell_schedules
from queueapi.worker.consumer import Consumer
from queueapi.worker.finisher import Finisher
from queueapi.worker.orders import NOW, READY, REFUSED, Orders
from queueapi.worker.sentences import Sentences
from queueapi.worker.sleeper import Sleeper

# A claim that a crash of the server takes back is a lease lost like any other, so it need not wait for the disk.
_NOT_DURABLE: Final = "set synchronous_commit = off"


class Actors(NamedTuple):
    """What runs in the process."""

    consumer: Consumer
    finisher: Finisher
    listener: Listener


def main() -> None:
    """1. imports the jobs; 2. starts the actors; 3. says that it is ready; 4. works until told to stop, or until the
    supervisor is gone; 5. stops in an orderly way."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the supervisor decides
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})  # as it was blocked until here: see child.start
    orders = msgspec.json.decode(sys.argv[1], type=Orders)
    settings = Settings.from_env(**msgspec.structs.asdict(orders.settings))
    configure(orders.name, settings.verbose)
    line = socket.socket(fileno=orders.line_fd)
    line.set_inheritable(False)
    try:
        _import(orders.modules, settings.verbose)
        crons = timetable.crons(settings.max_args)
    except SettingsError as error:
        _say(line, REFUSED + str(error).encode(errors="replace")[:4000])
        sys.exit(2)
    # SystemExit in a greenlet that a job started would end the process: it is that job's own affair.
    gevent.get_hub().SYSTEM_ERROR = ()
    board = Board(orders.board_fd)
    actors = _actors(settings, board, orders.worker, Events(Sentences(settings.verbose)))
    # Alone, it may run its jobs only as long as no other can have got them: leases are not renewed any more.
    alone = min(settings.grace, settings.lease / 3)
    stop = _Stop(line)
    stop.install()
    _beat(board, orders.line_fd, alone + 8)
    gevent.spawn(_show, board, actors.consumer, settings)
    for actor in (actors.finisher, actors.listener, actors.consumer):
        actor.start()
    if not orders.burst:  # it comes to clear up, and goes: the clock is for those that stay
        tell_schedules(crons, orders.worker, settings)
    _say(line, READY)
    if orders.burst:
        gevent.spawn(stop.when, actors.consumer.drained)
    stop.gently.wait()
    _shut_down(actors, alone if stop.orphaned else settings.grace, stop)


def _actors(settings: Settings, board: Board, worker: UUID, events: Events) -> Actors:
    def open_(*setup: LiteralString) -> Callable[[], Connection]:
        return lambda: connect(settings.database_url, f"queueapi-work {os.getpid()}", settings.connect_timeout, *setup)

    channel = f"queueapi_wake_{worker.hex}"
    store = Store(Dedicated(open_(_NOT_DURABLE)))
    finisher = Finisher(Dedicated(open_()), settings.result_ttl, board, events)
    sleeper = Sleeper(store, channel, settings.queues, settings.poll)
    executor = Executor(kinds, settings.max_result)
    consumer = Consumer(store, finisher, executor, board, settings, worker, sleeper, events)

    def listening() -> None:  # nothing is known of the time before: look
        sleeper.forget()
        consumer.loop.wake()

    listener = Listener(open_(), [channel], lambda *_: consumer.loop.wake(), listening, events)
    return Actors(consumer, finisher, listener)


def _say(line: socket.socket, words: bytes) -> None:
    try:
        line.sendall(words)
    except OSError:
        pass  # the supervisor is gone: whoever listens on the line hears that


class _Stop:
    """Hears when to stop. Gently: SIGTERM, or the supervisor's end of the line closing. Now: the supervisor's word."""

    def __init__(self, line: socket.socket) -> None:
        self.gently = gevent.event.Event()
        self.now = gevent.event.Event()
        self.orphaned = False
        self._line = line

    def install(self) -> None:
        """Listen from now on."""
        gevent.signal_handler(signal.SIGTERM, self.gently.set)
        gevent.spawn(self._listen)

    def when(self, event: gevent.event.Event) -> None:
        """Stop gently once that has happened."""
        event.wait()
        self.gently.set()

    def _listen(self) -> None:
        try:
            while said := self._line.recv(16):
                if said == NOW:
                    self.now.set()
                    self.gently.set()
        except OSError:
            pass
        self.orphaned = True
        self.gently.set()


def _shut_down(actors: Actors, grace: float, stop: _Stop) -> None:
    actors.listener.stop()
    actors.consumer.stop_claiming()
    actors.consumer.join(grace, unless=stop.now)
    actors.consumer.interrupt_all()
    try:
        with gevent.Timeout(6.0):  # it may be in the middle of a statement that nobody answers
            written = actors.finisher.flush(5.0)
    except gevent.Timeout:
        written = False
    # Not sys.exit: a job that never switches, or a thread of a library, would hold it up. All is written.
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(0 if written else 1)


def _import(modules: Sequence[str], verbose: bool) -> None:
    for module in modules:
        try:
            importlib.import_module(module)
        except (Exception, SystemExit) as error:
            if isinstance(error, ModuleNotFoundError) and f"{module}.".startswith(f"{error.name}."):
                raise SettingsError(
                    f"there is no module {module!r} to import jobs from: "
                    "give its dotted name, and start in the folder above it"
                ) from error
            if verbose:
                traceback.print_exc()
            why = f"{type(error).__name__}: {error}{_place(error)}"
            raise SettingsError(f"{module} cannot be imported: {why}") from error
    if not len(kinds):
        raise SettingsError(
            f"{', '.join(modules)} define no jobs: derive a class from queueapi.Job, or use @queueapi.job"
        )


def _place(error: BaseException) -> str:
    """Where it was raised, in words; a SyntaxError says it itself, and of ours the place does not matter."""
    if isinstance(error, (SyntaxError, QueueAPIError)):
        return ""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f" ({frame.filename}, line {frame.lineno})"


def _beat(board: Board, line_fd: int, orphaned_for: float) -> None:
    """Two things that must go on while a job computes and no greenlet has its turn: to show the supervisor that this
    process is given time, and to end it when the supervisor is gone."""
    sleep, poll = get_original("time", "sleep"), get_original("select", "poll")()
    poll.register(line_fd, 0)  # only whether the other end is closed

    def beat() -> None:
        alone_since = float("inf")
        while True:
            board.beat()
            if any(event & select.POLLHUP for _, event in poll.poll(0)):
                alone_since = min(alone_since, time.monotonic())
            if time.monotonic() - alone_since > orphaned_for:
                os._exit(1)
            sleep(0.5)

    get_original("_thread", "start_new_thread")(beat, ())


def _show(board: Board, consumer: Consumer, settings: Settings) -> None:
    """Show the supervisor that every greenlet has its turn, and people what goes on."""
    while True:
        board.turn()
        busy = consumer.busy
        setproctitle(f"queueapi-work: {busy} of {settings.concurrency} busy [{','.join(settings.queues)}]")
        gevent.sleep(0.5)
