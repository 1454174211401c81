"""One mailing, recipient by recipient, nobody twice."""

from __future__ import annotations

import smtplib
from collections.abc import Callable
from typing import Any

from sample_app.db import Connection
from sample_app.notifications import store
from sample_app.notifications.message import render
from sample_app.people import person

Progress = Callable[[int, int, str], None]

# Seconds for one answer of the mail server; without a timeout one stuck server holds a slot of the worker for ever.
_TIMEOUT = 10


class MailServerAway(ConnectionError):
    """The mail server does not answer, or hung up; the queue tries again later."""


class MailRefused(RuntimeError):
    """The mail server says no to a message."""


def send_mailing(conn: Connection, mailing_id: int, host: str, port: int, progress: Progress) -> dict[str, Any]:
    """Send what has not been sent yet; returns ``sent`` in this run and ``skipped`` because an earlier run had.

    Commits on ``conn`` after every message.

    Raises:
        MailServerAway: the server cannot be reached. What was sent stays sent; the next run goes on from there.
        MailRefused: the server says no to a message.
    """
    mailing = store.find_mailing(conn, mailing_id)
    if mailing is None:
        return {"sent": 0, "skipped": 0}
    conn.commit()  # ends the transaction that reading began; inside it, those below would be mere savepoints
    total = mailing["recipients"]
    sent = 0
    with _connect(host, port) as server:
        for number in range(total):
            sent += _send_once(conn, server, mailing_id, number, mailing["subject"], total)
            progress(number + 1, total, f"{number + 1:,} of {total:,} messages sent")
    return {"sent": sent, "skipped": total - sent}


def _send_once(conn: Connection, server: smtplib.SMTP, mailing_id: int, number: int, subject: str, total: int) -> bool:
    """Send one message unless it was sent before.

    A job may run again: after an error, or because its worker died. So each delivery is noted, in a transaction
    around the sending: if the sending fails, the note is gone and the next run tries again; if a second run is at
    the same recipient in the same moment, it waits at the primary key.

    One gap remains, which no program can close alone: to die after the server's "250 OK" and before the commit.
    There the fixed Message-ID helps, by which servers know a message that they have.
    """
    with conn.transaction():
        if not store.note_delivery(conn, mailing_id, number):
            return False
        try:
            server.send_message(render(mailing_id, number, person(number), subject, total))
        except smtplib.SMTPServerDisconnected as error:
            raise MailServerAway(f"the mail server hung up after {number:,} of {total:,} messages") from error
        except smtplib.SMTPException as error:
            raise MailRefused(f"the mail server refused message {number + 1:,} of {total:,}: {error}") from error
        return True


def _connect(host: str, port: int) -> smtplib.SMTP:
    try:
        return smtplib.SMTP(host, port, timeout=_TIMEOUT)
    except (OSError, smtplib.SMTPServerDisconnected) as error:
        raise MailServerAway(f"the mail server at {host}:{port} does not answer; is it running?") from error
