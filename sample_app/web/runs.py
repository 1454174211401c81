"""The page on which one run is watched, in three ways at once; and what those ways ask for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import falcon

from sample_app.db import Connection
from sample_app.web.site import Site
from sample_app.web.words import describe


@dataclass(frozen=True)
class Operation:
    """One of the four, as the run page needs it.

    ``outcome(conn, job_id, page)`` reads what its ``template`` shows once the job has an outcome.
    """

    kind: str
    title: str
    home: str
    template: str
    outcome: Callable[[Connection, int, int], dict[str, Any]]


class Runs:
    """``/runs/{ticket}``. The ticket is signed: nobody comes to another's run by counting."""

    def __init__(self, site: Site, operations: Mapping[str, Operation]) -> None:
        self._site = site
        self._operations = operations

    def on_get(self, req: falcon.Request, resp: falcon.Response, ticket: str) -> None:
        """The page, with the state as it is now: the first rung, and all there is without scripts."""
        now = datetime.now(UTC)
        self._site.render(resp, "run.html", now=now, **self._look(req, ticket, now))

    def on_get_outcome(self, req: falcon.Request, resp: falcon.Response, ticket: str) -> None:
        """The part of the page that says what came of it, for the other two rungs to put in."""
        self._site.render_part(resp, "_outcome.html", **self._look(req, ticket, datetime.now(UTC)))

    def on_get_json(self, req: falcon.Request, resp: falcon.Response, ticket: str) -> None:
        """The state, for the second rung."""
        resp.media = self._site.verify_ticket(ticket).status()

    def _look(self, req: falcon.Request, ticket: str, now: datetime) -> dict[str, Any]:
        handle = self._site.verify_ticket(ticket)
        status = handle.status()
        operation = self._operations.get(status["kind"])
        if operation is None:
            raise falcon.HTTPNotFound()
        words = describe(status, now)
        page = req.get_param_as_int("page", min_value=1, max_value=1_000_000, default=1)
        outcome: dict[str, Any] = {}
        if words.final:
            with self._site.connect() as conn:
                outcome = operation.outcome(conn, handle.id, page)
        return {
            "ticket": ticket,
            "operation": operation,
            "job": status,
            "words": words,
            "outcome": outcome,
            "page": page,
        }
