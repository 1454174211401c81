"""Jobs that the tests give to real workers. What they do is written to tables of the test's own, at once, so that it
is known even of those that were killed."""

from __future__ import annotations

import hashlib
import os
import signal
import sys
import threading
import time
from pathlib import Path

import psycopg

from queueapi import Job, progress

TABLES = """
create table ran (n int not null, attempt int not null, token bigint not null, pid int not null,
                  begun timestamptz not null default clock_timestamp());
create table ended (n int not null, attempt int not null, pid int not null,
                    at timestamptz not null default clock_timestamp());
create table heard (n int not null, text text not null);
"""
_NOTE_BEGIN = """
insert into ran (n, attempt, token, pid)
select %(n)s, attempt, token, %(pid)s from queueapi.jobs where args ->> 'n' = %(n)s::text and state = 'running'
returning attempt, token
"""
_NOTE_END = "insert into ended (n, attempt, pid) values (%(n)s, %(attempt)s, %(pid)s)"


class Noted(Job):
    """Writes down that it ran, in which attempt and under which lease, and returns that."""

    n: int
    seconds: float = 0.0

    def run(self) -> dict[str, object]:
        attempt, token = _note_begin(self.n)
        self.work()
        _note(_NOTE_END, n=self.n, attempt=attempt)
        return {"n": self.n, "attempt": attempt, "token": str(token), "pid": os.getpid()}

    def work(self) -> None:
        time.sleep(self.seconds)


class Napping(Job):
    """Needs no server while it runs."""

    n: int
    seconds: float

    def run(self) -> None:
        time.sleep(self.seconds)


class Spinning(Noted):
    """Computes in Python without a pause: no other greenlet has its turn."""

    def work(self) -> None:
        until = time.monotonic() + self.seconds
        while time.monotonic() < until:
            pass


class Grinding(Job):
    """Computes from its first moment on: what was claimed with it does not even begin."""

    n: int
    seconds: float

    def run(self) -> None:
        until = time.monotonic() + self.seconds
        while time.monotonic() < until:
            pass


class Hashing(Noted):
    """Computes in C without a pause."""

    def work(self) -> None:
        until = time.monotonic() + self.seconds
        while time.monotonic() < until:
            hashlib.pbkdf2_hmac("sha256", b"secret", b"salt", 200_000)


class Matching(Noted):
    """Computes in C and never lets go of the interpreter: not even another thread has its turn."""

    def work(self) -> None:
        before = time.process_time()
        while time.process_time() - before < self.seconds:
            sum(range(150_000_000))


class Flaky(Noted):
    """Fails until its last attempt."""

    def work(self) -> None:
        if _note(_COUNT, n=self.n) == [(1,)]:
            raise RuntimeError("not yet")


_COUNT = "select count(*) from ran where n = %(n)s"


class Deadly(Noted):
    """Takes its process with it."""

    def work(self) -> None:
        os.kill(os.getpid(), signal.SIGKILL)


class Mourned(Deadly):
    """The same, and whoever is there afterwards writes down what was heard of it."""

    def on_dead(self, error: BaseException) -> None:
        _note("insert into heard (n, text) values (%(n)s, %(text)s)", n=self.n, text=f"{type(error).__name__}: {error}")


class Leaving(Noted):
    """Ends its process as C libraries do: with an exit code that means something else to others."""

    def work(self) -> None:
        os._exit(2)


class Deaf(Noted):
    """Closes every file of its process, as daemons do, and goes on."""

    def work(self) -> None:
        os.closerange(3, 256)
        time.sleep(self.seconds)


class Growing(Job):
    """Takes so many megabytes, and says in which process."""

    n: int
    megabytes: int
    seconds: float

    def run(self) -> int:
        held = b"x" * (self.megabytes * 2**20)
        time.sleep(self.seconds)
        return os.getpid() if held else 0


class Stubborn(Noted):
    """Does not let itself be interrupted."""

    def work(self) -> None:
        while True:
            try:
                time.sleep(60)
            except BaseException:
                continue


class Deadlocked(Noted):
    """Waits for itself."""

    def work(self) -> None:
        lock = threading.Lock()
        lock.acquire()
        lock.acquire()


class Raising(Job):
    """Raises what ends programs rather than functions, also where nobody expects it."""

    what: str

    def run(self) -> None:
        if self.what == "greenlet":
            import gevent

            gevent.spawn(sys.exit, "a greenlet's own affair").join()
            return
        if self.what == "thread":
            thread = threading.Thread(target=sys.exit, args=("a thread's own affair",))
            thread.start()
            thread.join()
            return
        raise _errors()[self.what]


def _errors() -> dict[str, BaseException]:
    import gevent
    from greenlet import GreenletExit

    class Unspeakable(BaseException):
        def __str__(self) -> str:
            raise SystemExit("not even its message")

    return {
        "exit": SystemExit(3),
        "keyboard": KeyboardInterrupt(),
        "killed": GreenletExit(),
        "timeout": gevent.Timeout(1),
        "base": BaseException("base"),
        "unspeakable": Unspeakable(),
        "surrogate": ValueError("half of \ud83d, a NUL \0 and \x1b[2J"),
        "memory": MemoryError(),
    }


class Large(Job):
    """Returns as much as it is told to."""

    n: int
    size: int

    def run(self) -> str:
        return "x" * self.size


class Reporting(Job):
    """Says how far it is, in words that nobody could store."""

    n: int

    def run(self) -> None:
        for value in (float("nan"), 10**400, 7):
            progress(value, 9.5 if value == 7 else None, "half of \ud83d and a NUL \0")
            time.sleep(0.3)


def _note_begin(n: int) -> tuple[int, int]:
    # The claim may have been made a moment ago on a server that just came back: the row is there when we run.
    ((attempt, token),) = _note(_NOTE_BEGIN, n=n)
    return attempt, token  # type: ignore[return-value]


def _note(statement: str, **values: object) -> list[tuple[object, ...]]:
    """On a connection of its own, which is in nobody's way when the process is killed."""
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True, connect_timeout=5) as connection:
        cursor = connection.execute(statement.encode(), {**values, "pid": os.getpid()})
        return cursor.fetchall() if cursor.description else []


if path := os.environ.get("WORKSHOP_IMPORTED"):  # so that a test can count how often a process got this far
    with Path(path).open("a") as file:
        file.write(f"{os.getpid()}\n")
