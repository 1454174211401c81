"""One question to the third party: a timeout, a few attempts, and an error that says what happened."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Final
from urllib.parse import urlencode

# Seconds. Its good answers take 3 at most; who waits longer waits for an answer that will not come.
TIMEOUT: Final = 4.0
# A short hiccup is over after these; for a long one the queue's own retries, minutes apart, are the right tool.
ATTEMPTS: Final = 4
_FIRST_PAUSE: Final = 0.5  # seconds, doubled after each attempt


class RateUnavailable(RuntimeError):
    """All attempts failed. The queue tries the whole job again, later."""


class CallFailed(RuntimeError):
    """One attempt failed in a way that may be gone the next time."""


@dataclass(frozen=True)
class RatesAPI:
    """Where the third party is, and how bad a day it has: see :mod:`sample_app.slow_api` for the last four."""

    host: str
    port: int
    seed: int = 0
    failures: int = 0  # percent of the calls
    fastest: int = 200  # milliseconds
    slowest: int = 3000
    timeout: float = TIMEOUT
    first_pause: float = _FIRST_PAUSE

    def rate(self, base: str, currency: str, on_failure: Callable[[int, str], None]) -> tuple[Decimal, int]:
        """The rate and how many calls it took. ``on_failure(next_attempt, sentence)`` is told before each pause.

        Raises:
            RateUnavailable: ATTEMPTS calls failed.
        """
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return self._call(base, currency, attempt), attempt
            except CallFailed as failed:
                if attempt == ATTEMPTS:
                    raise RateUnavailable(
                        f"no rate for {currency} after {ATTEMPTS} calls; the last one: {failed}"
                    ) from failed
                on_failure(attempt + 1, str(failed))
                time.sleep(self.first_pause * 2 ** (attempt - 1))
        raise AssertionError("the last attempt returns or raises")

    def _call(self, base: str, currency: str, attempt: int) -> Decimal:
        query = urlencode(
            {
                "base": base, "seed": self.seed, "attempt": attempt, "failures": self.failures,
                "fastest": self.fastest, "slowest": self.slowest,
            }
        )  # fmt: skip
        connection = http.client.HTTPConnection(self.host, self.port, timeout=self.timeout)
        try:
            connection.request("GET", f"/rates/{currency}?{query}")
            answer = connection.getresponse()
            body = answer.read()
        except TimeoutError:
            raise CallFailed(f"no answer within {self.timeout:g} s") from None
        except (OSError, http.client.HTTPException) as error:
            raise CallFailed(f"no answer ({error})") from None
        finally:
            connection.close()
        # Only what may pass is worth another attempt; a 404 will be one again.
        if answer.status >= 500:
            raise CallFailed(f"{answer.status} {answer.reason}")
        if answer.status != 200:
            raise RateUnavailable(f"the rates API refuses {currency}: {answer.status} {answer.reason}")
        return Decimal(json.loads(body)["rate"])
