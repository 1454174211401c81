"""Background jobs for Python web apps, with their results live in the browser, on nothing but PostgreSQL.

Push: :data:`queue`, :class:`Job`, :func:`job`.  Look: :func:`handle`, :func:`verify_ticket`.  Report: :func:`progress`.
Start: :func:`check`.

Importing this connects to nothing and loads no driver.
"""

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
    NotSerializable,
    QueueAPIError,
    SchemaMismatch,
    SettingsError,
    StoreUnavailable,
    TicketRefused,
    UnknownKind,
)
from queueapi.jobs import Job, job, progress
from queueapi.queues import Handle, Queue
from queueapi.runtime import check, connect, default, handle, verify_ticket
from queueapi.settings import Settings
from queueapi.states import State

queue = Queue(default)

__version__ = "0.1.0"

__all__ = [
    "DataRefused",
    "Handle",
    "Job",
    "JobCancelled",
    "JobFailed",
    "JobNotFinished",
    "JobNotFound",
    "KindTaken",
    "MigrationRefused",
    "NotAConnection",
    "NotAJob",
    "NotSerializable",
    "Queue",
    "QueueAPIError",
    "SchemaMismatch",
    "Settings",
    "SettingsError",
    "State",
    "StoreUnavailable",
    "TicketRefused",
    "UnknownKind",
    "check",
    "connect",
    "handle",
    "job",
    "progress",
    "queue",
    "verify_ticket",
]
