"""How the processes of the house log: one form, on standard error."""

from __future__ import annotations

import logging
import os
import time
from typing import Any

import msgspec


def configure(name: str, verbose: bool, form: str = "text") -> None:
    """Log to standard error, unless the application has set up logging itself.

    Args:
        name: of the process.
        form: ``text``, or ``json``: an object a line.
    """
    if logging.getLogger().handlers:
        return
    handler = logging.StreamHandler()
    handler.setFormatter(_Json(name) if form == "json" else _text(name))
    logging.basicConfig(handlers=[handler], level=logging.DEBUG if verbose else logging.INFO)
    logging.getLogger("psycopg").setLevel(logging.WARNING)


def _text(name: str) -> logging.Formatter:
    formatter = logging.Formatter(f"%(asctime)s.%(msecs)03dZ %(levelname)-7s {name}: %(message)s", "%Y-%m-%dT%H:%M:%S")
    formatter.converter = time.gmtime
    return formatter


class _Json(logging.Formatter):
    """An object a line. What was said with ``extra={"fields": …}`` stands in it by its own names."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name
        self.converter = time.gmtime

    def format(self, record: logging.LogRecord) -> str:
        said: dict[str, Any] = {
            "time": f"{self.formatTime(record, '%Y-%m-%dT%H:%M:%S')}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "process": self._name,
            "pid": os.getpid(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            said["exception"] = self.formatException(record.exc_info)
        return msgspec.json.encode(said, enc_hook=str).decode()
