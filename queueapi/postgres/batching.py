"""The batches' tables by their verbs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from queueapi.figures import Figures
from queueapi.postgres.atomic import Sessions, atomic
from queueapi.postgres.sessions import Borrowed
from queueapi.postgres.statements import Rows
from queueapi.postgres.store import Store
from queueapi.records import NewJob, Special

# Ended batches are kept for so many days, to be looked at.
DAYS = 7


class Callbacks(msgspec.Struct):
    """What a batch pushes when it has ended."""

    success: list[NewJob] = []
    complete: list[NewJob] = []


class Unreadable(Exception):
    """The callbacks of a batch are not what was stored with it."""


class Batching:
    """1. opens batches, and notes what is pushed into them; 2. completes those that have ended; 3. sweeps up what a
    crash has left; 4. says how far they are; 5. prunes.

    A batch has ended when no row of ``queueapi.jobs`` is in it and no batch in it is open: nothing is counted down.
    Whoever ends a job looks after that whether there is another; the last to look sees none. So nobody writes to a
    batch's row while its jobs run, and when all is over, a lock and a second look make one of several complete it,
    in one transaction with the push of its callbacks.

    Args:
        session: where the statements run.
    """

    def __init__(self, session: Sessions) -> None:
        self._session = session
        self._run = session.run
        self._swept = 0

    def open(self, parent: int | None, callbacks: Callbacks) -> int:
        """A new batch; its id."""
        params = {"parent": parent, "callbacks": msgspec.json.encode(callbacks).decode()}
        return int(self._run("insert_batch", params)[0][0])

    def note(self, batch_id: int, ids: Sequence[int], newest: int) -> None:
        """Those of the jobs whose id is above that were added to the batch."""
        self._run("note_pushed", {"batch": batch_id, "ids": list(ids), "newest": newest})

    def hold(self, batch_id: int) -> bool | None:
        """Keep the batch from ending before this transaction does. False: it has ended; None: there is none."""
        rows = self._run("hold_batch", {"id": batch_id})
        return bool(rows[0][0]) if rows else None

    def read(self, ids: Iterable[int]) -> dict[int, Figures]:
        """How far those of the batches that exist are."""
        return {row[0]: Figures._make(row) for row in self._run("read_batches", {"ids": list(ids)})}

    def complete(self, ids: Iterable[int]) -> None:
        """Complete those that have nothing left to wait for, and then those that waited for these.

        Raises:
            Unreadable: what one is to push cannot be read, of a row that was written by hand; all others are completed.
        """
        odd: list[Unreadable] = []
        while ids := [id_ for (id_,) in self._run("find_ended_batches", {"ids": sorted(set(ids))})]:
            rows = self._completed(ids, odd)
            Store(self._session).tell_watchers([(-row[0], row[-1]) for row in rows])
            ids = [parent for _, parent, *_ in rows if parent is not None]
        if odd:
            raise odd[0]

    def _completed(self, ids: Sequence[int], odd: list[Unreadable]) -> Rows:
        try:
            with atomic(self._session) as session:
                return _complete(session, ids)
        except Unreadable as error:
            if len(ids) == 1:
                odd.append(error)
                return []
        return [row for id_ in ids for row in self._completed([id_], odd)]

    def sweep(self) -> None:
        """The same for the next thousand that are open: what ended in a process that then died, or without a worker."""
        ids = [id_ for (id_,) in self._run("list_open_batches", {"after": self._swept})]
        self._swept = ids[-1] if len(ids) == 1000 else 0
        if ids:
            self.complete(ids)

    def prune(self) -> None:
        """Forget those that ended days ago."""
        self._run("prune_batches", {"days": DAYS})


def _complete(session: Borrowed, ids: Sequence[int]) -> Rows:
    locked = [id_ for (id_,) in session.run("lock_batches", {"ids": list(ids)})]
    rows = session.run("complete_batches", {"ids": locked}) if locked else []
    for id_, parent, callbacks, first, succeeded, _ in rows:
        found = _read(id_, callbacks)
        due = [*(found.complete if first else ()), *(found.success if succeeded else ())]
        if due:
            _push(session, id_, parent, due)
    return rows


def _read(id_: int, callbacks: str) -> Callbacks:
    try:
        return msgspec.json.decode(callbacks, type=Callbacks)
    except (msgspec.MsgspecError, RecursionError, ValueError) as error:
        sentence = f"batch {id_} has ended, and its callbacks cannot be read, so it stays open: {error}"
        raise Unreadable(sentence) from error


def _push(session: Borrowed, id_: int, parent: int | None, due: Sequence[NewJob]) -> None:
    # Those of a batch within another are jobs of that other, so that it completes after they have run.
    figures = msgspec.json.encode(Batching(session).read([id_])[id_].summary()).decode()
    jobs = [job._replace(special=(job.special or Special())._replace(batch_id=parent, previous=figures)) for job in due]
    pushed = Store(session).push(jobs)
    if parent is not None:
        session.run("note_pushed", {"batch": parent, "ids": pushed, "newest": 0})
