"""A job that somebody started, and a second one that tells him how it ended."""

from __future__ import annotations

from queueapi import Handle, Queue
from sample_app.bell import store
from sample_app.bell.job import TellStarter
from sample_app.db import Connection


def start(queue: Queue, job: object, visitor: str, title: str, conn: Connection) -> Handle:
    """Push the job, in the transaction of ``conn``, and see to it that the visitor's bell rings when it has ended.

    A batch of one: ``on_complete`` is pushed in the very transaction in which its last job gets an outcome, whether
    that is done or dead. So the job itself need not know that somebody waits, and cannot forget him either.
    """
    started_id = store.add_started(conn, visitor, title)
    with queue.batch(on_complete=TellStarter(started_id), conn=conn) as batch:
        handle = batch.push(job)
    store.tie_to_job(conn, started_id, handle.id)
    return handle
