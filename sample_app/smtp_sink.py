"""A mail server that delivers nowhere: it keeps what it gets in a table, where the web page shows it.

python -m sample_app.smtp_sink          SMTP_HOST, SMTP_PORT, DATABASE_URL
"""

from __future__ import annotations

import asyncio
import contextlib
import email
import email.policy
import os
import signal
import sys
from typing import Any

import psycopg
from aiosmtpd.smtp import SMTP, Envelope, Session

from sample_app.db import apply_schema
from sample_app.settings import SettingRefused, Settings

# Seconds. A real server is some milliseconds away and scans each message; without this, 500 mails would be gone in a
# second and there would be nothing to watch.
DISTANCE = 0.012

# Bytes. Our messages have 1 KB; what has more is not for us.
_LARGEST = 1_000_000

_INSERT = """
    insert into sample_app.mails (message_id, sender, recipient, subject, source) values (%s, %s, %s, %s, %s)
    on conflict (message_id, recipient) do nothing
"""


class Mailbox:
    """Stores messages, one transaction each, over one connection that is renewed when it is lost."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._conn: psycopg.AsyncConnection[Any] | None = None
        self._turn = asyncio.Lock()  # one connection carries one statement at a time

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        await asyncio.sleep(DISTANCE)
        source = envelope.content if isinstance(envelope.content, bytes) else (envelope.content or "").encode()
        try:
            for recipient in envelope.rcpt_tos:
                await self._store(envelope.mail_from or "", recipient, source)
        except psycopg.Error as error:
            print(f"cannot store a message: {error}", file=sys.stderr, flush=True)
            return "451 4.3.0 the mailbox cannot be written to at the moment, try again later"
        return "250 2.0.0 stored"

    async def close(self) -> None:
        if self._conn is not None:
            await self._conn.close()

    async def _store(self, sender: str, recipient: str, source: bytes) -> None:
        head = email.message_from_bytes(source, policy=email.policy.default)
        message_id = str(head["Message-ID"] or f"<{os.urandom(12).hex()}@smtp-sink>").strip()
        subject = str(head["Subject"] or "").replace("\0", "")
        async with self._turn:
            if self._conn is None or self._conn.closed:
                self._conn = await psycopg.AsyncConnection.connect(self._dsn, autocommit=True, connect_timeout=5)
            await self._conn.execute(_INSERT, [message_id, sender, recipient, subject, source])


async def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    mailbox = Mailbox(settings.dsn)
    server = await loop.create_server(
        lambda: SMTP(mailbox, hostname="smtp-sink", enable_SMTPUTF8=True, data_size_limit=_LARGEST, loop=loop),
        settings.smtp_host,
        settings.smtp_port,
    )
    print(f"mail server on {settings.smtp_host}:{settings.smtp_port}, keeping what it gets", flush=True)
    await stop.wait()
    server.close()
    await mailbox.close()


def main() -> int:
    try:
        settings = Settings.from_env()
        apply_schema(settings.dsn)
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(serve(settings))
    except SettingRefused as error:
        return _complain(str(error))
    except psycopg.OperationalError as error:
        return _complain(f"PostgreSQL cannot be reached, set DATABASE_URL: {error}")
    except OSError as error:
        why = os.strerror(error.errno) if error.errno else str(error)
        return _complain(f"cannot listen on {settings.smtp_host}:{settings.smtp_port}, set SMTP_PORT: {why}")
    return 0


def _complain(sentence: str) -> int:
    print(f"smtp_sink: {sentence}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
