"""Background jobs for Python web apps, with their results live in the browser, on nothing but PostgreSQL.

Push: :data:`queue`, :class:`Job`, :func:`job`.  Look: :func:`handle`, :func:`verify_ticket`.  Report: :func:`progress`.
By the clock: :func:`cron`, :func:`schedule`, :data:`crontab`.  Never too many: :class:`Concurrency`, :class:`Rate`,
:func:`set_limit`.  Stop: :func:`pause_kind`, :func:`paused`.
Together: ``queue.batch``, ``queue.chain``, :func:`batch`, :func:`previous`.
Start: :func:`configure`, :func:`check`.  Without PostgreSQL: :class:`TestQueue`, :class:`SynchronousQueue`,
:class:`MemoryQueue`.  Around every push and every attempt: :func:`around_push`, :func:`around_perform`.

Importing this connects to nothing and loads no driver, and of the house itself no more than what every process uses:
the rest is loaded when it is first named.
"""

from typing import TYPE_CHECKING, Any

from queueapi.application import batch, check, configure, dead, handle, own, verify_ticket
from queueapi.errors import (
    DataRefused,
    JobCancelled,
    JobFailed,
    JobNotFinished,
    JobNotFound,
    KindTaken,
    MigrationRefused,
    NotAConnection,
    NotAJob,
    NotOffered,
    NotSerializable,
    NotUnique,
    PushRefused,
    QueueAPIError,
    QueueEmpty,
    SchemaMismatch,
    SettingsError,
    StoreUnavailable,
    TicketRefused,
    TransactionConflict,
    UnknownKind,
    UnknownSchedule,
    WorkerLost,
)
from queueapi.jobs import Job, job, progress
from queueapi.later import Later
from queueapi.queues import Queue

if TYPE_CHECKING:
    from queueapi.batches import Batch
    from queueapi.chains import previous
    from queueapi.consumers import ThreadedQueueConsumer
    from queueapi.controls import LimitStatus, Pause
    from queueapi.crontabs import Crontab
    from queueapi.deaths import Dead
    from queueapi.handles import Handle, Handles
    from queueapi.inprocess import MemoryQueue, SynchronousQueue, TestQueue
    from queueapi.interrupts import Cancelled, HardTimeout, Interrupted, SoftTimeout
    from queueapi.iteration import Iteration, array_enumerator
    from queueapi.limits import Concurrency, Rate
    from queueapi.middleware.chain import around_hooks, around_perform, around_push
    from queueapi.records import JobStatus
    from queueapi.runtime import connect
    from queueapi.settings import Settings
    from queueapi.states import State
    from queueapi.steering import (
        crontab,
        forget_limit,
        list_limits,
        pause_kind,
        paused,
        resume_kind,
        set_limit,
    )
    from queueapi.ticks import CronStatus
    from queueapi.timetables import cron, schedule
    from queueapi.verdicts import Discard, Retry, Snooze

queue = own

__version__ = "0.1.0"

# The same once more, for when it is named.
_LATER = {
    "batches": "Batch",
    "chains": "previous",
    "consumers": "ThreadedQueueConsumer",
    "controls": "LimitStatus Pause",
    "crontabs": "Crontab",
    "deaths": "Dead",
    "handles": "Handle Handles",
    "inprocess": "MemoryQueue SynchronousQueue TestQueue",
    "interrupts": "Cancelled HardTimeout Interrupted SoftTimeout",
    "iteration": "Iteration array_enumerator",
    "limits": "Concurrency Rate",
    "middleware.chain": "around_hooks around_perform around_push",
    "records": "JobStatus",
    "runtime": "connect",
    "settings": "Settings",
    "states": "State",
    "steering": "crontab forget_limit list_limits pause_kind paused resume_kind set_limit",
    "ticks": "CronStatus",
    "timetables": "cron schedule",
    "verdicts": "Discard Retry Snooze",
}


def __getattr__(name: str) -> Any:
    for home, names in _LATER.items():
        if name in names.split():
            value = globals()[name] = getattr(Later(f"{__name__}.{home}"), name)
            return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


__all__ = [
    "Batch",
    "Cancelled",
    "Concurrency",
    "CronStatus",
    "Crontab",
    "DataRefused",
    "Dead",
    "Discard",
    "Handle",
    "Handles",
    "HardTimeout",
    "Interrupted",
    "Iteration",
    "Job",
    "JobCancelled",
    "JobFailed",
    "JobNotFinished",
    "JobNotFound",
    "JobStatus",
    "KindTaken",
    "LimitStatus",
    "MemoryQueue",
    "MigrationRefused",
    "NotAConnection",
    "NotAJob",
    "NotOffered",
    "NotSerializable",
    "NotUnique",
    "Pause",
    "PushRefused",
    "Queue",
    "QueueAPIError",
    "QueueEmpty",
    "Rate",
    "Retry",
    "SchemaMismatch",
    "Settings",
    "SettingsError",
    "Snooze",
    "SoftTimeout",
    "State",
    "StoreUnavailable",
    "SynchronousQueue",
    "TestQueue",
    "ThreadedQueueConsumer",
    "TicketRefused",
    "TransactionConflict",
    "UnknownKind",
    "UnknownSchedule",
    "WorkerLost",
    "around_hooks",
    "around_perform",
    "around_push",
    "array_enumerator",
    "batch",
    "check",
    "configure",
    "connect",
    "cron",
    "crontab",
    "dead",
    "forget_limit",
    "handle",
    "job",
    "list_limits",
    "pause_kind",
    "paused",
    "previous",
    "progress",
    "queue",
    "resume_kind",
    "schedule",
    "set_limit",
    "verify_ticket",
]
