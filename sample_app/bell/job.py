"""The job that rings when another has ended."""

from __future__ import annotations

from datetime import UTC, datetime

import queueapi
from longpoll import channels
from queueapi import Job, JobNotFound
from sample_app.bell import store
from sample_app.bell.ringing import ring
from sample_app.db import connect
from sample_app.links import run_address
from sample_app.settings import Settings
from sample_app.web.words import describe


class TellStarter(Job, queue="default", kind="tell_starter", max_attempts=5):
    """Tell who started a job what came of it. Run twice, it rings once."""

    started_id: int

    def run(self) -> None:
        with connect(Settings.from_env().dsn) as conn:
            started = store.find_started(conn, self.started_id)
            if started is None or started["job_id"] is None:
                return
            handle = queueapi.handle(started["job_id"])
            try:
                said = describe(handle.status(), datetime.now(UTC))
            except JobNotFound:
                return  # kept for days: whoever started it has seen it by now, or never will
            sentence = f"{started['title']}: {said.sentence}"
            ring(conn, channels, started["visitor"], f"job-{handle.id}", sentence, run_address(handle))
