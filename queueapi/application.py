"""The process's own queue: what stands behind ``queueapi.queue``, and who runs its jobs.

Rails has ``config.queue`` and ``config.queue_consumer``; here it is :func:`configure`, or the environment.
"""

from __future__ import annotations

import atexit
import importlib
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from queueapi import within
from queueapi.errors import SettingsError
from queueapi.later import Later
from queueapi.middleware import chain
from queueapi.names import checked_name
from queueapi.queues import Queue

if TYPE_CHECKING:
    from queueapi import batches, consumers, deaths, foreign, handles, inprocess, runtime, tickets
    from queueapi.backends import Backend
    from queueapi.batches import Batch
    from queueapi.consumers import Consumer
    from queueapi.deaths import Dead
    from queueapi.foreign import Pushes
    from queueapi.handles import Handle
else:
    batches, consumers = Later("queueapi.batches"), Later("queueapi.consumers")
    deaths, foreign = Later("queueapi.deaths"), Later("queueapi.foreign")
    handles, inprocess = Later("queueapi.handles"), Later("queueapi.inprocess")
    runtime, tickets = Later("queueapi.runtime"), Later("queueapi.tickets")

_QUEUES: Final[dict[str, Callable[[], Queue]]] = {
    "memory": lambda: inprocess.MemoryQueue(),
    "synchronous": lambda: inprocess.SynchronousQueue(),
    "test": lambda: inprocess.TestQueue(),
}
_FORMS: Final = f"postgres, {', '.join(_QUEUES)}, or the address of one of your own, such as myapp.queues:queue"


class Application:
    """1. is told, or reads in the environment at the first use, what stands behind the process's queue; 2. starts the
    consumer; 3. shuts it down when another takes its place, and at exit."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._ready = False
        self._backend: Backend | None = None  # None: PostgreSQL, as the environment says
        self._consumer: Consumer | None = None

    def __call__(self) -> Backend:
        if not self._ready:
            with self._lock:
                if not self._ready:
                    self.configure(_from_env("QUEUEAPI_QUEUE"), _from_env("QUEUEAPI_CONSUMER"))
        return runtime.default() if self._backend is None else self._backend

    def configure(self, queue: Any, consumer: Any) -> None:
        """See :func:`configure`; None for either means that nothing was said."""
        target = _queue(queue)
        starts = consumer or (None if target is None else _starts(target))
        backend, made = _backend(target), None if starts is None else _consumer(starts, target)
        with self._lock:
            self.reset()
            self._backend, self._ready = backend, True
            if made is not None:
                made.start()
                self._consumer = made
                atexit.register(self.reset)

    @contextmanager
    def instead(self, queue: Queue) -> Iterator[None]:
        """Put another queue behind it for a block; afterwards all is as it was. For tests."""
        with self._lock:
            before = self._backend, self._ready, self._consumer
            self._backend, self._ready, self._consumer = _backend(queue), True, None
        try:
            yield
        finally:
            with self._lock:
                self._backend, self._ready, self._consumer = before

    def reset(self) -> None:
        """Let the consumer run what is due and end it, and know nothing."""
        with self._lock:
            consumer, self._consumer = self._consumer, None
            self._backend, self._ready = None, False
            atexit.unregister(self.reset)
        ends = getattr(consumer, "shutdown", None)
        if ends is not None:
            ends()


def _queue(given: Any) -> Any:
    """The queue that is meant; None for PostgreSQL."""
    if given is None or given == "postgres":
        return None
    if isinstance(given, str):
        if given not in _QUEUES:
            raise SettingsError(f"there is no queue {given!r}: say {_FORMS}")
        return _QUEUES[given]()
    if not callable(getattr(given, "push", None)):
        raise SettingsError(f"{given!r} is no queue: it has no push(job)")
    return given() if isinstance(given, type) else given


def _starts(queue: Any) -> Any:
    """What runs the queue's jobs, if nothing is said."""
    return consumers.ThreadedQueueConsumer if type(queue) is inprocess.MemoryQueue else None


def _backend(queue: Queue | Pushes | None) -> Backend | None:
    if not isinstance(queue, Queue):
        return None if queue is None else foreign.Foreign(queue)
    if queue.name is not None or queue.backend is current:
        raise SettingsError(f"{queue!r} is the process's own queue, or one name of a queue: give the queue itself")
    return queue.backend()


def _consumer(given: Any, queue: Any) -> Consumer:
    made = given(Queue(runtime.default) if queue is None else queue) if callable(given) else given
    if not callable(getattr(made, "start", None)):
        raise SettingsError(f"{made!r} is no consumer: it has no start()")
    return made  # type: ignore[no-any-return]


def _from_env(variable: str) -> Any:
    text = os.environ.get(variable, "")
    if ":" not in text:
        return text or None
    module, _, attribute = text.partition(":")
    try:
        return getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise SettingsError(f"{variable} is {text!r}, which cannot be imported: {error}") from error


current: Final = Application()


# ``queueapi.queue``.
own: Final = Queue(current)


def configure(queue: Any = None, consumer: Any = None) -> None:
    """Say what stands behind ``queueapi.queue``, in the whole process, from now on. Called by whoever puts the
    application together; without arguments it goes back to what the environment says.

    The environment has the same: ``QUEUEAPI_QUEUE`` (``postgres``, ``memory``, ``synchronous``, ``test``, or an
    address such as ``myapp.queues:queue``) and ``QUEUEAPI_CONSUMER`` (an address).

    Args:
        queue: a :class:`queueapi.Queue`, its class or its word, or any object with ``push(job)``.
        consumer: an object with ``start()``, or what makes one of the queue. Its ``shutdown()``, if it has one, is
            called at exit. A MemoryQueue gets a :class:`queueapi.ThreadedQueueConsumer` if nothing is said; no other
            queue does: jobs on PostgreSQL have their workers, and who brings a queue brings its consumer.

    Raises:
        SettingsError: one of the two is not what it is given as.
        NotOffered: the consumer cannot run the jobs of that queue.
    """
    if queue is None and consumer is None:
        current.reset()
    else:
        current.configure(queue, consumer)


def check() -> None:
    """Refuse to start on tables that this version does not know: for web processes, before they serve.

    Raises:
        SchemaMismatch: the database's schema is older or newer than this code; the sentence says the remedy.
        StoreUnavailable: PostgreSQL is away.
    """
    current().check()


def handle(job_id: int) -> Handle:
    """The handle of a job whose id was kept elsewhere. Asks nobody whether it exists."""
    return handles.Handle(current(), int(job_id))


def batch(batch_id: int | None = None) -> Batch | None:
    """The batch that the running job is in, to add jobs to it or to open one within it; None if it is in none. With an
    id: the batch whose id was kept elsewhere."""
    backend = within.place.get() or current()
    attempt = chain.attempt()
    if batch_id is None and attempt is not None:
        batch_id = attempt.more().batch_id
    return None if batch_id is None else batches.Batch(Queue(lambda: backend), backend, int(batch_id))


def dead(queue: str | None = None) -> Dead:
    """The dead jobs of a queue, or of all: see :class:`queueapi.Dead`. Kept until somebody retries or discards them."""
    return deaths.Dead(current(), None if queue is None else checked_name("queue", queue))


def verify_ticket(ticket: str, *, cancel: bool = False) -> Handle:
    """The handle of the job that a ticket names.

    Args:
        cancel: the ticket must allow to cancel the job.

    Raises:
        TicketRefused: malformed, altered, expired, not for a job, or without that permission.
    """
    backend = current()
    signer = backend.signer()
    job_id = tickets.may_cancel(signer, ticket) if cancel else tickets.verified(signer, ticket).id
    return handles.Handle(backend, job_id)
