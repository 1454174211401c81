"""All the rates for one base currency; a second run asks only for those that the first did not get."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from sample_app.db import Connection
from sample_app.rates import store
from sample_app.rates.client import ATTEMPTS, RatesAPI

CURRENCIES: Final = ("EUR", "USD", "GBP", "JPY", "CHF", "CAD", "AUD", "NZD", "SEK", "NOK", "DKK", "PLN", "CZK")

Progress = Callable[[int, int, str], None]


def wanted(base: str) -> list[str]:
    """Whose rates a run fetches: all but the base's own."""
    return [currency for currency in CURRENCIES if currency != base]


def fetch_rates(conn: Connection, run_id: int, api: RatesAPI, progress: Progress) -> dict[str, Any]:
    """Fetch what is missing; returns ``rates``, how many there are, and ``calls``, how many that took in all.

    Commits on ``conn`` after every rate, so that none is asked for twice.

    Raises:
        RateUnavailable: one could not be had; those before it are kept.
    """
    run = store.find_run(conn, run_id)
    if run is None:
        return {"rates": 0, "calls": 0}
    have = {row["currency"] for row in store.rates_of_run(conn, run_id)}
    conn.commit()  # no transaction stays open while we wait for somebody else
    currencies = wanted(run["base"])
    total = len(currencies)
    for currency in currencies:
        if currency in have:
            continue
        done = len(have)
        progress(done, total, f"asking for {currency}")

        def say(attempt: int, failure: str, currency: str = currency, done: int = done) -> None:
            progress(done, total, f"{currency}: attempt {attempt} of {ATTEMPTS} after “{failure}”")

        rate, calls = api.rate(run["base"], currency, say)
        store.save_rate(conn, run_id, currency, rate, calls)
        conn.commit()
        have.add(currency)
    progress(total, total, "all rates are here")
    rows = store.rates_of_run(conn, run_id)
    return {"rates": len(rows), "calls": sum(row["calls"] for row in rows)}
