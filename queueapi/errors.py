"""Every error of the house: one root, one sentence each, with the value and the remedy in it.

Where a built-in error says the same thing, the class is that error too, so that ``except TypeError`` around a
push works as a reader expects.
"""

from __future__ import annotations

import queue


class QueueAPIError(Exception):
    """The root: ``except QueueAPIError`` catches all that this package raises on purpose."""


class SettingsError(QueueAPIError, ValueError):
    """A setting, option or environment variable cannot be used as it stands."""


class NotAJob(QueueAPIError, TypeError):
    """What was pushed is no job: no registered kind stands behind its class."""


class NotAConnection(QueueAPIError, TypeError):
    """What was given as ``conn=`` is no connection that we can push on."""


class NotSerializable(QueueAPIError, TypeError):
    """A job, or its result, holds something that JSON cannot carry to another process and back."""


class KindTaken(QueueAPIError, TypeError):
    """Two classes claim one kind; a row of that kind could be either."""


class UnknownKind(QueueAPIError, LookupError):
    """No class of this process is registered under the kind that a row names."""


class StoreUnavailable(QueueAPIError, ConnectionError):
    """PostgreSQL cannot be reached, or left in mid-statement."""


class TransactionConflict(StoreUnavailable):
    """Another transaction was in the way of this one, which must be begun anew."""


class NotUnique(QueueAPIError):
    """A job that is the same, as its ``unique=`` says, is there already.

    Attributes:
        id: of that job.
    """

    def __init__(self, sentence: str, id_: int | None = None) -> None:
        super().__init__(sentence)
        self.id = id_


class DataRefused(QueueAPIError):
    """PostgreSQL cannot store a value of a statement, and never will: to try again is no use."""


class SchemaMismatch(QueueAPIError):
    """The database's schema is older or newer than this code."""


class MigrationRefused(QueueAPIError):
    """An applied migration was edited or is missing, so nobody can say what the schema is."""


class NotOffered(QueueAPIError, NotImplementedError):
    """This kind of queue cannot do that; the sentence says which can."""


class QueueEmpty(QueueAPIError, queue.Empty):
    """``pop()`` found no job that is due, in the time that it was given."""


class UnknownSchedule(QueueAPIError, LookupError):
    """No worker has told of a schedule of that name."""


class JobNotFound(QueueAPIError, LookupError):
    """No such job: not committed yet, or finished and pruned."""


class JobNotFinished(QueueAPIError):
    """The job has no outcome yet."""


class JobFailed(QueueAPIError):
    """The job is dead: its attempts are used up.

    Attributes:
        error: what the last attempt died of: ``type``, ``message``, ``traceback``.
    """

    def __init__(self, sentence: str, error: dict[str, object] | None = None) -> None:
        super().__init__(sentence)
        self.error = error or {}


class WorkerLost(QueueAPIError):
    """What ``on_dead`` gets of a job whose last attempt was lost with its worker; the sentence says how that ended."""


class JobCancelled(QueueAPIError):
    """The job was cancelled before it ran; it has no result."""


class TicketRefused(QueueAPIError, PermissionError):
    """A ticket that is malformed, expired, signed with another secret, or for something else."""


class PushRefused(QueueAPIError):
    """A function around the push did not let it through."""
