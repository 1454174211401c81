"""What a held poll takes of the server's memory: the growth of its processes over ten thousand of them."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks import machine
from benchmarks.bench import Bench
from benchmarks.errors import BenchmarkError
from benchmarks.figures import Target
from benchmarks.goals import Goal, alone, beside
from benchmarks.parts import Column, Contender, Part
from benchmarks.peers.pushing import Server, servers, serving

# Come first: what the server needs once is not counted.
_FIRST = 250
_FILES_APART = 500  # that a process opens beside its clients' sockets


@contextmanager
def _open(bench: Bench) -> Iterator[list[Contender]]:
    polls = bench.pick(1_000, 10_000)
    _allow_files(polls + _FIRST + _FILES_APART)
    chosen = [server for server in servers() if " × 2" not in server.name]
    if bench.quick:
        chosen = [server for server in chosen if server.name in ("longpoll × 1", "faye, Node")]
    yield [contender for server in chosen for contender in _contenders(bench, server, polls)]


def _contenders(bench: Bench, server: Server, polls: int) -> list[Contender]:
    wanted = bench.wants(server.name, server.ours)
    version = bench.attempt(server.name, lambda: server.install(bench)) if wanted else None
    if version is None:
        return []

    def run() -> dict[str, float]:
        pages = [[f"page-{number}"] for number in range(polls + _FIRST)]
        with serving(bench, server) as running, running.clients(bench, pages[:_FIRST]):
            before = machine.proportional(running.process.pid)
            with running.clients(bench, pages[_FIRST:]):
                after = machine.proportional(running.process.pid)
        return {"each": (after - before) / polls, "whole": after / 1024}

    return [Contender(server.name, run, version, f"{server.command()}; {polls:,} polls", server.ours)]


def _allow_files(count: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < count:
        raise BenchmarkError(f"{count} open files are needed and {hard} allowed: raise the hard limit (ulimit -Hn)")
    if soft < count:
        resource.setrlimit(resource.RLIMIT_NOFILE, (count, hard))


PART = Part(
    name="held",
    title="Memory of a held poll, 10,000 of them",
    about="""\
Each client on a connection and a channel of its own, in another process. Growth of the server's proportional set size
(its private pages and its share of the others, as the kernel counts them) from 250 polls to 10,250, by the 10,000. What
the kernel keeps for a socket is in nobody's figure.""",
    columns=(Column("each", "of a held poll", "KiB", "less"), Column("whole", "of the whole server", "MiB", "less")),
    open=_open,
    goals=(
        Goal(
            "memory of a held poll", "a figure by itself", Target(5, at_least=False), alone("longpoll × 1", "each"),
            "KiB",
        ),
        Goal(
            "memory of a held poll", "faye on Node", Target(0.4, at_least=False),
            beside("longpoll × 1", "faye, Node", "each"),
        ),
    ),
    full=5,
)  # fmt: skip
