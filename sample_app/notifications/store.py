"""The SQL of mailings, deliveries, and the local mailbox."""

from __future__ import annotations

from sample_app.db import Connection, Row


def add_mailing(conn: Connection, subject: str, recipients: int) -> int:
    """Note a mailing; returns its id."""
    row = conn.execute(
        "insert into sample_app.mailings (subject, recipients) values (%s, %s) returning id", [subject, recipients]
    ).fetchone()
    assert row is not None
    return int(row["id"])


def tie_to_job(conn: Connection, mailing_id: int, job_id: int) -> None:
    conn.execute("update sample_app.mailings set job_id = %s where id = %s", [job_id, mailing_id])


def find_mailing(conn: Connection, mailing_id: int) -> Row | None:
    return conn.execute("select * from sample_app.mailings where id = %s", [mailing_id]).fetchone()


def find_mailing_of_job(conn: Connection, job_id: int) -> Row | None:
    return conn.execute("select * from sample_app.mailings where job_id = %s", [job_id]).fetchone()


def note_delivery(conn: Connection, mailing_id: int, recipient: int) -> bool:
    """Note that the recipient has his mail; False if that was noted before.

    Waits while another run's transaction is about to note the same.
    """
    cursor = conn.execute(
        "insert into sample_app.deliveries (mailing_id, recipient) values (%s, %s) on conflict do nothing",
        [mailing_id, recipient],
    )
    return cursor.rowcount == 1


def newest_mails(conn: Connection, limit: int, of_mailing: int | None = None) -> list[Row]:
    """Messages in the mailbox, newest first; of all mailings, or of one."""
    pattern = "%" if of_mailing is None else f"<mailing-{of_mailing}-%"
    return conn.execute(
        """
        select id, recipient, subject, received_at from sample_app.mails
         where message_id like %s order by id desc limit %s
        """,
        [pattern, limit],
    ).fetchall()


def find_mail(conn: Connection, mail_id: int) -> Row | None:
    return conn.execute("select * from sample_app.mails where id = %s", [mail_id]).fetchone()
