"""Dramatiq (PyPI) on Redis: worker threads in one process each, without the middleware that is for metrics only."""

from __future__ import annotations

import threading
import time
from typing import Any

from benchmarks.peers.peer import PythonPeer
from benchmarks.peers.script import URL, say, serve, stamp


class Dramatiq(PythonPeer):
    name = "Dramatiq"
    setting = "Redis, worker threads"
    store = "redis"
    requires = ("dramatiq[redis]==2.2.1", "redis==8.1.0")
    distribution = "dramatiq"
    bulk = False
    left = "LLEN dramatiq:default; HLEN dramatiq:default.msgs"
    slots = 8
    jobs = 5_000


PEERS = [Dramatiq()]


class Script:
    def __init__(self) -> None:
        import dramatiq
        from dramatiq.brokers.redis import RedisBroker

        self._broker = RedisBroker(url=URL)
        dramatiq.set_broker(self._broker)

        def noop(i: int) -> None:
            pass

        def wait(i: int) -> None:
            time.sleep(0.001)

        def stamped(i: int) -> None:
            stamp(i)

        actors = (("noop", noop), ("wait", wait), ("stamp", stamped))
        self._actors: dict[str, Any] = {name: dramatiq.actor(actor_name=name)(one) for name, one in actors}

    def migrate(self) -> None:
        """There is nothing to make."""

    def fill(self, job: str, count: int) -> object:
        for number in range(count):
            self._actors[job].send(number)
        return None

    def push(self, job: str, number: int) -> object:
        return self._actors[job].send(number)

    def work(self, slots: int) -> None:
        from dramatiq import Worker

        Worker(self._broker, worker_threads=slots).start()
        say("ready")
        threading.Event().wait()


if __name__ == "__main__":
    serve(Script())
