"""A process that pushes from many threads at once, by ``queue.push`` or by a plain INSERT of an equal row.

It works from the start on, and counts only what ended between two moments of the monotonic clock, which all
processes share: so several of them are counted over the same time, warm and at full load throughout.
"""

from __future__ import annotations

import argparse
import sys
import threading
import time
from collections.abc import Callable

import psycopg

import queueapi
from benchmarks.workload import Noop

# The same row by the same driver: three columns given, the rest by their defaults, the id returned.
PLAIN = "insert into queueapi.jobs (queue, kind, args) values (%s, %s, %s) returning id"


def main() -> None:
    """Print how many were pushed between ``--begin`` and ``--end``."""
    parser = argparse.ArgumentParser()
    parser.add_argument("how", choices=["push", "insert"])
    parser.add_argument("dsn")
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--begin", type=float, required=True)
    parser.add_argument("--end", type=float, required=True)
    arguments = parser.parse_args()
    once = (_pushing if arguments.how == "push" else _inserting)(arguments.dsn, arguments.threads)
    counts = [0] * arguments.threads

    def work(number: int) -> None:
        one = once()
        while (now := time.monotonic()) < arguments.end:
            one()
            if now >= arguments.begin:
                counts[number] += 1

    threads = [threading.Thread(target=work, args=(number,)) for number in range(arguments.threads)]
    for thread in threads:
        thread.start()
    if time.monotonic() > arguments.begin:
        sys.exit("the machine is too busy: the threads were not running in time")
    for thread in threads:
        thread.join()
    print("pushed", sum(counts), flush=True)


def _pushing(dsn: str, threads: int) -> Callable[[], Callable[[], object]]:
    queue = queueapi.connect(dsn, pool_size=threads)
    return lambda: lambda: queue.push(Noop(1))


def _inserting(dsn: str, threads: int) -> Callable[[], Callable[[], object]]:
    def once() -> Callable[[], object]:
        connection = psycopg.connect(dsn, autocommit=True, prepare_threshold=0)
        row = ("default", "noop", '{"i":1}')
        return lambda: connection.execute(PLAIN, row).fetchone()

    return once


if __name__ == "__main__":
    main()
