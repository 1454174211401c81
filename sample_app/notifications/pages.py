"""The form that starts a mailing, and the mailbox."""

from __future__ import annotations

import email
import email.policy
from typing import Any, Final

import falcon

from sample_app.db import Connection, Row
from sample_app.notifications import store
from sample_app.notifications.job import SendNotifications
from sample_app.web.forms import FieldRefused, line_of_text, read_form, whole_number
from sample_app.web.runs import Operation
from sample_app.web.site import Site

FEWEST: Final = 5
MOST: Final = 500
_SHOWN: Final = 12  # messages in a list
_DEFAULTS: Final = {"recipients": "100", "subject": "your order is on its way"}


class NotificationsPage:
    """``/notifications``."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        self._show(resp, _DEFAULTS)

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        form = read_form(req)
        try:
            recipients = whole_number(form, "recipients", FEWEST, MOST)
            subject = line_of_text(form, "subject", 100)
        except FieldRefused as refused:
            self._show(resp, _DEFAULTS | form, refused)
            return
        with self._site.connect() as conn:  # the mailing and its job together, or neither
            mailing_id = store.add_mailing(conn, subject, recipients)
            handle = self._site.start(resp, SendNotifications(mailing_id), f"Mailing “{subject}”", conn)
            store.tie_to_job(conn, mailing_id, handle.id)
        self._site.watch(resp, handle)

    def _show(self, resp: falcon.Response, form: dict[str, str], refused: FieldRefused | None = None) -> None:
        with self._site.connect() as conn:
            mails = store.newest_mails(conn, _SHOWN)
        status = falcon.HTTP_400 if refused else falcon.HTTP_200
        self._site.render(
            resp, "notifications.html", status, form=form, refused=refused, mails=mails, fewest=FEWEST, most=MOST
        )


class MailPage:
    """``/mailbox/{mail_id}``: one message. Everybody's, as in any mail catcher on a test machine."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def on_get(self, req: falcon.Request, resp: falcon.Response, mail_id: int) -> None:
        with self._site.connect() as conn:
            mail = store.find_mail(conn, mail_id)
        if mail is None:
            raise falcon.HTTPNotFound()
        self._site.render(resp, "mail.html", mail=mail, text=_text(mail))


def outcome(conn: Connection, job_id: int, page: int) -> dict[str, Any]:
    """For ``_outcome_mailing.html``: the mailing and its last messages."""
    mailing = store.find_mailing_of_job(conn, job_id)
    if mailing is None:
        return {"mailing": None}
    return {"mailing": mailing, "mails": store.newest_mails(conn, _SHOWN, of_mailing=mailing["id"])}


OPERATION = Operation(
    "send_notifications", "Sending of notifications", "/notifications", "_outcome_mailing.html", outcome
)


def _text(mail: Row) -> str:
    message = email.message_from_bytes(mail["source"], policy=email.policy.default)
    body = message.get_body(("plain",))
    return str(body.get_content()) if body else "(no plain text in this message)"
