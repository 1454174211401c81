"""A peer that is installed and has a store of its own: what a measurement asks it to do."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import psycopg

from benchmarks.bench import Bench
from benchmarks.errors import BenchmarkError
from benchmarks.peers.peer import Peer
from benchmarks.processes import Process

# Nothing measured here takes so long, unless a worker has died.
PATIENCE = 180.0
# How often the watcher looks, at most: and it does nothing else for ten times as long as its look took.
_LOOK = 0.01


class Filled(NamedTuple):
    """The job pushed last, as the peer calls it, and how long filling took, in seconds."""

    last: str
    seconds: float


class Installed:
    """1. fills; 2. pushes, as fast as it can or at a pace; 3. works; 4. says whether anything is left.

    Args:
        purpose: of its database, beside others of the same peer.
    """

    def __init__(self, bench: Bench, peer: Peer, version: str, purpose: str) -> None:
        self._bench, self.peer, self.version = bench, peer, version
        self._slug = re.sub(r"\W+", "_", peer.name.lower())
        if peer.store == "postgres":
            self.url = bench.database(f"{purpose}_{self._slug}"[:63])
        else:
            self.url = bench.redis()
        self.stamps = bench.home / "stamps" / self._slug
        self.stamps.parent.mkdir(parents=True, exist_ok=True)
        self._run("migrate", "", ())

    # -- 1. filling

    def fill(self, job: str, count: int) -> Filled:
        """Push so many, by its own call for many."""
        _, last, seconds = self._run("fill", "filled", (job, count)).split()
        return Filled(last, float(seconds))

    # -- 2. pushing

    def push(self, job: str, seconds: float) -> float:
        """Push one at a time, from one thread: so many a second."""
        _, count, took = self._run("push", "pushed", (job, seconds)).split()
        return int(count) / float(took)

    def pace(self, count: int, rate: float) -> list[float]:
        """Push so many jobs, so many a second, and wait until all ran: how long each waited, in ms."""
        pushed = self.stamps.with_suffix(".pushed")
        for file in (pushed, self.stamps):
            file.write_bytes(b"")  # emptied and not removed: workers have it open
        arguments = ("stamp", count, rate)
        self._run("pace", "paced", arguments, PATIENCE + count / rate, BENCH_PUSHED=str(pushed.resolve()))
        ran = self.await_stamps(count)
        return [(ran[number] - at) / 1e6 for number, at in stamps(pushed).items()]

    def await_stamps(self, count: int) -> dict[int, int]:
        """When each of so many jobs ran, in ns."""
        deadline = time.monotonic() + 30
        while len(found := stamps(self.stamps)) < count:
            if time.monotonic() > deadline:
                raise BenchmarkError(f"{len(found)} of {count} jobs ran: the workers' output is in .bench/logs")
            time.sleep(_LOOK)
        return found

    # -- 3. working

    @contextmanager
    def working(self, processes: int, slots: int | None = None) -> Iterator[list[Process]]:
        """Workers that look for jobs, for the block."""
        commands = self.peer.worker(processes, slots or self.peer.slots)
        started: list[Process] = []
        try:
            for number, command in enumerate(commands):
                started.append(self._bench.processes.start(f"{self._slug}-work-{number}", command, self._env()))
            for process in started:
                process.await_line("ready")
            yield started
        finally:
            for process in started:
                process.stop(patience=5)

    def command(self, processes: int, slots: int | None = None) -> str:
        """How its workers are started, for the document."""
        commands = self.peer.worker(processes, slots or self.peer.slots)
        words = [Path(word).name if "/" in word else word for word in commands[0]]
        return f"{' '.join(words)}{f' (× {len(commands)})' if len(commands) > 1 else ''}"

    # -- 4. what is left

    @contextmanager
    def watching(self) -> Iterator[Watcher]:
        """Looks at what is left, for the block."""
        watcher: Watcher = _Sql(self) if self.peer.store == "postgres" else _Redis(self)
        try:
            yield watcher
        finally:
            watcher.close()

    def tidy(self) -> None:
        """What the server would do in its own time, done now: nobody is to pay for the filling of another."""
        if self.peer.store == "postgres":
            with psycopg.connect(self.url, autocommit=True) as connection:
                connection.execute(f"vacuum (analyze) {self.peer.tables}".encode())
                connection.execute("checkpoint")

    def clear(self) -> None:
        """Forget what was pushed."""
        if self.peer.store == "redis":
            split = urlsplit(self.url)
            with socket.create_connection((split.hostname or "", split.port or 6379)) as connection:
                connection.sendall(b"FLUSHALL\r\n")
                connection.recv(100)
        elif self.peer.tables:
            with psycopg.connect(self.url, autocommit=True) as connection:
                connection.execute(f"truncate {self.peer.tables} cascade".encode())

    def _env(self, **more: str) -> dict[str, str]:
        url = {"BENCH_URL": self.url, "DATABASE_URL": self.url, "BENCH_STAMPS": str(self.stamps.resolve())}
        return {**url, "PYTHONUNBUFFERED": "1", "NODE_ENV": "production", **self.peer.variables, **more}

    def _run(self, verb: str, word: str, arguments: Sequence[object], patience: float = PATIENCE, **env: str) -> str:
        command = self.peer.words(verb, *arguments)
        process = self._bench.processes.start(f"{self._slug}-{verb}", command, self._env(**env))
        try:
            return process.await_line(word, patience) if word else process.await_end(patience)
        finally:
            process.stop()


def stamps(file: Path) -> dict[int, int]:
    """The times that were written, by number; of one that ran twice, the first."""
    found: dict[int, int] = {}
    for number, at in stamped(file):
        found.setdefault(number, at)
    return found


def stamped(file: Path) -> list[tuple[int, int]]:
    """Every line that was written, the last only if it is whole."""
    text = file.read_text() if file.exists() else ""
    lines = text[: text.rfind("\n") + 1].split("\n")[:-1]
    return [(int(number), int(at)) for number, at in (line.split() for line in lines)]


def install(bench: Bench, peers: Iterable[Peer], purpose: str) -> Iterator[Installed]:
    """Those that can be had, each with a store of its own; of the others it is noted why not."""
    for peer in peers:
        if not bench.wants(peer.name, peer.ours):
            continue
        version = bench.attempt(peer.name, partial(peer.install, bench))
        if version is None:
            continue
        try:
            yield Installed(bench, peer, version, purpose)
        except BenchmarkError as error:
            bench.skipped[peer.name] = str(error)


class Watcher:
    """Asks the store what is left."""

    def __init__(self, installed: Installed) -> None:
        self._peer = installed.peer

    def left(self, last: str) -> bool:
        """Whether anything is, the job ``last`` among it."""
        raise NotImplementedError

    def close(self) -> None:
        """Ask no more."""

    def await_empty(self, last: str, workers: Sequence[Process]) -> None:
        """Wait until nothing is left.

        Raises:
            BenchmarkError: a worker died, or the time is up.
        """
        deadline = time.monotonic() + PATIENCE
        while True:
            began = time.monotonic()
            if not self.left(last):
                return
            now = time.monotonic()
            if now > deadline or not all(worker.alive for worker in workers):
                words = " / ".join(worker.last_words() for worker in workers if not worker.alive)
                raise BenchmarkError(f"{self._peer.name} stopped with jobs left: {words or 'see .bench/logs'}")
            time.sleep(max(_LOOK, 10 * (now - began)))


class _Sql(Watcher):
    def __init__(self, installed: Installed) -> None:
        super().__init__(installed)
        self._connection = psycopg.connect(installed.url, autocommit=True)

    def left(self, last: str) -> bool:
        # First the job pushed last, by its key: asking whether any is left walks over all the rows deleted so far.
        if self._peer.last and last != "None" and self._true(self._peer.last, (last,)):
            return True
        return self._true(self._peer.left, ())

    def _true(self, question: str, params: tuple[str, ...]) -> bool:
        row = self._connection.execute(question.encode(), params).fetchone()
        return bool(row and row[0])

    def close(self) -> None:
        self._connection.close()


class _Redis(Watcher):
    def __init__(self, installed: Installed) -> None:
        super().__init__(installed)
        split = urlsplit(installed.url)
        self._socket = socket.create_connection((split.hostname or "", split.port or 6379))
        self._answers = self._socket.makefile("rb")

    def left(self, last: str) -> bool:
        return any(self._ask(command) for command in self._peer.left.split("; "))

    def _ask(self, command: str) -> int:
        """Redis takes a line of words as well as its own protocol, and answers with a number as ``:12``."""
        self._socket.sendall(f"{command}\r\n".encode())
        return int(self._answers.readline().lstrip(b":"))

    def close(self) -> None:
        self._answers.close()
        self._socket.close()
