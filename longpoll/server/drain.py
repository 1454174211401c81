"""How the server stops: everybody gets an answer, nobody gets in."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Protocol

import gevent

from longpoll.server.connection import Connection
from longpoll.server.rooms import Rooms

logger = logging.getLogger("longpoll.server")


class Drainable(Protocol):
    draining: bool
    rooms: Rooms[Connection]
    on_drain: list[Callable[[], object]]

    def refuse_new_connections(self) -> None: ...

    def busy(self) -> int: ...

    def cut_off(self) -> None: ...


LOOK_AGAIN = 0.01  # seconds between two looks whether the last request ended


def drain(server: Drainable, timeout: float) -> bool:
    """Stops *server* within *timeout* seconds. Returns whether every request ended by itself.

    1. Every reply from now on says ``Connection: close``.
    2. What the kernel accepted is still served; nothing new is.
    3. Connections without a request close.
    4. The callbacks answer the held polls, and say what streams and websockets shall hear.
    5. Those are ended, and whatever is under way may end, until the time is over.
    6. The rest is cut off.
    """
    server.draining = True
    server.refuse_new_connections()
    for connection in (*server.rooms.idle, *server.rooms.head):
        connection.retire()
    with gevent.Timeout(timeout, False):  # type: ignore[arg-type]  # False: it ends the block, quietly
        _run_callbacks(server)
        _end_what_goes_on(server.rooms)
        while server.busy():
            gevent.sleep(LOOK_AGAIN)
            _end_what_goes_on(server.rooms)  # what began meanwhile
    _end_what_goes_on(server.rooms)  # if the callbacks took all the time
    cut_off = server.rooms.busy()
    if cut_off:
        logger.warning("%d requests had not ended after %g seconds and were cut off", cut_off, timeout)
    server.cut_off()
    return cut_off == 0


def _end_what_goes_on(rooms: Rooms[Connection]) -> None:
    for room in (rooms.streams, rooms.websockets, rooms.pinged, rooms.sending, rooms.active):
        for connection in room:
            if connection.keeper is not None:
                connection.keeper.retire()


def _run_callbacks(server: Drainable) -> None:
    for callback in server.on_drain:
        try:
            callback()
        except Exception:
            logger.exception("A callback failed while the server drained; the others still run")
