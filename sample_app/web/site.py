"""What every page is given: settings, the queue, the templates, and three things to do with them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import falcon
from jinja2 import Environment

from queueapi import Handle, Queue
from sample_app import db
from sample_app.settings import Settings

# Seconds. The address of a run is good for a week: long enough to come back to, not for ever.
LINK_LIFETIME = 7 * 24 * 3600


@dataclass(frozen=True)
class Site:
    """The collaborators of the pages, put together in :mod:`sample_app.app`."""

    settings: Settings
    queue: Queue
    verify_ticket: Callable[[str], Handle]
    templates: Environment

    def connect(self) -> db.Connection:
        """See :func:`sample_app.db.connect`."""
        return db.connect(self.settings.dsn)

    def render(self, resp: falcon.Response, template: str, status: str = falcon.HTTP_200, **values: Any) -> None:
        """Answer with a page."""
        resp.status = status
        resp.content_type = falcon.MEDIA_HTML
        resp.text = self.templates.get_template(template).render(values)

    def watch(self, resp: falcon.Response, handle: Handle) -> None:
        """Send the browser on to the page of a run: 303, so that reloading that page sends no form again."""
        resp.status = falcon.HTTP_303
        resp.location = f"/runs/{handle.ticket(expires=LINK_LIFETIME)}"
