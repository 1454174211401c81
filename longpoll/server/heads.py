"""A request's head, judged and read. What follows from the same bytes is the same, so what comes often is kept."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from longpoll.server import strict
from longpoll.server.strict import Refusal

# Heads that are kept, and bytes up to which. A client's polls differ in their length at most, and clients with one
# browser and no cookies not even in that: reading takes 60 µs, finding what was read less than one. At most 4 MB.
KEPT = 512
SHORT = 2048

_WHOLE_ADDRESS = re.compile("^https?://[^/?]*")  # of a target, as a proxy may send it


class Head(NamedTuple):
    """An accepted one.

    Attributes:
        line: the request line, for logs.
        target: path and query, without a host.
        stays: the client wants to keep the connection.
        length: of the body, in bytes; None if it comes in chunks.
        waits: the client sends the body when it is told to continue.
        environ: what WSGI has to know of it. Not to be changed.
    """

    line: str
    method: str
    target: str
    version: str
    stays: bool
    length: int | None
    waits: bool
    environ: Mapping[str, str]


def read(raw: bytes, max_body: int) -> Head | Refusal:
    """Judges a whole head, its empty last line included. *max_body* is in bytes."""
    return _kept(raw, max_body) if len(raw) <= SHORT else _read(raw, max_body)


def _read(raw: bytes, max_body: int) -> Head | Refusal:
    refused = strict.refusal(raw, max_body)
    if refused:
        return refused
    line, *lines = raw[:-4].decode("latin-1").split("\r\n")
    method, target, version = line.split(" ")
    path = _WHOLE_ADDRESS.sub("", target)
    target = path if path.startswith(("/", "*")) else f"/{path}"
    environ = _environ(method, target, version, lines)
    tokens = [token.strip() for token in environ.get("HTTP_CONNECTION", "").lower().split(",")]
    stays = "close" not in tokens and (version == "HTTP/1.1" or "keep-alive" in tokens)
    length, waits = strict.body_length(raw), strict.wants_continue(raw)
    return Head(line, method, target, version, stays, length, waits, environ)


_kept = lru_cache(maxsize=KEPT)(_read)


def _environ(method: str, target: str, version: str, lines: list[str]) -> Mapping[str, str]:
    path, _, query = target.partition("?")
    environ = {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
        "QUERY_STRING": query,
        "SERVER_PROTOCOL": version,
    }
    for line in lines:
        name, _, value = line.partition(":")
        if "_" in name:  # it would pass for the one with dashes
            continue
        key = name.replace("-", "_").upper()
        key = key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"
        value = value.strip(" \t")
        joint = "; " if key == "HTTP_COOKIE" else ","
        environ[key] = f"{environ[key]}{joint}{value}" if key in environ else value
    environ.pop("HTTP_TRANSFER_ENCODING", None)  # it is decoded when the application is asked (RFC 9112, 7.1.3)
    return environ
