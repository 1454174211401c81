"""One worker process: what the supervisor starts. Patched by gevent before all other imports (see orders.BOOT)."""

from __future__ import annotations

import logging
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Callable
from types import FrameType
from typing import Final, LiteralString, NamedTuple
from uuid import UUID

import gevent
import msgspec
from gevent.monkey import get_original
from setproctitle import setproctitle

from queueapi.errors import SettingsError
from queueapi.events import Events
from queueapi.executor import Executor
from queueapi.kinds import kinds
from queueapi.logs import configure
from queueapi.postgres.admitting import Admitting
from queueapi.postgres.connection import Connection, connect
from queueapi.postgres.listener import Listener
from queueapi.postgres.sessions import Dedicated
from queueapi.postgres.store import Store
from queueapi.settings import Settings
from queueapi.timetables import timetable
from queueapi.worker.admission import Admission
from queueapi.worker.board import Board
from queueapi.worker.clock import tell_schedules
from queueapi.worker.consumer import Consumer
from queueapi.worker.finisher import Finisher
from queueapi.worker.hearing import Hearing
from queueapi.worker.importing import files, import_jobs
from queueapi.worker.orders import FILES, FOR_THE_SUPERVISOR, READY, REFUSED, RETIRING, Orders, own_poll
from queueapi.worker.sentences import Sentences
from queueapi.worker.sleeper import Sleeper
from queueapi.worker.stacks import describe
from queueapi.worker.word import note_switches

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
    _catch_signals()
    orders = msgspec.json.decode(sys.argv[1], type=Orders)
    settings = Settings.from_env(**msgspec.structs.asdict(orders.settings))
    configure(orders.name, settings.verbose, settings.log_format)
    line = socket.socket(fileno=orders.line_fd)
    line.set_inheritable(False)
    try:
        import_jobs(orders.modules, settings.verbose)
        crons = timetable.crons(settings.max_args)
    except SettingsError as error:
        _say(line, REFUSED, " ".join(str(error).split())[:4000])
        sys.exit(2)
    # SystemExit in a greenlet that a job started would end the process: it is that job's own affair.
    gevent.get_hub().SYSTEM_ERROR = ()
    board = Board(orders.board_fd)
    poll = settings.poll if orders.burst else own_poll(settings.poll)
    events = Events(Sentences(settings.verbose), every_job=settings.verbose)
    actors = _actors(settings, board, orders.worker, poll, events)
    # Alone, it may run its jobs only as long as no other can have got them: leases are not renewed any more.
    alone = min(settings.grace, settings.lease / 3)
    hearing = Hearing(line, actors.consumer.be_quiet, actors.consumer.loop.wake)
    hearing.install()
    actors.consumer.be_quiet(orders.quiet)
    signal.signal(signal.SIGTTIN, _shower_of_stacks(actors.consumer))
    _beat(board, orders.line_fd, alone + 8)
    note_switches(board, gevent.get_hub())
    gevent.spawn(_show, board, actors.consumer, settings, orders.name)
    for actor in (actors.finisher, actors.listener, actors.consumer):
        actor.start()
    if not orders.burst:  # it comes to clear up, and goes: the clock is for those that stay
        tell_schedules(crons, orders.worker, settings)
    if orders.watched:
        gevent.spawn(_say_files, line, {})
        gevent.sleep(0)  # at once: what is changed from now on is news
    _say(line, READY)
    if orders.burst:
        hearing.when(actors.consumer.drained)
    hearing.when(actors.consumer.spent, lambda: _say(line, RETIRING))
    hearing.gently.wait()
    _shut_down(actors, alone if hearing.orphaned else settings.grace, hearing)


def _catch_signals() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the supervisor decides
    for number in FOR_THE_SUPERVISOR:
        signal.signal(number, lambda *_: None)  # and not SIG_IGN, which the programs that jobs start would inherit
    # They were blocked until here: see child.start.
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT, *FOR_THE_SUPERVISOR})


def _actors(settings: Settings, board: Board, worker: UUID, poll: float, events: Events) -> Actors:
    def open_(*setup: LiteralString, url: str = settings.database_url) -> Callable[[], Connection]:
        return lambda: connect(url, f"queueapi-work {os.getpid()}", settings.connect_timeout, *setup)

    channel = f"queueapi_wake_{worker.hex}"
    claims, outcomes = Dedicated(open_(_NOT_DURABLE)), Dedicated(open_())
    store = Store(claims)
    free = Admission(Admitting(outcomes), kinds).ended
    finisher = Finisher(outcomes, settings.result_ttl, board, events, free)
    sleeper = Sleeper(store, channel, settings.queues, poll)
    executor = Executor(kinds, settings.max_result)
    admit = Admission(Admitting(claims), kinds).admit
    consumer = Consumer(store, finisher, executor, board, settings, worker, sleeper, events, admit)

    def listening() -> None:  # nothing is known of the time before: look
        sleeper.forget()
        consumer.loop.wake()

    ears = open_(url=settings.listen_url or settings.database_url)
    listener = Listener(ears, [channel], lambda _, payload: consumer.heard(payload), listening, events)
    return Actors(consumer, finisher, listener)


def _say(line: socket.socket, word: bytes, words: str = "") -> None:
    try:
        line.sendall(word + words.encode(errors="replace") + b"\n")
    except OSError:
        pass  # the supervisor is gone: whoever listens on the line hears that


def _say_files(line: socket.socket, told: dict[str, float]) -> None:
    while True:  # a job may import more
        if (found := files(told)) != told:
            told = found
            _say(line, FILES, msgspec.json.encode(found).decode())
        gevent.sleep(1.0)


def _shut_down(actors: Actors, grace: float, hearing: Hearing) -> None:
    actors.listener.stop()
    actors.consumer.stop_claiming()
    actors.consumer.join(None, unless=hearing.told)  # who only retires lets its jobs take their time
    actors.consumer.join(grace, unless=hearing.now)
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


def _show(board: Board, consumer: Consumer, settings: Settings, name: str) -> None:
    """Show the supervisor that every greenlet has its turn, and people what goes on."""
    queues = " ".join(settings.queues)
    while True:
        board.turn()
        doing = f"{consumer.busy} of {settings.concurrency} busy, {consumer.mood}{queues}"
        setproctitle(f"queueapi-work: {name}: {doing}")
        gevent.sleep(0.5)


def _shower_of_stacks(consumer: Consumer) -> Callable[[int, FrameType | None], None]:
    shown = float("-inf")

    # A signal, not a word on the line: it comes through to a job that computes and lets no greenlet have its turn.
    def show(_: int, here: FrameType | None) -> None:
        nonlocal shown
        now, before = time.monotonic(), shown
        if now - before > 0.5:  # the terminal told us, and then the supervisor
            shown = now
            logging.getLogger("queueapi.worker").info("what goes on here:\n%s", describe(consumer.running(), here))

    return show
