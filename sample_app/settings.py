"""What the environment says, read once, frozen; each default has its reason beside it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit


class SettingRefused(ValueError):
    """An environment variable cannot be used as it stands; the sentence names it."""


@dataclass(frozen=True)
class Settings:
    """How one process of the sample app is set up.

    ``dsn`` is a libpq connection string or URL; empty, libpq itself reads the ``PG*`` variables.
    """

    dsn: str = ""
    host: str = "127.0.0.1"  # reachable from this machine only: an example must not open a port to the world
    port: int = 8000
    longpoll_url: str = "http://127.0.0.1:9292"  # as a browser sees it; no slash at the end
    smtp_host: str = "127.0.0.1"
    smtp_port: int = 8025  # the port that aiosmtpd itself uses; 25 would need root
    slow_api_host: str = "127.0.0.1"
    slow_api_port: int = 8026
    # Web processes write uploads here and workers read them, so on several machines it is a shared directory.
    spool_dir: Path = Path(".dev/spool")

    @classmethod
    def from_env(cls, environ: Mapping[str, str] = os.environ) -> Self:
        """Read DATABASE_URL, HOST, PORT, LONGPOLL_URL, SMTP_HOST, SMTP_PORT, SLOW_API_HOST, SLOW_API_PORT, SPOOL_DIR.

        Raises:
            SettingRefused: a value that cannot be used.
        """
        return cls(
            dsn=environ.get("DATABASE_URL", ""),
            host=environ.get("HOST") or cls.host,
            port=_port(environ, "PORT", cls.port),
            longpoll_url=_web_address(environ.get("LONGPOLL_URL") or cls.longpoll_url),
            smtp_host=environ.get("SMTP_HOST") or cls.smtp_host,
            smtp_port=_port(environ, "SMTP_PORT", cls.smtp_port),
            slow_api_host=environ.get("SLOW_API_HOST") or cls.slow_api_host,
            slow_api_port=_port(environ, "SLOW_API_PORT", cls.slow_api_port),
            spool_dir=Path(environ.get("SPOOL_DIR") or cls.spool_dir),
        )


def _port(environ: Mapping[str, str], name: str, default: int) -> int:
    text = environ.get(name) or str(default)
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= 65535):
        raise SettingRefused(f"{name}={text!r} is no port: give a number from 1 to 65535")
    return int(text)


def _web_address(text: str) -> str:
    try:
        parts = urlsplit(text)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or parts.query or parts.fragment or any(c in text for c in " \t\r\n;,'\"<>"):
        raise SettingRefused(f"LONGPOLL_URL={text!r} is no web address: give one like http://127.0.0.1:9292")
    return text.rstrip("/")
