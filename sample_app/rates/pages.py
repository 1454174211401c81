"""The form that starts a run against the slow third party."""

from __future__ import annotations

from typing import Any, Final

import falcon

from sample_app.db import Connection
from sample_app.rates import store
from sample_app.rates.fetching import wanted
from sample_app.rates.job import FetchRates
from sample_app.web.forms import FieldRefused, one_of, read_form
from sample_app.web.runs import Operation
from sample_app.web.site import Site

BASES: Final = {"EUR": "euro", "USD": "US dollar", "GBP": "pound sterling", "CHF": "Swiss franc"}
# The day that the third party has: in its name the percentage of the calls that fail.
DAYS: Final = {
    "0": "a good one: slow, but every call succeeds",
    "30": "an ordinary one: every third call or so fails",
    "100": "a terrible one: every call fails, and so does the run, three times",
}
_DEFAULTS: Final = {"base": "EUR", "failures": "30"}


class RatesPage:
    """``/rates``."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        self._show(resp, _DEFAULTS)

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        form = read_form(req)
        try:
            base = one_of(form, "base", list(BASES))
            failures = int(one_of(form, "failures", list(DAYS)))
        except FieldRefused as refused:
            self._show(resp, _DEFAULTS | form, refused)
            return
        with self._site.connect() as conn:  # the run and its job together, or neither
            run_id = store.add_run(conn, base)
            handle = self._site.start(resp, FetchRates(run_id, failures), f"Rates for one {BASES[base]}", conn)
            store.tie_to_job(conn, run_id, handle.id)
        self._site.watch(resp, handle)

    def _show(self, resp: falcon.Response, form: dict[str, str], refused: FieldRefused | None = None) -> None:
        status = falcon.HTTP_400 if refused else falcon.HTTP_200
        self._site.render(resp, "rates.html", status, form=form, refused=refused, bases=BASES, days=DAYS)


def outcome(conn: Connection, job_id: int, page: int) -> dict[str, Any]:
    """For ``_outcome_rates.html``: the rates that were got, also by a run that failed in the end."""
    run = store.find_run_of_job(conn, job_id)
    if run is None:
        return {"run": None}
    return {"run": run, "rates": store.rates_of_run(conn, run["id"]), "wanted": len(wanted(run["base"]))}


OPERATION = Operation("fetch_rates", "Rates from the slow third party", "/rates", "_outcome_rates.html", outcome)
