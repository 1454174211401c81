"""Jobs that are cancelled, run too long or end their process. What they do stands in the workshop's tables."""

from __future__ import annotations

import ctypes
import os
import signal
import time

from workshop import Noted, _note

import queueapi
from queueapi import Iteration

_NOTE = "insert into ended (n, attempt, pid) values (%(n)s, %(attempt)s, %(pid)s)"


class Patient(Noted):
    """Waits, and notes in ``ended`` what it was stopped by: 1 Cancelled, 2 SoftTimeout, 3 something else."""

    def work(self) -> None:
        try:
            time.sleep(self.seconds)
        except queueapi.Cancelled:
            _note(_NOTE, n=self.n, attempt=1)
            raise
        except queueapi.SoftTimeout:
            _note(_NOTE, n=self.n, attempt=2)
            raise
        except BaseException:
            _note(_NOTE, n=self.n, attempt=3)
            raise


class Reporting(Noted):
    """Computes without a pause, and only says how far it is."""

    def work(self) -> None:
        until = time.monotonic() + self.seconds
        while time.monotonic() < until:
            queueapi.progress(1)


class Spinning(Noted):
    """Computes in Python without a pause: no other greenlet has its turn."""

    def work(self) -> None:
        until = time.monotonic() + self.seconds
        while time.monotonic() < until:
            pass


class Stuck(Noted):
    """Is stuck in C, and never lets go of the interpreter."""

    def work(self) -> None:
        ctypes.PyDLL(None).usleep(int(self.seconds * 1e6))


class Deaf(Noted):
    """Lets nothing through that is raised in it."""

    def work(self) -> None:
        until = time.monotonic() + self.seconds
        while time.monotonic() < until:
            try:
                time.sleep(60)
            except BaseException:
                continue


class Segfault(Noted):
    """Dies of a fault in C, after it has waited for something."""

    def work(self) -> None:
        time.sleep(self.seconds)
        ctypes.string_at(0)


class ChildOfSegfault(Noted):
    """Dies in a greenlet that it started."""

    def work(self) -> None:
        import gevent

        gevent.spawn_later(self.seconds, ctypes.string_at, 0).join()


class Exiting(Noted):
    """Ends its process as C libraries do."""

    def work(self) -> None:
        os._exit(3)


class Killing(Noted):
    """Ends as what the kernel picks when it is out of memory."""

    def work(self) -> None:
        os.kill(os.getpid(), signal.SIGKILL)


class Walk(Iteration):
    """Walks over so many numbers, and notes each."""

    n: int
    count: int
    seconds: float = 0.0

    def build_enumerator(self, cursor: int | None):  # type: ignore[no-untyped-def]
        return queueapi.array_enumerator(range(self.count), cursor)

    def each_iteration(self, item: int) -> None:
        _note(_NOTE, n=item, attempt=self.n)
        time.sleep(self.seconds)

    def total(self) -> float:
        return self.count
