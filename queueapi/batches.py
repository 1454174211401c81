"""Many jobs with one end: ``with queue.batch(on_success=Report()) as batch:``, and the batch from outside."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Any, Protocol, Self, Unpack

from queueapi import within
from queueapi.backends import Backend
from queueapi.chains import Line, push_lines
from queueapi.errors import JobNotFound, SettingsError
from queueapi.figures import Figures
from queueapi.handles import TICKET_EXPIRES, Handle
from queueapi.joining import Awaited, Into, joined
from queueapi.middleware import chain
from queueapi.options import Pushed
from queueapi.records import NewJob, Special
from queueapi.states import State


class Queue(Protocol):
    """The queue that a batch is of."""

    def push(self, job: object, *, then: Sequence[object], conn: object | None, **said: Unpack[Pushed]) -> Handle:
        """See :meth:`queueapi.Queue.push`."""

    def push_all(self, jobs: Iterable[object], *, conn: object | None, **said: Unpack[Pushed]) -> Sequence[Handle]:
        """See :meth:`queueapi.Queue.push_all`."""

    def callbacks(self, given: object) -> list[NewJob]:
        """The rows of a job, of several, or of none."""


class Batch:
    """Jobs that belong together, from outside. Holds an id and no connection; as good in another process.

    A running job gets its own by ``queueapi.batch()``, and may add to it; that of an id kept elsewhere is
    ``queueapi.batch(id)``.
    """

    __slots__ = ("_backend", "_queue", "id")

    id: int

    def __init__(self, queue: Queue, backend: Backend, id_: int | None = None) -> None:
        self._backend = backend
        self._queue = queue
        if id_ is not None:
            self.id = id_

    def __getattr__(self, name: str) -> Any:
        if name == "id":  # not set yet
            raise JobNotFound("a batch has no id before the end of its with block, where it is pushed")
        raise AttributeError(name)

    def __repr__(self) -> str:
        return f"<Batch {self.id}>" if self._stored else "<Batch, open>"

    # -- looking at it

    def status(self) -> dict[str, Any]:
        """How far it is, with all that it contains: ``batch`` has total, pending, done, dead and cancelled; beside
        that, what a browser sees of a job.

        Raises:
            JobNotFound: its transaction has not committed, or it ended days ago.
        """
        return _status(self._figures())

    def state(self) -> State:
        """``running`` until every job has an outcome; then ``done``, ``dead`` if some are, or ``cancelled``."""
        return self._figures().state

    def wait(self, timeout: float | None = None) -> dict[str, Any]:
        """Wait until every job has an outcome, and return :meth:`status`. Dead jobs raise nothing: see its state.

        Raises:
            TimeoutError: some have none after so many seconds.
            JobNotFound.
        """
        figures = self._backend.bundles.wait(self.id, timeout)
        if figures is None:
            raise _not_found(self.id)
        if not figures.state.final:
            raise TimeoutError(f"of batch {self.id}, {figures.pending} jobs have no outcome after {timeout} s")
        return _status(figures)

    def ticket(self, expires: float | dt.timedelta = TICKET_EXPIRES) -> str:
        """What a browser needs to see the progress of the whole, and nothing else, for so many seconds. For
        ``longpoll.js`` it is as a job's ticket."""
        seconds = expires.total_seconds() if isinstance(expires, dt.timedelta) else expires
        return self._backend.signer().sign("batch", str(self.id), seconds)

    def _figures(self) -> Figures:
        figures = self._backend.bundles.read(self.id)
        if figures is None:
            raise _not_found(self.id)
        return figures

    # -- adding to it

    def push(
        self, job: object, *, then: Sequence[object] = (), conn: object | None = None, **said: Unpack[Pushed]
    ) -> Handle:
        """Add a job, with the options of :meth:`queueapi.Queue.push`. From outside of its with block only its own jobs
        may, which hold it open. SettingsError once it has ended."""
        with Into(self):
            return self._queue.push(job, then=then, conn=conn, **said)

    def push_all(
        self, jobs: Iterable[object], *, conn: object | None = None, **said: Unpack[Pushed]
    ) -> Sequence[Handle]:
        """Add many, all or none."""
        with Into(self):
            return self._queue.push_all(jobs, conn=conn, **said)

    def batch(self, on_success: object = None, on_complete: object = None) -> OpenBatch:
        """A batch within this one, which completes after it. Its callbacks are jobs of this one."""
        return OpenBatch(self._queue, self._backend, on_success, on_complete, parent=self)

    def takes(self, backend: Backend, conn: object | None) -> bool:
        """Whether what is pushed here and now belongs to it, though nobody says so."""
        return False

    def add(self, lines: Sequence[Line], conn: object | None) -> list[list[Handle]]:
        """Store these rows as its jobs."""
        bundles = self._backend.bundles
        with bundles.together(conn) as inside:
            self._check_open(inside, conn)
            ids = _store(self._backend, self.id, lines, inside)
        return [[Handle(self._backend, id_) for id_ in line] for line in ids]

    def _check_open(self, inside: object | None, conn: object | None) -> None:
        # Held only for a moment: no worker that wants to complete it may wait for an application's transaction.
        is_open = self._backend.bundles.is_open(self.id, inside, hold=conn is None)
        if is_open is None:
            raise _not_found(self.id)
        if not is_open:
            raise SettingsError(f"batch {self.id} has ended: only its own jobs may add to it, while they run")

    @property
    def backend(self) -> Backend:
        """What stands behind it."""
        return self._backend

    @property
    def _stored(self) -> bool:
        try:
            return self.id > 0
        except JobNotFound:
            return False


class OpenBatch(Batch):
    """A batch whose with block is open: it collects, and pushes all together where the block ends.

    What ``queue.push`` gets in the block, in the same thread or greenlet, for the same backend and without a ``conn``
    of its own, belongs to it as well; so does a batch that is opened there. If the block raises, nothing of it is
    pushed. Until its end handles have no id.
    """

    __slots__ = ("_attempt", "_callbacks", "_children", "_conn", "_handles", "_lines", "_parent", "_token")

    def __init__(
        self,
        queue: Queue,
        backend: Backend,
        on_success: object,
        on_complete: object,
        conn: object | None = None,
        parent: Batch | None = None,
    ) -> None:
        super().__init__(queue, backend)
        self._conn = conn
        self._parent = parent
        self._callbacks = tuple([_callback(row) for row in queue.callbacks(one)] for one in (on_success, on_complete))
        self._lines: list[Line] = []
        self._handles: list[list[Handle]] = []
        self._children: list[OpenBatch] = []
        self._attempt = chain.attempt()
        self._token: Any = None

    def __enter__(self) -> Self:
        if self._token is not None:
            raise SettingsError("a batch is opened once: make another for another block")
        if self._parent is None:
            found = joined(self._backend, self._conn)
            self._parent = found if isinstance(found, OpenBatch) else None
        self._token = within.batch.set(self)
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        within.batch.reset(self._token)
        if error is not None:
            self._lines.clear()
        elif isinstance(self._parent, OpenBatch) and not self._parent._stored:
            self._parent._children.append(self)
        else:
            bundles = self._backend.bundles
            with bundles.together(self._conn) as inside:
                parent = None
                if self._parent is not None:
                    self._parent._check_open(inside, self._conn)
                    parent = self._parent.id
                bundles.settle(self._open(parent, inside), inside)

    def takes(self, backend: Backend, conn: object | None) -> bool:
        """Whether what is pushed here and now belongs to it, though nobody says so."""
        mine = conn is None or conn is self._conn
        return mine and backend is self._backend and not self._stored and chain.attempt() is self._attempt

    def add(self, lines: Sequence[Line], conn: object | None) -> list[list[Handle]]:
        """Keep these rows for the end of the block."""
        if self._stored:
            return super().add(lines, conn)
        if self._token is None or conn not in (None, self._conn):
            raise SettingsError(
                "a batch takes jobs in its with block, and into its own transaction:  "
                "with queue.batch(conn=…) as batch: batch.push(job)"
            )
        handles: list[list[Handle]] = [[Awaited(self._backend) for _ in line] for line in lines]
        self._lines += lines
        self._handles += handles
        return handles

    def _open(self, parent: int | None, conn: object | None) -> list[int]:
        """Store it with all that it contains; the ids of the batches, children first."""
        self.id = self._backend.bundles.open(parent, self._callbacks[0], self._callbacks[1], conn)
        if self._lines:
            ids = _store(self._backend, self.id, self._lines, conn)
            for handles, line in zip(self._handles, ids, strict=True):
                for handle, id_ in zip(handles, line, strict=False):  # shorter if the first was there already
                    handle.id = id_
        inner = [id_ for child in self._children for id_ in child._open(self.id, conn)]
        self._lines, self._handles, self._children = [], [], []
        return [*inner, self.id]


def _store(backend: Backend, id_: int, lines: Sequence[Line], conn: object | None) -> list[list[int]]:
    newest = backend.bundles.newest(conn)
    rows = [[job._replace(special=(job.special or Special())._replace(batch_id=id_)) for job in line] for line in lines]
    ids = push_lines(backend, rows, conn)
    backend.bundles.note(id_, [one for line in ids for one in line], newest, conn)
    return ids


def _callback(row: NewJob) -> NewJob:
    if row.special is None or row.special.unique is None:
        return row
    # Nobody is there to be told that it is refused.
    return row._replace(special=row.special._replace(unique=row.special.unique._replace(on_conflict="skip")))


def _status(figures: Figures) -> dict[str, Any]:
    return {**figures.data(), "event": figures.event}


def _not_found(batch_id: int) -> JobNotFound:
    return JobNotFound(f"there is no batch {batch_id}: its transaction has not committed, or it ended days ago")
