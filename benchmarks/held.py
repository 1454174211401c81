"""What a held poll takes of the server's memory: the growth of its process over 5,000 of them, by the kernel's count.

The clients are another process. A few hundred come first, so that what the server needs once is not counted.
"""

from __future__ import annotations

import json
import re
import resource
import secrets
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import queueapi
from benchmarks.bench import Bench
from benchmarks.errors import BenchmarkError
from benchmarks.figures import Figure, Target
from benchmarks.peers.ours import migrated
from benchmarks.processes import Process
from benchmarks.workload import Noop

POLLS = 5_000
TITLE = f"memory of a held poll, {POLLS:,} of them"
_FIRST = 250
_TARGET = Target(6.0, at_least=False)
_FILES_APART = 500  # that a process opens beside its clients' sockets


def measure(bench: Bench) -> list[Figure]:
    """KiB of each poll, for three kinds of pages."""
    if not Path("/proc/self/smaps_rollup").exists():
        raise BenchmarkError("a process's memory is read from /proc, which this system has not")
    _allow_files(POLLS + _FIRST + _FILES_APART)
    secret = secrets.token_urlsafe(32)
    dsn = bench.database("held")
    migrated(dsn)
    tickets = _tickets(dsn, secret, POLLS + _FIRST)
    mixes: tuple[tuple[str, Callable[[int], list[str]]], ...] = (
        ("each its own channel", lambda n: [f"page-{n}"]),
        ("each its own job", lambda n: [tickets[n]]),
        ("a job, an own and two shared channels", lambda n: [tickets[n], f"page-{n}", f"room-{n % 50}", "everybody"]),
    )
    chosen = mixes[1:] if bench.quick else mixes
    return [_figure(bench, dsn, secret, label, channels) for label, channels in chosen]


def _figure(bench: Bench, dsn: str, secret: str, label: str, channels: Callable[[int], list[str]]) -> Figure:
    with _server(bench, dsn, secret) as (server, port):
        bench.say(f"held: {label}")
        with _clients(bench, port, [channels(n) for n in range(_FIRST)]):
            before = memory(server.pid)
            with _clients(bench, port, [channels(n + _FIRST) for n in range(POLLS)]):
                after = memory(server.pid)
    note = f"the whole process: {after / 1024:.0f} MiB"
    return Figure(TITLE, label, (after - before) / POLLS, "KiB", target=_TARGET, note=note)


def memory(pid: int) -> float:
    """KiB of a process and its children that nobody else has: its private pages and its share of the others."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    own = re.search(r"^Pss:\s+(\d+) kB", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.MULTILINE)
    assert own
    return int(own[1]) + sum(memory(int(child)) for child in children)


def _tickets(dsn: str, secret: str, count: int) -> list[str]:
    queue = queueapi.connect(dsn, secrets=(secret,))
    return [handle.ticket() for handle in queue.push_all(Noop(i) for i in range(count))]


@contextmanager
def _server(bench: Bench, dsn: str, secret: str) -> Iterator[tuple[Process, int]]:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    script = Path(sys.executable).with_name("longpoll-serve")
    env = {"DATABASE_URL": dsn, "QUEUEAPI_SECRET": secret}
    server = bench.processes.start("longpoll-serve", [script, "--host", "127.0.0.1", "--port", str(port)], env)
    try:
        _await_port(server, port)
        yield server, port
    finally:
        server.stop()


def _await_port(server: Process, port: int) -> None:
    deadline = time.monotonic() + 20
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            if not server.alive or time.monotonic() > deadline:
                raise BenchmarkError(f"longpoll-serve did not start: {server.last_words()}") from None
            time.sleep(0.05)


@contextmanager
def _clients(bench: Bench, port: int, channels: list[list[str]]) -> Iterator[None]:
    file = bench.home / f"channels-{len(channels)}.json"
    file.write_text(json.dumps(channels))
    command = [sys.executable, "-m", "benchmarks.pollers", "127.0.0.1", str(port), str(file)]
    clients = bench.processes.start(f"pollers-{len(channels)}", command)
    try:
        clients.await_line("held")
        yield
    finally:
        clients.stop()
        file.unlink()


def _allow_files(count: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < count:
        raise BenchmarkError(f"{count} open files are needed and {hard} allowed: raise the hard limit (ulimit -Hn)")
    if soft < count:
        resource.setrlimit(resource.RLIMIT_NOFILE, (count, hard))

