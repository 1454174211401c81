"""The job: only what ties the import to the queue."""

from __future__ import annotations

from typing import Any

from queueapi import Job
from sample_app.db import connect
from sample_app.imports.importing import import_upload
from sample_app.settings import Settings


class ImportContacts(Job, queue="uploads", kind="import_contacts", max_attempts=5):
    """Import one upload. The job carries the upload's id, not its rows: jobs are small, and state belongs in tables."""

    upload_id: int

    def run(self) -> dict[str, Any]:
        settings = Settings.from_env()
        with connect(settings.dsn) as conn:
            return import_upload(conn, self.upload_id, settings.spool_dir, self.progress)
