"""The form that starts a report, and its two files."""

from __future__ import annotations

from typing import Any

import falcon

from sample_app.db import Connection
from sample_app.reports import store
from sample_app.reports.job import BuildReport
from sample_app.web.runs import Operation
from sample_app.web.site import Site

# The files bring their own styles, and must do nothing else: there are strangers' domains in them.
_FILE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; sandbox"


class ReportsPage:
    """``/reports``."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        with self._site.connect() as conn:
            contacts = store.count_contacts(conn)
        self._site.render(resp, "reports.html", contacts=contacts, error="")

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        with self._site.connect() as conn:  # the report's row and its job together, or neither
            if store.count_contacts(conn) == 0:
                error = "There are no contacts yet: import a file first."
                self._site.render(resp, "reports.html", falcon.HTTP_400, contacts=0, error=error)
                return
            report_id = store.add_report(conn)
            handle = self._site.start(resp, BuildReport(report_id), "Report", conn)
            store.tie_to_job(conn, report_id, handle.id)
        self._site.watch(resp, handle)


class ReportFiles:
    """``/runs/{ticket}/report.html`` and ``/runs/{ticket}/chart.svg``: for whoever has the run's ticket."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def on_get_document(self, req: falcon.Request, resp: falcon.Response, ticket: str) -> None:
        self._send(resp, ticket, "document", falcon.MEDIA_HTML)
        resp.downloadable_as = "report.html"

    def on_get_chart(self, req: falcon.Request, resp: falcon.Response, ticket: str) -> None:
        self._send(resp, ticket, "chart", "image/svg+xml")

    def _send(self, resp: falcon.Response, ticket: str, column: str, media_type: str) -> None:
        handle = self._site.verify_ticket(ticket)
        with self._site.connect() as conn:
            report = store.find_report_of_job(conn, handle.id)
        if report is None or report[column] is None:
            raise falcon.HTTPNotFound()
        resp.content_type = media_type
        resp.data = report[column]
        resp.set_header("Content-Security-Policy", _FILE_POLICY)


def outcome(conn: Connection, job_id: int, page: int) -> dict[str, Any]:
    """For ``_outcome_report.html``: whether there is a report to show."""
    report = store.find_report_of_job(conn, job_id)
    return {"made": report is not None and report["document"] is not None}


OPERATION = Operation("build_report", "Report over all contacts", "/reports", "_outcome_report.html", outcome)
