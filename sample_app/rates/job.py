"""The job: only what ties the fetching to the queue."""

from __future__ import annotations

import time
from typing import Any

from queueapi import Job
from sample_app.db import connect
from sample_app.rates.client import RatesAPI
from sample_app.rates.fetching import fetch_rates
from sample_app.settings import Settings


class FetchRates(Job, queue="default", kind="fetch_rates", max_attempts=3):
    """Ask the slow third party for rates, on a day when so many percent of the calls fail."""

    run_id: int
    failures: int = 0

    def run(self) -> dict[str, Any]:
        settings = Settings.from_env()
        # The API treats the same question the same way; a new seed is another quarter of an hour in its life.
        seed = time.time_ns()
        api = RatesAPI(settings.slow_api_host, settings.slow_api_port, seed=seed, failures=self.failures)
        with connect(settings.dsn) as conn:
            return fetch_rates(conn, self.run_id, api, self.progress)
