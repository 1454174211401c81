"""What a process hears from its supervisor and from the system."""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable

import gevent
import gevent.event

from queueapi.worker.orders import JOBS, NOW, QUIET, RESUME, RETIRE


class Hearing:
    """1. when to stop claiming for good (``gently``); 2. from when on what runs has the grace and no more (``told``):
    since SIGTERM, or since the supervisor is gone; 3. when to stop at once (``now``); 4. when to be quiet for a while;
    5. when there are jobs.

    Args:
        line: to the supervisor.
        quiet: called with whether to claim nothing for now.
        look: called when there are jobs.
    """

    def __init__(self, line: socket.socket, quiet: Callable[[bool], None], look: Callable[[], None]) -> None:
        self.gently = gevent.event.Event()
        self.told = gevent.event.Event()
        self.now = gevent.event.Event()
        self.orphaned = False
        self._line = line
        self._quiet = quiet
        self._look = look

    def install(self) -> None:
        """Listen from now on."""
        gevent.signal_handler(signal.SIGTERM, self._stop)
        gevent.spawn(self._listen)

    def when(self, event: gevent.event.Event, then: Callable[[], None] = lambda: None) -> None:
        """Claim no more once that has happened, and do that."""

        def wait() -> None:
            event.wait()
            then()
            self.gently.set()

        gevent.spawn(wait)

    def _stop(self) -> None:
        self.told.set()
        self.gently.set()

    def _listen(self) -> None:
        try:
            while said := self._line.recv(16):
                for word in said:
                    self._heard(bytes([word]))
        except OSError:
            pass
        self.orphaned = True
        self._stop()

    def _heard(self, word: bytes) -> None:
        if word == NOW:
            self.now.set()
            self._stop()
        elif word == RETIRE:
            self.gently.set()
        elif word in (QUIET, RESUME):
            self._quiet(word == QUIET)
        elif word == JOBS:
            self._look()
