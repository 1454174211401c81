"""How the processes of the house log: one form, on standard error."""

from __future__ import annotations

import logging
import time


def configure(name: str, verbose: bool) -> None:
    """Log to standard error, unless the application has set up logging itself."""
    if logging.getLogger().handlers:
        return
    formatter = logging.Formatter(f"%(asctime)s.%(msecs)03dZ %(levelname)-7s {name}: %(message)s", "%Y-%m-%dT%H:%M:%S")
    formatter.converter = time.gmtime
    handler = logging.StreamHandler()
    handler.setFormatter(formatter)
    logging.basicConfig(handlers=[handler], level=logging.DEBUG if verbose else logging.INFO)
    logging.getLogger("psycopg").setLevel(logging.WARNING)
