"""The job that makes one update of many."""

from __future__ import annotations

from queueapi import Job
from sample_app.db import Connection, connect
from sample_app.pads import store, text
from sample_app.settings import Settings


class CompactPad(Job, queue="default", kind="compact_pad", max_attempts=5, unique=True):
    """Make one update of a pad's many: whoever opens it has one to read. One such job waits or runs for a pad."""

    pad_id: int

    def run(self) -> dict[str, int]:
        with connect(Settings.from_env().dsn) as conn:
            return {"merged": compact(conn, self.pad_id)}


def compact(conn: Connection, pad_id: int) -> int:
    """Replace the updates by their sum, in the transaction of ``conn``; returns how many there were.

    Only those that were read are deleted. By their ids, and not "up to the highest": numbers are given before the
    commit, so a lower one may become visible later.
    """
    rows = store.take_updates(conn, pad_id)
    if len(rows) < 2:
        return 0
    store.add_update(conn, pad_id, text.merge([row["update"] for row in rows]))
    store.delete_updates(conn, [row["id"] for row in rows])
    return len(rows)
