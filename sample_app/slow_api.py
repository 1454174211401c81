"""A third party as one meets them: slow, and down every now and then. It knows exchange rates.

    python -m sample_app.slow_api           SLOW_API_HOST, SLOW_API_PORT

``GET /rates/USD?base=EUR&seed=7&attempt=1&failures=30&fastest=200&slowest=3000``: ``failures`` is a percentage,
``fastest`` and ``slowest`` are milliseconds. The same query always gets the same treatment; another attempt, another.
"""

from __future__ import annotations

import json
import random
import signal
import sys
import threading
from decimal import Decimal
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final, NamedTuple
from urllib.parse import parse_qs, urlsplit

from sample_app.settings import SettingRefused, Settings

# For one euro, on a day in spring; what the rates are does not matter here.
RATES: Final = {
    "EUR": "1", "USD": "1.1416", "GBP": "0.8542", "JPY": "163.21", "CHF": "0.9371", "CAD": "1.5804", "AUD": "1.7829",
    "NZD": "1.9187", "SEK": "10.9655", "NOK": "11.8180", "DKK": "7.4650", "PLN": "4.2738", "CZK": "24.927",
}  # fmt: skip
HANG: Final = 30.0  # seconds; longer than any sensible client waits


class Treatment(NamedTuple):
    """What a call will get: after ``delay`` seconds the ``status``, or silence if that is None."""

    delay: float
    status: HTTPStatus | None


class Query(NamedTuple):
    """The numbers of a call, see the module's docstring."""

    seed: int = 0
    attempt: int = 1
    failures: int = 0
    fastest: int = 200
    slowest: int = 3000


def treat(currency: str, query: Query) -> Treatment:
    """How this call is treated: pure, so that a test or a demonstration can count on it."""
    # A string seeds the same in every process; hash() does not.
    dice = random.Random(f"{currency} {query.seed} {query.attempt}")  # noqa: S311 - weather, not secrets
    delay = dice.uniform(query.fastest, max(query.fastest, query.slowest)) / 1000
    if dice.uniform(0, 100) >= query.failures:
        return Treatment(delay, HTTPStatus.OK)
    trouble = (HTTPStatus.INTERNAL_SERVER_ERROR, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.SERVICE_UNAVAILABLE, None)
    status = dice.choice(trouble)
    return Treatment(HANG if status is None else delay, status)


def rate(base: str, currency: str) -> Decimal:
    """What one unit of the base costs in the currency. Raises KeyError for a currency that is not in RATES."""
    return (Decimal(RATES[currency]) / Decimal(RATES[base])).quantize(Decimal("0.000001"))


class Handler(BaseHTTPRequestHandler):
    """One request: read the query, wait, answer."""

    server_version = "SlowAPI"
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        words = parse_qs(parts.query)
        if parts.path == "/healthz":
            return self._answer(HTTPStatus.OK, {"status": "ok"})
        currency = parts.path.removeprefix("/rates/")
        base = words.get("base", ["EUR"])[0]
        if currency not in RATES or base not in RATES:
            return self._answer(HTTPStatus.NOT_FOUND, {"error": f"no such rate; there are {', '.join(RATES)}"})
        try:
            query = Query(**{name: int(words[name][0]) for name in Query._fields if name in words})
        except ValueError:
            return self._answer(HTTPStatus.BAD_REQUEST, {"error": f"{', '.join(Query._fields)} are whole numbers"})
        return self._serve(currency, base, query)

    def _serve(self, currency: str, base: str, query: Query) -> None:
        treatment = treat(currency, query)
        assert isinstance(self.server, SlowAPI)
        self.server.closing.wait(treatment.delay)
        if treatment.status is None:
            self.close_connection = True
        elif treatment.status is HTTPStatus.OK:
            self._answer(HTTPStatus.OK, {"base": base, "currency": currency, "rate": str(rate(base, currency))})
        else:
            self._answer(treatment.status, {"error": "not today"})

    def _answer(self, status: HTTPStatus, body: dict[str, str]) -> None:
        data = json.dumps(body).encode()
        try:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)
        except ConnectionError:
            self.close_connection = True  # the client has given up, as it should

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: the caller's progress tells the same story."""


class SlowAPI(ThreadingHTTPServer):
    """The server. ``closing`` cuts every wait short."""

    daemon_threads = True
    request_queue_size = 64  # 5 is the default, too few for a page full of jobs

    def __init__(self, host: str, port: int) -> None:
        self.closing = threading.Event()
        super().__init__((host, port), Handler)


def main() -> int:
    try:
        settings = Settings.from_env()
        server = SlowAPI(settings.slow_api_host, settings.slow_api_port)
    except SettingRefused as error:
        print(f"slow_api: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        where = f"{settings.slow_api_host}:{settings.slow_api_port}"
        print(f"slow_api: cannot listen on {where}, set SLOW_API_PORT: {error.strerror}", file=sys.stderr)
        return 1
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with server:
        print(f"slow API on {settings.slow_api_host}:{server.server_port}", flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            pass
        finally:
            server.closing.set()
    return 0


if __name__ == "__main__":
    sys.exit(main())
