"""A pushed job, from outside: where it is, how it ended, and the ticket that shows it to a browser."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol, overload

from queueapi.errors import JobCancelled, JobFailed, JobNotFinished, JobNotFound, NotUnique
from queueapi.later import Later
from queueapi.records import JobStatus
from queueapi.states import State

if TYPE_CHECKING:
    from queueapi import tickets
    from queueapi.signing import Signer
else:
    tickets = Later("queueapi.tickets")

# A page that is left open over lunch still gets its answer.
TICKET_EXPIRES = 3600.0


class Ledger(Protocol):
    """What a handle asks of the place where its job is kept."""

    def read(self, job_id: int) -> JobStatus | None:
        """The job's present state."""

    def cancel(self, job_id: int) -> bool:
        """Take the job back, or have it told to stop; False if it has ended, or never was."""

    def dead(self, queue: str | None, before: int, limit: int) -> list[JobStatus]:
        """Dead jobs of a queue, or of all, with an id below that: the newest first."""

    def retry(self, ids: Sequence[int]) -> list[int]:
        """Let those of them that are dead begin anew, unless a job that is the same waits or runs. Their ids."""

    def discard(self, ids: Sequence[int]) -> list[int]:
        """Give up those of them that are dead. Their ids."""

    def wait(self, job_id: int, timeout: float | None) -> JobStatus | None:
        """The job's state once it is final, or as it is after so many seconds."""

    def signer(self) -> Signer:
        """Signs tickets."""


class Handle:
    """A pushed job, from outside. Holds an id and no connection; as good in another process."""

    __slots__ = ("_ledger", "id")

    def __init__(self, ledger: Ledger, id_: int) -> None:
        self._ledger = ledger
        self.id = id_

    def __repr__(self) -> str:
        return f"<Handle {self.id}>"

    def status(self) -> dict[str, Any]:
        """What a browser sees: kind, state, event, attempt, progress, result or error, as JSON-able data.

        Raises:
            JobNotFound: its transaction has not committed, or it finished and was pruned.
        """
        status = self._status()
        return {**status.data(), "event": status.event}

    def state(self) -> State:
        """Where the job is. Raises :class:`JobNotFound`."""
        return self._status().state

    def result(self) -> Any:
        """What ``run()`` returned, as JSON brings it back.

        Raises:
            JobNotFinished, JobFailed, JobCancelled, JobNotFound.
        """
        return _outcome(self._status())

    def wait(self, timeout: float | None = None) -> Any:
        """Wait until the job has an outcome, and return its result. In a web request, rather give out a ticket.

        Args:
            timeout: seconds; None waits for ever.

        Raises:
            TimeoutError: it has none yet.
            JobFailed, JobCancelled, JobNotFound.
        """
        status = self._ledger.wait(self.id, timeout)
        if status is None:
            raise _not_found(self.id)
        if not status.state.final:
            raise TimeoutError(f"job {self.id} is still {status.state} after {timeout} s")
        return _outcome(status)

    def cancel(self) -> bool:
        """Take the job back, or tell it to stop.

        What waits does not begin any more, at once. What runs has :class:`queueapi.Cancelled` raised in it at its next
        switch or progress call, may clean up, and ends as cancelled; wherever it goes instead – its process dies, it is
        put off – it is not run again. Only a job that returns nevertheless is done.

        Returns:
            True: it will not run, or was told to stop. False: it had ended, or there is no such job.
        """
        return self._ledger.cancel(self.id)

    def retry(self) -> bool:
        """Let a dead job begin anew, with all its attempts. False if it is not dead.

        Raises:
            NotUnique: a job that is the same waits or runs, so this one stays dead.
        """
        if self._ledger.retry([self.id]):
            return True
        status = self._ledger.read(self.id)
        if status is not None and status.state is State.DEAD:
            raise NotUnique(
                f"job {self.id} stays dead: a job that is the same, as its unique= says, waits or runs. Try again when "
                "that has ended, or discard this one"
            )
        return False

    def discard(self) -> bool:
        """Give up a dead job: cancelled, it is kept as long as any outcome. False if it is not dead."""
        return bool(self._ledger.discard([self.id]))

    def ticket(self, expires: float | dt.timedelta = TICKET_EXPIRES, *, cancel: bool = False) -> str:
        """What a browser needs to see this job, and nothing else, for so many seconds.

        Args:
            cancel: its holder may cancel the job, too: ``LongPoll.job(ticket).cancel()``.
        """
        seconds = expires.total_seconds() if isinstance(expires, dt.timedelta) else expires
        return tickets.sign(self._ledger.signer(), self.id, seconds, cancel)

    def _status(self) -> JobStatus:
        status = self._ledger.read(self.id)
        if status is None:
            raise _not_found(self.id)
        return status


class Handles(Sequence[Handle]):
    """The handles of many jobs, in their order. Each is made when it is asked for: only their ids are kept, eight bytes
    each."""

    def __init__(self, ledger: Ledger, ids: Sequence[int]) -> None:
        self._ledger = ledger
        self.ids = ids

    def __repr__(self) -> str:
        return f"<Handles of {len(self):,} jobs>"

    def __len__(self) -> int:
        return len(self.ids)

    @overload
    def __getitem__(self, index: int) -> Handle: ...
    @overload
    def __getitem__(self, index: slice) -> Handles: ...
    def __getitem__(self, index: int | slice) -> Handle | Handles:
        if isinstance(index, slice):
            return Handles(self._ledger, self.ids[index])
        return Handle(self._ledger, self.ids[index])

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Handles):
            return self._ledger is other._ledger and list(self.ids) == list(other.ids)
        return not self.ids and other == []  # as the list that was expected


def _not_found(job_id: int) -> JobNotFound:
    return JobNotFound(
        f"there is no job {job_id}: its transaction has not committed, or it has ended and nothing of it is kept any "
        "more (keep_result=, result_ttl=)"
    )


def _outcome(status: JobStatus) -> Any:
    if status.state is State.DONE:
        return status.result
    if status.state is State.CANCELLED:
        error = status.error or {}
        raise JobCancelled(f"job {status.id} was cancelled" + (f": {error['message']}" if "message" in error else ""))
    if status.state is State.DEAD:
        error = status.error or {}
        raise JobFailed(
            f"job {status.id} is dead after {status.attempt} attempts: {error.get('type')}: {error.get('message')}",
            error,
        )
    raise JobNotFinished(f"job {status.id} is {status.state}: wait for it, or look again later")
