"""RQ (PyPI) on Redis: its SimpleWorker, which forks for no job, and no results, as its documentation has for speed."""

from __future__ import annotations

import logging
import time

from benchmarks.peers.peer import PythonPeer
from benchmarks.peers.script import URL, say, serve, stamp

_CHUNK = 1_000


class RQ(PythonPeer):
    name = "RQ"
    setting = "Redis, SimpleWorker (one job at a time), result_ttl=0"
    store = "redis"
    requires = ("rq==3.0.0", "redis==8.1.0")
    distribution = "rq"
    left = "LLEN rq:queue:default; ZCARD rq:wip:default"
    slots = 1
    jobs = 2_000


PEERS = [RQ()]


def noop(i: int) -> None:
    """Nothing."""


def wait(i: int) -> None:
    """A millisecond."""
    time.sleep(0.001)


def stamped(i: int) -> None:
    """The time."""
    stamp(i)


_NAMES = {"noop": "noop", "wait": "wait", "stamp": "stamped"}


class Script:
    def __init__(self) -> None:
        from redis import Redis
        from rq import Queue

        self._redis = Redis.from_url(URL)
        self._queue = Queue("default", connection=self._redis)

    def migrate(self) -> None:
        """There is nothing to make."""

    def fill(self, job: str, count: int) -> object:
        from rq import Queue

        function = _path(job)
        for start in range(0, count, _CHUNK):
            numbers = range(start, min(count, start + _CHUNK))
            self._queue.enqueue_many([Queue.prepare_data(function, args=(n,), result_ttl=0) for n in numbers])
        return None

    def push(self, job: str, number: int) -> object:
        return self._queue.enqueue(_path(job), number, result_ttl=0)

    def work(self, slots: int) -> None:
        from rq import SimpleWorker

        logging.getLogger("rq").setLevel(logging.WARNING)
        say("ready")
        SimpleWorker([self._queue], connection=self._redis).work(logging_level="WARNING")


def _path(job: str) -> str:
    return f"benchmarks.peers.rq.{_NAMES[job]}"


if __name__ == "__main__":
    serve(Script())
