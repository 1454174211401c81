"""The composition root: settings become a queue and its backend. The one place that ties the house together.

Nothing here imports psycopg before it is needed: a web app imports ``queueapi`` before it has decided whether to
be patched by gevent, and psycopg chooses its way of waiting when it is imported.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, NoReturn

from queueapi.errors import NotOffered, SettingsError
from queueapi.later import Later
from queueapi.queues import Queue
from queueapi.records import JobStatus, NewJob
from queueapi.settings import Settings
from queueapi.states import State

if TYPE_CHECKING:
    from queueapi import signing
    from queueapi.postgres.atomic import Sessions
    from queueapi.postgres.bundles import PostgresBundles
    from queueapi.postgres.connection import Connection
    from queueapi.postgres.controlling import PostgresControls
    from queueapi.postgres.crons import Crons
    from queueapi.postgres.morgue import Morgue
    from queueapi.postgres.sessions import Borrowed, Pool
    from queueapi.signing import Signer
else:
    signing = Later("queueapi.signing")


class Runtime:
    """A queue's backend on PostgreSQL. Opens nothing until it is used.

    Args:
        settings: how to get at the server, and the limits.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    @cached_property
    def pool(self) -> Pool:
        """The connections of this process."""
        from queueapi.postgres.sessions import Pool

        return Pool(self.open, self.settings.pool_size, float(self.settings.connect_timeout))

    def open(self) -> Connection:
        """A new connection."""
        from queueapi.postgres.connection import connect

        return connect(self.settings.database_url, "queueapi", self.settings.connect_timeout)

    def open_listening(self) -> Connection:
        """A new connection that can hear notifications."""
        from queueapi.postgres.connection import connect

        url = self.settings.listen_url or self.settings.database_url
        return connect(url, "queueapi", self.settings.connect_timeout)

    def push(self, jobs: Iterable[NewJob], conn: object | None) -> Sequence[int]:
        """See :class:`queueapi.backends.Backend`."""
        if conn is None:
            return self._push_stream(self.pool, jobs)
        from queueapi.postgres.sessions import Borrowed

        return self._push_stream(Borrowed(conn), jobs)

    @cached_property
    def _push_stream(self) -> Callable[[Sessions, Iterable[NewJob]], Sequence[int]]:
        from queueapi.postgres.bulk import push_stream  # once: to look it up at each push costs 1 µs

        return push_stream

    def read(self, job_id: int) -> JobStatus | None:
        """See :class:`queueapi.backends.Backend`."""
        from queueapi.postgres.store import Store

        return Store(self.pool).read([job_id]).get(job_id)

    def cancel(self, job_id: int) -> bool:
        """See :class:`queueapi.backends.Backend`."""
        from queueapi.postgres.chaining import take_back
        from queueapi.postgres.store import Store

        ttl = self.settings.result_ttl
        cancelled: list[bool] = []

        def cancel(session: Borrowed) -> list[int]:
            cancelled.append(Store(session).cancel(job_id, ttl))
            return [job_id] if cancelled[0] else []  # else one that was cancelled earlier would count again

        take_back(self.pool, ttl, cancel)
        return cancelled[0]

    def dead(self, queue: str | None, before: int, limit: int) -> list[JobStatus]:
        """See :class:`queueapi.handles.Ledger`."""
        return self._morgue().dead(queue, before, limit)

    def retry(self, ids: Sequence[int]) -> list[int]:
        """See :class:`queueapi.handles.Ledger`."""
        return self._morgue().retry(ids)

    def discard(self, ids: Sequence[int]) -> list[int]:
        """See :class:`queueapi.handles.Ledger`."""
        from queueapi.postgres.chaining import take_back
        from queueapi.postgres.morgue import Morgue

        ttl = self.settings.result_ttl
        return take_back(self.pool, ttl, lambda session: Morgue(session).discard(ids, ttl))

    def crons(self) -> Crons:
        """The schedules: see :class:`queueapi.crontabs.Crontab`."""
        from queueapi.postgres.crons import Crons

        return Crons(self.pool)

    def _morgue(self) -> Morgue:
        from queueapi.postgres.morgue import Morgue

        return Morgue(self.pool)

    def wait(self, job_id: int, timeout: float | None) -> JobStatus | None:
        """See :class:`queueapi.backends.Backend`."""
        from queueapi.postgres.awaiting import await_job

        return await_job(self.open_listening, job_id, timeout)

    @cached_property
    def bundles(self) -> PostgresBundles:
        """See :class:`queueapi.backends.Backend`."""
        from queueapi.postgres.bundles import PostgresBundles

        return PostgresBundles(self.pool, self.open_listening)

    @cached_property
    def controls(self) -> PostgresControls:
        """See :class:`queueapi.controls.Controls`."""
        from queueapi.postgres.controlling import PostgresControls

        return PostgresControls(self.pool, self.open)

    def size(self, queue: str | None) -> int:
        """See :class:`queueapi.backends.Backend`."""
        from queueapi.postgres.waiting import Waiting

        return Waiting(self.pool).size(queue)

    def waiting(self, queue: str | None) -> list[tuple[str, str]]:
        """See :class:`queueapi.backends.Backend`."""
        from queueapi.postgres.waiting import Waiting

        return Waiting(self.pool).list(queue)

    def find_waiting(self, kind: str, args: str | None) -> list[tuple[int, State]]:
        """See :class:`queueapi.backends.Backend`."""
        from queueapi.postgres.waiting import Waiting

        return Waiting(self.pool).find(kind, args)

    def clear(self, queue: str | None, error: str) -> int:
        """See :class:`queueapi.backends.Backend`."""
        from queueapi.postgres.waiting import Waiting

        if queue is None:
            raise SettingsError("clear() would discard every queue's jobs: name one, as in  queue['default'].clear()")
        return Waiting(self.pool).clear(queue, error, self.settings.result_ttl)

    def runner(self, doing: str) -> NoReturn:
        """See :class:`queueapi.backends.Backend`."""
        raise NotOffered(
            f"{doing}() is for queues of one process. Jobs on PostgreSQL are run by workers, which keep a lease on "
            "what they took: start  queueapi-work MODULE,  with --burst if it shall stop when nothing is left; in "
            "tests, use a TestQueue"
        )

    def check(self) -> None:
        """See :func:`queueapi.check`."""
        from queueapi.postgres.migrate import check

        with self.pool.connection() as connection:
            check(connection)

    def signer(self) -> Signer:
        """See :class:`queueapi.backends.Backend`."""
        return signing.Signer(*self.settings.secrets)


class Lazy:
    """The runtime of this process, made of the environment at the first use. Thread-safe."""

    def __init__(self, make: Callable[[], Runtime]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._runtime: Runtime | None = None

    def __call__(self) -> Runtime:
        if self._runtime is None:
            with self._lock:
                if self._runtime is None:
                    self._runtime = self._make()
        return self._runtime


default = Lazy(lambda: Runtime(Settings.from_env()))


def connect(database_url: str = "", **settings: Any) -> Queue:
    """A queue on another server than the environment's, or with other settings. Opens nothing yet."""
    given = Settings.from_env(database_url=database_url or None, **settings)
    runtime = Runtime(given)
    return Queue(lambda: runtime)
