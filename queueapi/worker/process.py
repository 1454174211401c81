"""One worker process: what the supervisor starts. Patched by gevent before anything else is imported (see orders.BOOT)."""

from __future__ import annotations

import importlib
import os
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple
from uuid import UUID

import gevent
import gevent.event
import msgspec
from gevent.monkey import get_original
from setproctitle import setproctitle

from queueapi.errors import QueueAPIError, SettingsError
from queueapi.events import Events
from queueapi.executor import Executor
from queueapi.kinds import kinds
from queueapi.postgres.connection import Connection, connect
from queueapi.postgres.listener import Listener
from queueapi.postgres.sessions import Dedicated
from queueapi.postgres.store import Store
from queueapi.settings import Settings
from queueapi.worker.board import Board
from queueapi.worker.consumer import Consumer
from queueapi.worker.finisher import Finisher
from queueapi.logs import configure
from queueapi.worker.log import Sentences
from queueapi.worker.orders import Orders
from queueapi.worker.sleeper import Sleeper

# Our statements walk indexes. A plan cached while the table was empty must not meet a million rows later.
_PLANS: Final = (
    "select set_config(name, 'off', false) from unnest(array['enable_seqscan', 'enable_hashjoin', 'enable_mergejoin']) name"
)
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
    orders = msgspec.json.decode(sys.argv[1], type=Orders)
    settings = Settings.from_env(**msgspec.structs.asdict(orders.settings))
    configure(orders.name, settings.verbose)
    line = socket.socket(fileno=orders.line_fd)
    line.set_inheritable(False)
    try:
        _import(orders.modules)
    except QueueAPIError as error:
        sys.exit(_refuse(error, 2))
    board = Board(orders.board_fd, settings.concurrency)
    actors = _actors(settings, board, orders.worker, Events(Sentences(settings.verbose)))
    stop = _Stop(line)
    stop.install()
    _beat(board)
    for actor in (actors.finisher, actors.listener, actors.consumer):
        actor.start()
    gevent.spawn(_title, actors.consumer, settings)
    line.sendall(b"R")
    if orders.burst:
        gevent.spawn(lambda: (actors.consumer.drained.wait(), stop.gently.set()))
    stop.gently.wait()
    _shut_down(actors, settings.grace if not stop.orphaned else min(settings.grace, settings.lease / 2), stop)


def _actors(settings: Settings, board: Board, worker: UUID, events: Events) -> Actors:
    def open_(*setup: str) -> Callable[[], Connection]:
        return lambda: connect(settings.database_url, f"queueapi-work {os.getpid()}", settings.connect_timeout, *setup)

    channel = f"queueapi_wake_{worker.hex}"
    store = Store(Dedicated(open_(_PLANS, _NOT_DURABLE)))
    finisher = Finisher(Dedicated(open_(_PLANS)), settings.result_ttl, events)
    sleeper = Sleeper(store, channel, settings.queues, settings.poll)
    executor = Executor(kinds, settings.max_result)
    consumer = Consumer(store, finisher, executor, board, settings, worker, sleeper, events)

    def listening() -> None:  # nothing is known of the time before: look
        sleeper.forget()
        consumer.loop.wake()

    listener = Listener(open_(), [channel], lambda *_: consumer.loop.wake(), listening, events)
    return Actors(consumer, finisher, listener)


class _Stop:
    """Hears when to stop: SIGTERM once is gently, twice is now; the supervisor's end of the line closing is gently."""

    def __init__(self, line: socket.socket) -> None:
        self.gently = gevent.event.Event()
        self.now = gevent.event.Event()
        self.orphaned = False
        self._line = line

    def install(self) -> None:
        gevent.signal_handler(signal.SIGTERM, self._told)
        gevent.spawn(self._listen)

    def _told(self) -> None:
        (self.now if self.gently.is_set() else self.gently).set()

    def _listen(self) -> None:
        try:
            self._line.recv(1)  # the supervisor never speaks: only its end is news
        except OSError:
            pass
        self.orphaned = True
        self.gently.set()


def _shut_down(actors: Actors, grace: float, stop: _Stop) -> None:
    actors.consumer.stop_claiming()
    actors.listener.stop()
    ending = gevent.spawn(actors.consumer.join, grace)
    gevent.wait([ending, stop.now], count=1, timeout=grace)
    actors.consumer.interrupt_all()
    written = actors.finisher.flush(5.0)
    # Not sys.exit: a job that never switches, or a thread of a library, would hold it up. All is written.
    sys.stderr.flush()
    os._exit(0 if written else 1)


def _import(modules: Sequence[str]) -> None:
    for module in modules:
        try:
            importlib.import_module(module)
        except ModuleNotFoundError as error:
            if error.name and not module.startswith(error.name):
                raise
            raise SettingsError(
                f"there is no module {module!r} to import jobs from: give its dotted name, and start in the folder above it"
            ) from error
    if not len(kinds):
        raise SettingsError(f"{', '.join(modules)} define no jobs: derive a class from queueapi.Job, or use @queueapi.job")


def _refuse(error: Exception, code: int) -> int:
    print(f"queueapi-work: {error}", file=sys.stderr, flush=True)
    return code


def _beat(board: Board) -> None:
    """Show the supervisor that this process is given time, even while a job computes and no greenlet switches."""
    sleep = get_original("time", "sleep")

    def beat() -> None:
        while True:
            board.beat()
            sleep(0.5)

    get_original("_thread", "start_new_thread")(beat, ())


def _title(consumer: Consumer, settings: Settings) -> None:
    while True:
        busy = consumer.busy
        setproctitle(f"queueapi-work: {busy} of {settings.concurrency} busy [{','.join(settings.queues)}]")
        gevent.sleep(1.0)
