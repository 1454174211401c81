"""Huey (PyPI) on Redis: a consumer of threads, no results, as its documentation advises where none are wanted."""

from __future__ import annotations

import logging
import time
from typing import Any

from benchmarks.peers.peer import PythonPeer
from benchmarks.peers.script import URL, say, serve, stamp


class Huey(PythonPeer):
    name = "Huey"
    setting = "Redis, threads, results=False"
    store = "redis"
    requires = ("huey==3.5.4", "redis==8.1.0")
    distribution = "huey"
    bulk = False
    left = "LLEN huey.redis.bench"
    slots = 4
    jobs = 10_000


PEERS = [Huey()]


class HueyScript:
    """For every store of Huey's."""

    def __init__(self, huey: Any) -> None:
        self._huey = huey

        def noop(i: int) -> None:
            pass

        def wait(i: int) -> None:
            time.sleep(0.001)

        def stamped(i: int) -> None:
            stamp(i)

        tasks = (("noop", noop), ("wait", wait), ("stamp", stamped))
        self._tasks = {name: huey.task(name=name)(function) for name, function in tasks}

    def migrate(self) -> None:
        """Its tables were made when it was."""

    def fill(self, job: str, count: int) -> object:
        for number in range(count):
            self._tasks[job](number)
        return None

    def push(self, job: str, number: int) -> object:
        return self._tasks[job](number)

    def work(self, slots: int) -> None:
        logging.getLogger("huey").setLevel(logging.WARNING)
        consumer = self._huey.create_consumer(workers=slots, worker_type="thread", periodic=False)
        say("ready")
        consumer.run()


if __name__ == "__main__":
    from huey import RedisHuey

    serve(HueyScript(RedisHuey("bench", url=URL, results=False)))
