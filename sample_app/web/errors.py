"""What went wrong, in words, as a page; as JSON for whoever asked for JSON."""

from __future__ import annotations

import logging
from typing import Any

import falcon
import psycopg

from queueapi import JobNotFound, StoreUnavailable, TicketRefused
from sample_app.web.site import Site

_log = logging.getLogger("sample_app")

# (title, what to do) for what Falcon itself raises, often with words for developers.
_PLAIN = {
    400: (
        "That could not be read",
        "Something in the address or the form is not as it should be. Go back and try again.",
    ),
    404: ("There is no such page", "The address may be mistyped, or the page may be gone."),
    405: ("That cannot be done here", "This address only shows something, or only takes a form."),
    413: ("That is too large", "Send something smaller."),
    415: ("That is not the form of this page", "Open the page and send the form from it."),
}


class Errors:
    """Error handlers for :meth:`falcon.App.add_error_handler`, see :meth:`install`."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def install(self, app: falcon.App[Any, Any]) -> None:
        """The later ones are the more special ones: Falcon looks for the exception's nearest class."""
        app.add_error_handler(Exception, self._unexpected)
        app.add_error_handler(falcon.HTTPError, self._http)
        app.add_error_handler((psycopg.OperationalError, StoreUnavailable), self._database_away)
        app.add_error_handler(TicketRefused, self._ticket_refused)
        app.add_error_handler(JobNotFound, self._job_gone)

    def _http(self, req: falcon.Request, resp: falcon.Response, error: falcon.HTTPError, params: Any) -> None:
        title, remedy = _PLAIN.get(error.status_code, (error.title or "", error.description or ""))
        for name, value in dict(error.headers or {}).items():
            resp.set_header(name, value)
        self._answer(req, resp, falcon.code_to_http_status(error.status), title, remedy)

    def _ticket_refused(self, req: falcon.Request, resp: falcon.Response, error: TicketRefused, params: Any) -> None:
        remedy = (
            "Such an address is the key to one run, made when it was started, and good for a week. Start a new run."
        )
        self._answer(req, resp, falcon.HTTP_403, "This address does not open anything", remedy)

    def _job_gone(self, req: falcon.Request, resp: falcon.Response, error: JobNotFound, params: Any) -> None:
        remedy = "Finished runs are kept for some days and then tidied away. Start a new one."
        self._answer(req, resp, falcon.HTTP_404, "This run is not known any more", remedy)

    def _database_away(self, req: falcon.Request, resp: falcon.Response, error: Exception, params: Any) -> None:
        _log.error("PostgreSQL is away: %s", error)
        remedy = "Nothing was lost: what was committed is there when it is back. Try again in a moment."
        resp.set_header("Retry-After", "2")
        self._answer(req, resp, falcon.HTTP_503, "The database does not answer", remedy)

    def _unexpected(self, req: falcon.Request, resp: falcon.Response, error: Exception, params: Any) -> None:
        _log.exception("%s %s failed", req.method, req.path, exc_info=error)
        remedy = "It is our mistake, and it is in the log now. Trying again may help."
        self._answer(req, resp, falcon.HTTP_500, "Something went wrong here", remedy)

    def _answer(self, req: falcon.Request, resp: falcon.Response, status: str, title: str, remedy: str) -> None:
        if req.path.endswith(".json"):
            resp.status = status
            resp.media = {"error": {"title": title, "message": remedy}}
            return
        self._site.render(resp, "error.html", status, count=False, title=title, remedy=remedy, code=status[:3])
