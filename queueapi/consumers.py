"""A thread that runs what waits in a queue of this process: the Rails 4 queue's consumer."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any, Protocol, Self

from queueapi import serializer
from queueapi.claims import Claimed
from queueapi.errors import QueueEmpty
from queueapi.kinds import kinds


class Consumer(Protocol):
    """What a queue asks of the one who runs its jobs."""

    def start(self) -> Any:
        """Begin, and return at once."""


class Runner(Protocol):
    """A backend whose jobs are run in this process."""

    def take(
        self, queue: str | None, timeout: float | None = None, stopping: Callable[[], bool] = lambda: False
    ) -> Claimed:
        """The next job that is due, once there is one. QueueEmpty if the time is over, or it is stopping."""

    def run(self, claimed: Claimed) -> BaseException | None:
        """Run one attempt and record how it ended; what it raised."""

    def drain(self, queue: str | None) -> int:
        """Run all that waits, in this thread. Raises what the first job raises."""

    def wake(self) -> None:
        """Let every waiting :meth:`take` look whether it is to stop."""

    def consumer(self, queue: Consumed) -> ThreadedQueueConsumer:
        """The consumer of that queue, one for each name."""


class Consumed(Protocol):
    """A queue, as its consumer sees it."""

    name: str | None

    def runner(self, doing: str) -> Runner:
        """What runs its jobs. NotOffered if that is nobody in this process."""


class ThreadedQueueConsumer:
    """1. ``start`` runs the queue's jobs in a thread, one after another; 2. ``shutdown`` runs what is due by then, and
    ends the thread; 3. ``drain`` runs all that waits in the calling thread instead; 4. ``handle_exception`` is told
    what a job raised: override it to tell somebody else.

    For queues that live in this process. Jobs on PostgreSQL have ``queueapi-work``.

    Args:
        queue: a :class:`queueapi.MemoryQueue`, or one of its names.
        logger: default ``queueapi``, which writes to stderr if nobody has set up logging.

    Raises:
        NotOffered: the queue's jobs are not run in this process.
    """

    def __init__(self, queue: Consumed, logger: logging.Logger | None = None) -> None:
        self.queue = queue
        self.logger = logger or logging.getLogger("queueapi")
        self._runner = queue.runner("start")
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def start(self) -> Self:
        """Start the thread, unless it runs."""
        with self._lock:
            if self._thread is None:
                self._stopping.clear()
                name = f"queueapi {self.queue.name or 'default'}"
                self._thread = threading.Thread(target=self._consume, name=name, daemon=True)
                self._thread.start()
        return self

    def shutdown(self, timeout: float | None = None) -> bool:
        """Run what is due, then end. What is scheduled for later stays in the queue. False if the time was short."""
        with self._lock:
            thread = self._thread
            self._stopping.set()
            self._runner.wake()
            if thread is None or thread is threading.current_thread():
                return thread is None
            thread.join(timeout)
            if not thread.is_alive():
                self._thread = None
            return self._thread is None

    def drain(self) -> int:
        """Run all that waits, now and here; how many that were. Raises what the first job raises."""
        return self._runner.drain(self.queue.name)

    def handle_exception(self, job: Any, exception: BaseException) -> None:
        """A job raised this. Called once for every attempt that failed, in the consumer's thread."""
        self.logger.error("%s failed: %r", _shown(job), exception, exc_info=exception)

    def _consume(self) -> None:
        while True:
            try:
                claimed = self._runner.take(self.queue.name, stopping=self._stopping.is_set)
            except QueueEmpty:
                return
            error = self._runner.run(claimed)
            if error is not None:
                self._handle(claimed, error)

    def _handle(self, claimed: Claimed, error: BaseException) -> None:
        try:
            self.handle_exception(_job(claimed), error)
        except Exception:  # somebody's override: the thread must live on
            self.logger.exception("handle_exception failed on a job of the kind %s", claimed.kind)


def _job(claimed: Claimed) -> Any:
    """A copy of the job; its row, if it cannot be read."""
    try:
        return serializer.loads(kinds.named(claimed.kind), claimed.args)
    except Exception:
        return claimed


def _shown(job: object) -> str:
    try:
        return repr(job)
    except Exception:
        return f"a {type(job).__qualname__}"
