"""One message to five thousand held polls."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.bench import Bench
from benchmarks.errors import BenchmarkError
from benchmarks.figures import Target
from benchmarks.goals import Goal, beside
from benchmarks.parts import Column, Contender, Part
from benchmarks.peers.pushing import Server, servers, serving

_CHANNEL = "load"


@contextmanager
def _open(bench: Bench) -> Iterator[list[Contender]]:
    polls, messages = bench.pick(1_000, 5_000), bench.pick(3, 10)
    gap = bench.pick(1, 3)  # seconds until all have polled again
    quick = ("longpoll × 1", "longpoll × 2", "faye, Node")
    chosen = [server for server in servers() if not bench.quick or server.name in quick]
    yield [contender for server in chosen for contender in _contenders(bench, server, polls, messages, gap)]


def _contenders(bench: Bench, server: Server, polls: int, messages: int, gap: float) -> list[Contender]:
    wanted = bench.wants(server.name, server.ours)
    version = bench.attempt(server.name, lambda: server.install(bench)) if wanted else None
    if version is None:
        return []

    def run() -> dict[str, float]:
        pages = [[_CHANNEL]] * polls
        with serving(bench, server) as running, running.clients(bench, pages, messages=messages) as clients:
            for number in range(messages):
                server.publish(running.port, _CHANNEL, {"n": number, "t": time.monotonic()})
                clients.await_line(f"message {number} ", 30)
                time.sleep(gap)
            _, count, p50, p99, longest = clients.await_line("all ").split()
        if int(count) != polls * messages:
            raise BenchmarkError(f"{count} of {polls * messages} were delivered")
        return {"p99": float(p99), "p50": float(p50), "longest": float(longest)}

    command = f"{server.command()}; {polls:,} polls, {messages} messages"
    return [Contender(server.name, run, version, command, server.ours)]


def _goal(ours: str, what: str, target: float) -> Goal:
    reading = beside(ours, "faye, Node", "p99")
    return Goal(
        f"one message to 5,000 held polls, p99, {what}", "faye on Node", Target(target, at_least=False), reading
    )


PART = Part(
    name="fanout",
    title="One message to 5,000 held polls",
    about="""\
From before it is published to the moment at which a client has read the reply, of 50,000 replies (ten messages). Ours
publishes as an application does: an INSERT and its commit are in the figure, and PostgreSQL runs on the same two cores.
Faye keeps messages in memory only. All clients are one process, the same for all, on the same cores.""",
    columns=tuple(Column(figure, figure, "ms", "less") for figure in ("p99", "p50", "longest")),
    open=_open,
    goals=(
        _goal("longpoll × 1", "one process", 0.6),
        _goal("longpoll × 2", "`--processes 2`", 0.4),
        _goal("longpoll × 1, Faye's protocol", "one process, Faye's protocol", 0.6),
        _goal("longpoll × 2, Faye's protocol", "`--processes 2`, Faye's protocol", 0.4),
    ),
)  # fmt: skip
