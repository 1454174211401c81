"""What every page is given: settings, the queue, the channels, the templates, and what to do with them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import falcon
import psycopg
from jinja2 import Environment

from longpoll import Channels
from queueapi import Handle, Queue
from sample_app import db
from sample_app.bell import store as bells
from sample_app.bell.ringing import bell_channel
from sample_app.bell.starting import start
from sample_app.links import LINK_LIFETIME, run_address
from sample_app.settings import Settings


@dataclass(frozen=True)
class Frame:
    """What stands around every page: where longpoll answers, and the visitor's bell. ``unread`` is None if unknown."""

    push: str
    bell_ticket: str
    unread: int | None
    mark: str
    now: datetime


@dataclass(frozen=True)
class Site:
    """The collaborators of the pages, put together in :mod:`sample_app.app`."""

    settings: Settings
    queue: Queue
    channels: Channels
    verify_ticket: Callable[[str], Handle]
    templates: Environment

    def connect(self) -> db.Connection:
        """See :func:`sample_app.db.connect`."""
        return db.connect(self.settings.dsn)

    def render(
        self, resp: falcon.Response, template: str, status: str = falcon.HTTP_200, count: bool = True, **values: Any
    ) -> None:
        """Answer with a page. Without ``count`` nobody asks the database what the bell should say."""
        self.render_part(resp, template, status, frame=self._frame(resp, count), **values)

    def render_part(self, resp: falcon.Response, template: str, status: str = falcon.HTTP_200, **values: Any) -> None:
        """Answer with a piece of a page, for a script to put in."""
        resp.status = status
        resp.content_type = falcon.MEDIA_HTML
        resp.text = self.templates.get_template(template).render(values)

    def watch(self, resp: falcon.Response, handle: Handle) -> None:
        """Send the browser on to the page of a run: 303, so that reloading that page sends no form again."""
        resp.status = falcon.HTTP_303
        resp.location = run_address(handle)

    def start(self, resp: falcon.Response, job: object, title: str, conn: db.Connection) -> Handle:
        """Push a job in the transaction of ``conn``; this visitor's bell rings when it has ended."""
        return start(self.queue, job, resp.context.visitor.key, title, conn)

    def _frame(self, resp: falcon.Response, count: bool) -> Frame:
        visitor = resp.context.visitor
        ticket = self.channels[bell_channel(visitor.key)].ticket(expires=LINK_LIFETIME)
        unread = self._unread(visitor.key) if count and not visitor.is_new else None
        return Frame(resp.context.push, ticket, unread, visitor.mark, datetime.now(UTC))

    def _unread(self, visitor: str) -> int | None:
        # A page that needs no database otherwise is not refused for the number beside its bell.
        try:
            with self.connect() as conn:
                return bells.state(conn, visitor).unread
        except psycopg.OperationalError:
            return None
