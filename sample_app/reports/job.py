"""The job: only what ties the report to the queue."""

from __future__ import annotations

from typing import Any

from queueapi import Job
from sample_app.db import connect
from sample_app.reports.building import build_report
from sample_app.settings import Settings


class BuildReport(Job, queue="default", kind="build_report", max_attempts=3):
    """Make one report. Run again, it makes the same one again and replaces it."""

    report_id: int

    def run(self) -> dict[str, Any]:
        with connect(Settings.from_env().dsn) as conn:
            return build_report(conn, self.report_id, self.progress)
