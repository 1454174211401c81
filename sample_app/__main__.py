"""``python -m sample_app``: the web app on waitress."""

from __future__ import annotations

import logging
import signal
import sys

import psycopg
from waitress.server import create_server

from queueapi import QueueAPIError, SchemaMismatch
from sample_app.app import App, get_app
from sample_app.settings import SettingRefused, Settings


def main() -> int:
    """Serve until SIGTERM or SIGINT. Returns 0; or 1, or 3 for job tables of another version, after one sentence."""
    logging.basicConfig(format="%(levelname)s %(name)s: %(message)s")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # waitress then finishes the requests it is at
    try:
        settings = Settings.from_env()
        return serve(get_app(), settings)
    except SchemaMismatch as error:
        return _complain(str(error), code=3)
    except (SettingRefused, QueueAPIError) as error:
        return _complain(str(error))
    except psycopg.OperationalError as error:
        return _complain(f"PostgreSQL cannot be reached, set DATABASE_URL: {error}")
    except OSError as error:
        return _complain(f"cannot listen on {settings.host}:{settings.port}, set HOST and PORT: {error.strerror}")


def serve(app: App, settings: Settings) -> int:
    """Serve the app. No request here waits for a job: that is longpoll's business, which holds thousands at no cost."""
    server = create_server(
        app,
        host=settings.host,
        port=settings.port,
        # Requests take milliseconds, uploads excepted: 8 threads carry several hundred pages a second.
        threads=8,
        # Bytes. waitress writes a body of over 512 KB to a temporary file before the app sees it, so a large one costs
        # disk, not memory; its own default of 1 GB would be the only limit to "a CSV file of any size".
        max_request_body_size=1 << 40,
        # Seconds without a byte. A browser that vanished in the middle of an upload gives its place back.
        channel_timeout=120,
        # Only from a proxy that you run may X-Forwarded-* be believed; without one, anybody could send them.
        clear_untrusted_proxy_headers=True,
        # poll() instead of select(), which cannot watch file descriptors above 1023.
        asyncore_use_poll=True,
        # Nobody needs to know what we run.
        ident=None,
    )
    print(f"sample app on http://{settings.host}:{settings.port}", flush=True)
    server.run()
    return 0


def _complain(sentence: str, code: int = 1) -> int:
    print(f"sample_app: {sentence}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
