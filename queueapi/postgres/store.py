"""The jobs' table by its verbs: push, claim, finish and what a handle asks.

Plural, so that one and many are one path.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from operator import attrgetter
from typing import Any
from uuid import UUID

import msgspec

from queueapi.claims import Claimed
from queueapi.postgres.atomic import Sessions
from queueapi.postgres.pushing import push
from queueapi.postgres.statements import Rows
from queueapi.records import JobStatus, NewJob, Outcome, Progress
from queueapi.states import State

# NOTIFY takes under 8,000 bytes; 400 ids of 19 digits with their commas fit.
_IDS_A_NOTIFY = 400
# A job may come back in the moment between the two statements that cancel it, and be claimed again before the next.
_TRIES = 3
# What is said to the process that runs a job, before its id; mark_cancelled.sql says it.
CANCEL = "cancel"

# Claimed._make, without its look at the length: the statement has the columns that the class has fields.
_claimed: Callable[[tuple[Any, ...]], Claimed] = partial(tuple.__new__, Claimed)


class Store:
    """Every verb is one statement. Those of a running job carry (id, token): without the lease they change nothing.

    Args:
        session: where the statements run.
    """

    def __init__(self, session: Sessions) -> None:
        self._session = session
        self._run = session.run

    # -- from the pusher's side

    def push(self, jobs: Sequence[NewJob]) -> list[int]:
        """Insert the jobs, wake who sleeps, and give their ids in the same order."""
        return push(self._session, jobs)

    def read(self, ids: Iterable[int]) -> dict[int, JobStatus]:
        """The present state of those of the jobs that exist."""
        return {row[0]: status_of(row) for row in self._run("read_jobs", {"ids": list(ids)})}

    def cancel(self, job_id: int, result_ttl: float) -> bool:
        """Take a job back if nobody has it, else have it told to stop. False if it has ended, or never was."""
        for _ in range(_TRIES):
            if rows := self._run("cancel_job", {"id": job_id, "ttl": result_ttl}):
                self.tell_watchers(rows)
                return True
            marked = self._run("mark_cancelled", {"id": job_id})
            if not marked or marked[0][0] == "running":
                return bool(marked)
        return True  # it is marked: whoever claims it ends it

    # -- from the worker's side

    def claim(self, queues: Sequence[str], room: int, token: int, worker: UUID, lease: float) -> list[Claimed]:
        """Take up to ``room`` jobs, queue by queue in the order given, with a lease of so many seconds.

        Returns them in the order in which they are to begin: an UPDATE returns rows as it finds them.
        """
        params = {"queues": list(queues), "room": room, "token": token, "worker": worker, "lease": lease}
        claimed = list(map(_claimed, self._run("claim_jobs", params)))
        claimed.sort(key=attrgetter("priority", "id"))
        if len(queues) > 1:  # sorting is stable
            claimed.sort(key=lambda job: queues.index(job.queue))
        return claimed

    def return_claims(self, worker: UUID, tokens: Sequence[int]) -> None:
        """Return, uncharged, what the claims with these tokens took if their answers never came."""
        self._run("return_claims", {"worker": worker, "tokens": list(tokens)})

    def finish(self, outcomes: Sequence[Outcome], result_ttl: float) -> Rows:
        """Record DONE and DEAD.

        Returns (id, token, watched) of those whose lease still held; the others changed nothing.
        """
        return self._run(
            "finish_jobs",
            {
                "ids": [outcome.id for outcome in outcomes],
                "tokens": [outcome.token for outcome in outcomes],
                "states": [outcome.state for outcome in outcomes],
                "results": [outcome.result for outcome in outcomes],
                "errors": [outcome.error for outcome in outcomes],
                "ttl": result_ttl,
            },
        )

    def reschedule(self, outcomes: Sequence[Outcome]) -> Rows:
        """What is to run again, later or at once. Returns as :meth:`finish` does."""
        return self._run(
            "reschedule_jobs",
            {
                "ids": [outcome.id for outcome in outcomes],
                "tokens": [outcome.token for outcome in outcomes],
                "delays": [outcome.delay for outcome in outcomes],
                "charged": [outcome.charged for outcome in outcomes],
                "errors": [outcome.error for outcome in outcomes],
                "cursors": [outcome.cursor for outcome in outcomes],
            },
        )

    def cancelled(self, ids: Iterable[int]) -> set[tuple[int, int]]:
        """(id, token) of those of these running jobs that somebody has cancelled."""
        return {(id_, token) for id_, token in self._run("find_cancelled", {"ids": list(ids)})}

    def finished(self, outcomes: Sequence[Outcome]) -> set[tuple[int, int]]:
        """(id, token) of those outcomes that are on record already."""
        params = {"ids": [outcome.id for outcome in outcomes], "tokens": [outcome.token for outcome in outcomes]}
        return {(id_, token) for id_, token in self._run("find_finished", params)}

    def report(self, progress: Sequence[Progress]) -> Rows:
        """Store how far running jobs are. Returns as :meth:`finish` does."""
        return self._run(
            "report_progress",
            {
                "ids": [item.id for item in progress],
                "tokens": [item.token for item in progress],
                "dones": [item.done for item in progress],
                "totals": [item.total for item in progress],
                "messages": [item.message for item in progress],
                "cursors": [item.cursor for item in progress],
            },
        )

    def forget_progress(self, attempts: Sequence[tuple[int, int]]) -> None:
        """Drop the progress of these attempts (id, token), which have ended."""
        self._run("forget_progress", {"ids": [id_ for id_, _ in attempts], "tokens": [token for _, token in attempts]})

    def queues(self) -> list[str]:
        """The queues that have available jobs."""
        return [name for (name,) in self._run("list_available_queues", {})]

    def sleep(self, channel: str, queues: Sequence[str], seconds: float, pattern: str | None = None) -> None:
        """Ask to be woken on that channel when one of the queues gets a job, for so many seconds.

        Args:
            pattern: a regular expression for the names of more queues.
        """
        params = {"channel": channel, "queues": list(queues), "seconds": seconds, "pattern": pattern}
        self._run("sleep_worker", params)

    def awake(self, channel: str) -> None:
        """Ask not to be woken any more."""
        self._run("wake_worker", {"channel": channel})

    def tell_watchers(self, rows: Sequence[tuple[Any, ...]]) -> None:
        """Notify the watchers of those rows whose last column says that there are any."""
        watched = [str(row[0]) for row in rows if row[-1]]
        for start in range(0, len(watched), _IDS_A_NOTIFY):
            self._run("notify_jobs", {"ids": ",".join(watched[start : start + _IDS_A_NOTIFY])})


def status_of(row: tuple[Any, ...]) -> JobStatus:
    """A row of read_jobs.sql's columns."""
    id_, kind, queue, state, attempt, max_attempts, progress, result, error, run_at = row
    return JobStatus(
        id_,
        kind,
        queue,
        State(state),
        attempt,
        max_attempts,
        _json(progress),
        _json(result),
        _json(error),
        _json(run_at),
    )


def _json(text: str | None) -> Any:
    """Read JSON; what PostgreSQL took but Python cannot read is shown as text, and stops nobody."""
    if text is None:
        return None
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError, ValueError):
        return text[:1000]
