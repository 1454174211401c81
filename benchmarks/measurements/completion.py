"""The way back: from the end of ``run()`` to the answer of the browser's held poll, with a thousand others held."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg

import queueapi
from benchmarks.bench import Bench
from benchmarks.errors import BenchmarkError
from benchmarks.figures import Target, percentile
from benchmarks.goals import Goal, alone
from benchmarks.parts import Column, Contender, Part
from benchmarks.peers.installed import Installed
from benchmarks.peers.longpoll import SECRET, LongPoll
from benchmarks.peers.ours import Ours
from benchmarks.peers.pushing import serving
from benchmarks.workload import Linger

OTHERS = 1_000
_WARM_UP = 10
_NAME = "queueapi and longpoll"


@contextmanager
def _open(bench: Bench) -> Iterator[list[Contender]]:
    jobs = bench.pick(30, 200)
    installed = Installed(bench, Ours(keep=True), queueapi.__version__, "completion")
    server = LongPoll(1, "native", installed.url)
    command = f"{installed.command(1)}; longpoll-serve; {jobs} jobs, {OTHERS:,} other polls held"
    yield [
        Contender(_NAME, lambda: _ours(bench, installed, server, jobs), installed.version, command, True),
        Contender("NOTIFY to a listener", lambda: _yardstick(installed.url, jobs), f"psycopg {psycopg.__version__}"),
    ]


def _ours(bench: Bench, installed: Installed, server: LongPoll, jobs: int) -> dict[str, float]:
    queue = queueapi.connect(installed.url, secrets=(SECRET,))
    pages = [[f"page-{number}"] for number in range(OTHERS)]
    installed.stamps.unlink(missing_ok=True)
    heard: dict[int, int] = {}
    with serving(bench, server) as running, running.clients(bench, pages), installed.working(1):
        browser = http.client.HTTPConnection("127.0.0.1", running.port)
        for number in range(jobs + _WARM_UP):
            ticket = queue.push(Linger(number)).ticket()
            heard[number] = _await_done(lambda ask: _poll(browser, ask), ticket)
        browser.close()
        ended = installed.await_stamps(jobs + _WARM_UP)
    return _percentiles([(heard[n] - ended[n]) / 1e6 for n in range(_WARM_UP, jobs + _WARM_UP)])


def _await_done(poll: Callable[[dict[str, Any]], tuple[int, Any]], ticket: str) -> int:
    """The moment, in ns, at which a browser knew that the job is done."""
    cursor, wait = None, 0
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        at, reply = poll({"channels": [ticket], "cursor": cursor, "wait": wait})
        cursor, wait = reply["cursor"], 10
        if any(message["event"] == "done" for message in reply["messages"]):
            return at
    raise BenchmarkError("a browser was not told in 30 s that its job is done")


def _poll(browser: http.client.HTTPConnection, ask: dict[str, Any]) -> tuple[int, Any]:
    browser.request("POST", "/poll", json.dumps(ask), {"Content-Type": "text/plain"})
    body = browser.getresponse().read()
    return time.monotonic_ns(), json.loads(body)


def _yardstick(dsn: str, count: int) -> dict[str, float]:
    waits = []
    with psycopg.connect(dsn, autocommit=True) as teller, psycopg.connect(dsn, autocommit=True) as listener:
        listener.execute("listen bench")
        for _ in range(count):
            start = time.monotonic()
            teller.execute("select pg_notify('bench', '')")
            for _ in listener.notifies(timeout=10, stop_after=1):
                waits.append((time.monotonic() - start) * 1000)
    return _percentiles(waits)


def _percentiles(waits: list[float]) -> dict[str, float]:
    return {"p50": percentile(waits, 50), "p99": percentile(waits, 99)}


PART = Part(
    name="completion",
    title="End of run() to the browser's held poll answered",
    about="""\
One job after the other is pushed, and a browser waits for it with a held poll, on a connection that stays open; a
thousand other browsers are held meanwhile. The clock runs from the last line of the job to the moment at which the
browser has read that it is done: the outcome's commit, the notification, one read for all who wait, and the reply are
in it. The yardstick is a NOTIFY that another connection hears.""",
    columns=(Column("p50", "p50", "ms", "less"), Column("p99", "p99", "ms", "less")),
    open=_open,
    goals=(
        Goal(
            "end of `run()` to the browser, p50", "a figure by itself", Target(3, at_least=False),
            alone(_NAME, "p50"), "ms",
        ),
        Goal(
            "end of `run()` to the browser, p99", "a figure by itself", Target(15, at_least=False),
            alone(_NAME, "p99"), "ms",
        ),
    ),
)  # fmt: skip
