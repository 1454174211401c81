"""The server: accepts connections, and owns what they share."""

from __future__ import annotations

import _socket
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from gevent.monkey import get_original
from gevent.pool import Group
from gevent.pywsgi import WSGIServer

from longpoll.server import drain, limits, replies
from longpoll.server.connection import Connection
from longpoll.server.crew import Crew
from longpoll.server.handler import Handler
from longpoll.server.reader import Request
from longpoll.server.rooms import Rooms, Stays

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication
    from gevent._types import _TimerWatcher

CUT_OFF = 1.0  # seconds that a request may take to end after it was told to

logger = logging.getLogger("longpoll.server")

# A patched process numbers its greenlets where it would number its threads.
_thread_id: Callable[[], int] = get_original("threading", "get_ident")


class Server(WSGIServer):
    """A pywsgi server for a process patched by gevent. Whoever only waits costs it no greenlet.

    1. It accepts, up to *max_connections*; then the longest idle one makes room, or the newcomer gets a 503.
    2. It runs the application in a greenlet as soon as a whole request is there.
    3. It sends away who is late: one timer for all connections.
    4. It drains.
    """

    handler_class = Handler
    _sweeper: _TimerWatcher | None = None

    def __init__(
        self,
        listener: Any,
        application: WSGIApplication,
        *,
        backlog: int = 4096,  # a restart brings all browsers back at once; the kernel caps it at somaxconn
        head_timeout: float = 10.0,  # a slow phone needs two; what needs more only holds a connection
        body_timeout: float = 15.0,  # 64 KiB at 5 KiB/s
        idle_timeout: float = 75.0,  # as nginx; longer than any pause between two polls
        send_timeout: float = 10.0,  # for one write of the application, or without a byte taken of anything else
        ping_every: float = 25.0,  # routers forget a silent connection after a minute
        pong_timeout: float = 15.0,  # a phone has to wake up
        close_timeout: float = 5.0,  # for a client to agree that a websocket is closed
        max_connections: int | None = None,  # None: as many as there may be open files
        max_body: int = 64 * 1024,  # no dialect's batch of messages comes near
        max_message: int = 1100 * 1024,  # of a websocket: a megabyte of data, and what a dialect puts around it
        max_unsent: int = 1024 * 1024,  # a thousand usual events; who is behind that far is better off asking anew
        max_collected: int = 64 * 1024 * 1024,  # of all long bodies and messages that are not whole, or waiting
        log: Any = None,  # polls would fill it
    ) -> None:
        """*listener*: ``(host, port)``, ``"host:port"`` or a listening socket. Seconds and bytes."""
        super().__init__(
            listener,
            application,
            backlog=None if hasattr(listener, "accept") else backlog,
            log=log,
            error_log=logger,
            environ={"SERVER_NAME": listener[0]} if isinstance(listener, tuple) and listener[0] else None,
        )
        self.draining = False
        self.max_body = max_body
        self.max_message = max_message
        self.max_unsent = max_unsent
        self.max_collected = max_collected
        self.collected = 0
        self.send_timeout = send_timeout
        self.max_connections = max_connections
        self.on_drain: list[Callable[[], object]] = []
        stays = Stays(head_timeout, body_timeout, idle_timeout, send_timeout, ping_every, pong_timeout, close_timeout)
        self.rooms: Rooms[Connection] = Rooms(stays)
        self._crew = Crew(self.loop, self._serve)
        self._telling = Group()
        self._turns: list[Callable[[], object]] = []
        self._next_turn = self.loop.timer(0.0)
        self._loop_thread = _thread_id()
        # A deadline is met to a quarter of itself, and to a second at worst.
        self._sweep_every = min(1.0, min(stays) / 4)
        self._patience = ping_every + pong_timeout

    # -- 1. accept

    def init_socket(self) -> None:
        open_files = limits.raise_open_files()
        if self.max_connections is None:
            self.max_connections = limits.connections_for(open_files)
        super().init_socket()
        self.socket.setblocking(False)
        if self.family in (_socket.AF_INET, _socket.AF_INET6):
            # Accepted sockets inherit it. Without it the second write of a reply waits 44 ms for the client's
            # delayed acknowledgement: 1,450 requests a second instead of 9,000.
            self.socket.setsockopt(_socket.IPPROTO_TCP, _socket.TCP_NODELAY, 1)
            if hasattr(_socket, "TCP_USER_TIMEOUT"):
                # A client whose network is gone says nothing. What it was sent and does not acknowledge tells of it,
                # if the kernel is asked to give up; by itself it tries for a quarter of an hour.
                patience = round(1000 * self._patience)
                self.socket.setsockopt(_socket.IPPROTO_TCP, _socket.TCP_USER_TIMEOUT, patience)

    def start_accepting(self) -> None:
        super().start_accepting()
        if self._sweeper is None:
            self._sweeper = self.loop.timer(self._sweep_every, self._sweep_every, ref=False)
            self._sweeper.start(self.rooms.sweep)

    def do_read(self) -> tuple[Any, Any] | None:  # type: ignore[override]
        try:
            descriptor, address = self.socket._accept()  # type: ignore[attr-defined]
        except BlockingIOError:
            return None
        accepted = _socket.socket(self.socket.family, self.socket.type, self.socket.proto, fileno=descriptor)
        accepted.setblocking(False)
        return accepted, address

    def do_handle(self, *args: Any) -> None:
        accepted, address = args
        assert self.max_connections is not None
        if len(self.rooms) >= self.max_connections:
            longest_idle = self.rooms.idle.oldest()
            if longest_idle is None:
                _turn_away(accepted)
                return
            longest_idle.close()
        Connection(self, accepted, address).open()

    # -- 2. serve

    def serve(self, connection: Connection, request: Request) -> None:
        self._crew.add((connection, request))

    def _serve(self, asked: tuple[Connection, Request]) -> None:
        connection, request = asked
        try:
            Handler(connection, request, self).handle()
        except BrokenPipeError:
            connection.close()
        except BaseException:
            connection.close()
            raise

    def tell(self, work: Callable[[], object]) -> None:
        self._telling.spawn(_tell, work)

    def take_turns(self, work: Callable[[], object]) -> None:
        # The loop's own callbacks run dozens of times before it looks at its sockets again; a timer runs once.
        if not self._turns:
            self._next_turn.start(self._run_turns)
        self._turns.append(work)

    def _run_turns(self) -> None:
        turns, self._turns = self._turns, []
        for work in turns:
            work()

    def in_loop_thread(self) -> bool:
        return _thread_id() == self._loop_thread

    def stats(self) -> dict[str, int]:
        """How many connections are in which state.

        ``held``, ``streams`` and ``websockets`` wait for news, ``idle`` ones for nothing; ``active`` ones are at
        work, and ``sending`` those whose clients read slowly.
        """
        return self.rooms.counts()

    # -- 4. stop

    def drain(self, timeout: float = 30.0) -> bool:
        """Stops gracefully within *timeout* seconds; in a greenlet. Returns whether every request ended.

        Put what answers the held polls into `on_drain` before.
        """
        return drain.drain(self, timeout)

    def busy(self) -> int:
        """How much is still under way."""
        return self.rooms.busy() + len(self._telling)

    def refuse_new_connections(self) -> None:
        """Takes in what the kernel has accepted, and closes the listening socket. The server still runs."""
        if self.closed or self.socket.fileno() < 0:
            return
        self.stop_accepting()
        while (arrived := self.do_read()) is not None:
            self.do_handle(*arrived)
        self.socket.close()

    def cut_off(self) -> None:
        """Ends everything now; those who are told that their clients are gone have a moment for that."""
        self._crew.kill(timeout=CUT_OFF)
        for connection in self.rooms:
            connection.close()
        self._telling.join(timeout=CUT_OFF)
        self._telling.kill(block=False)
        self._next_turn.close()
        self.close()

    def close(self) -> None:
        if self._sweeper is not None:
            self._sweeper.close()
            self._sweeper = None
        super().close()

    def stop(self, timeout: float | None = None) -> None:
        """Stops at once; see `drain`."""
        self.cut_off()
        super().stop(timeout)


def _tell(work: Callable[[], object]) -> None:
    try:
        work()
    except Exception:
        logger.exception("The application failed when it was told that a client is gone")


def _turn_away(accepted: _socket.socket) -> None:
    try:
        accepted.send(replies.refusal_reply(replies.FULL))
    except OSError:
        pass  # gone already
    accepted.close()
