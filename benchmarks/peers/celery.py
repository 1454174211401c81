"""Celery (PyPI) on Redis: its gevent pool, results ignored, a prefetch wide enough for short tasks, as its page on
optimising has it."""

from __future__ import annotations

from typing import Any

from benchmarks.peers.peer import PythonPeer
from benchmarks.peers.script import URL, serve, stamp


class Celery(PythonPeer):
    name = "Celery, gevent"
    setting = "Redis, -P gevent, prefetch 16 a slot, ignore_result, no gossip, mingle or heartbeat"
    store = "redis"
    requires = ("celery[gevent,redis]==5.7.0", "redis==8.1.0", "gevent==26.9.0")
    distribution = "celery"
    bulk = False
    left = "LLEN celery; HLEN unacked"
    slots = 100
    jobs = 10_000

    def worker(self, processes: int, slots: int) -> list[list[str]]:
        quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "WARNING"]
        words = [self.script("celery"), "-A", "benchmarks.peers.celery", "worker", "-P", "gevent", "-c", str(slots)]
        return [[*words, *quiet, "-n", f"bench{number}@%h"] for number in range(processes)]


PEERS = [Celery()]


def _app() -> Any:
    import time

    from celery import Celery as App
    from celery.signals import worker_ready

    app = App("bench", broker=URL)
    app.conf.update(task_ignore_result=True, worker_prefetch_multiplier=16, worker_enable_remote_control=False)

    @app.task(name="noop")
    def noop(i: int) -> None:
        pass

    @app.task(name="wait")
    def wait(i: int) -> None:
        time.sleep(0.001)

    @app.task(name="stamp")
    def stamped(i: int) -> None:
        stamp(i)

    @worker_ready.connect(weak=False)
    def ready(**_: object) -> None:
        print("ready", flush=True)

    return app


def __getattr__(name: str) -> Any:
    """Celery's command line finds ``app`` here; the benchmark, which has no Celery, never asks."""
    if name in ("app", "celery"):
        globals()[name] = app = _app()
        return app
    raise AttributeError(name)


class Script:
    def __init__(self) -> None:
        self._app = _app()

    def migrate(self) -> None:
        """There is nothing to make."""

    def fill(self, job: str, count: int) -> object:
        task = self._app.tasks[job]
        with self._app.producer_pool.acquire(block=True) as producer:
            for number in range(count):
                task.apply_async((number,), producer=producer)
        return None

    def push(self, job: str, number: int) -> object:
        return self._app.tasks[job].delay(number)

    def work(self, slots: int) -> None:
        raise NotImplementedError("its workers are started by its own command line")


if __name__ == "__main__":
    serve(Script())
