"""The job: only what ties the sending to the queue."""

from __future__ import annotations

from typing import Any

from queueapi import Job
from sample_app.db import connect
from sample_app.notifications.sending import send_mailing
from sample_app.settings import Settings


class SendNotifications(Job, queue="mail", kind="send_notifications", max_attempts=5):
    """Send one mailing. Safe to run again: see :mod:`sample_app.notifications.sending`."""

    mailing_id: int

    def run(self) -> dict[str, Any]:
        settings = Settings.from_env()
        with connect(settings.dsn) as conn:
            return send_mailing(conn, self.mailing_id, settings.smtp_host, settings.smtp_port, self.progress)
