"""Which requests may become a websocket (RFC 6455, 4.2.1), and what the others are told."""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from wsproto.utilities import generate_accept_token

Environ = Mapping[str, Any]

# Set in the environ by a server that upgrades when it is given a `WebSocketReply`.
UPGRADES: Final = "longpoll.upgrades"

_ASK: Final = {"Upgrade": "websocket", "Sec-WebSocket-Version": "13"}


class Refusal(NamedTuple):
    """Why a request does not become a websocket: a plain reply of that status with the sentence as its body."""

    status: int
    sentence: str
    headers: Mapping[str, str] = MappingProxyType({})


def asks(environ: Environ) -> bool:
    """Whether the request wants to become a websocket at all."""
    return "websocket" in _tokens(environ, "HTTP_UPGRADE")


def refusal(environ: Environ) -> Refusal | None:
    """Why the request cannot be upgraded; None if it can. Ask before you answer it with a `WebSocketReply`."""
    if not asks(environ) or "upgrade" not in _tokens(environ, "HTTP_CONNECTION"):
        return Refusal(426, "This address is for websockets: ask with Upgrade: websocket.", _ASK)
    if not environ.get(UPGRADES):
        return Refusal(400, "This server cannot upgrade to a websocket: use another transport, or longpoll-serve.")
    if environ["REQUEST_METHOD"] != "GET" or environ.get("SERVER_PROTOCOL") != "HTTP/1.1":
        return Refusal(400, "A websocket is asked for by GET and HTTP/1.1.")
    if environ.get("CONTENT_LENGTH", "0") not in ("", "0"):
        return Refusal(400, "A request for a websocket has no body.")
    if environ.get("HTTP_SEC_WEBSOCKET_VERSION") != "13":
        return Refusal(426, "The only Sec-WebSocket-Version spoken here is 13.", _ASK)
    if not _is_key(environ.get("HTTP_SEC_WEBSOCKET_KEY", "")):
        return Refusal(400, "Sec-WebSocket-Key must be 16 bytes in base64.")
    return None


def choose(environ: Environ, spoken: Sequence[str]) -> str | None:
    """The first of the subprotocols *spoken* that the client offers as well."""
    offered = _list(environ.get("HTTP_SEC_WEBSOCKET_PROTOCOL", ""))
    return next((name for name in spoken if name in offered), None)


def reply_head(environ: Environ, subprotocol: str | None) -> bytes:
    """The reply that upgrades an accepted request. A *subprotocol* that was not offered is not named."""
    token = generate_accept_token(environ["HTTP_SEC_WEBSOCKET_KEY"].encode("latin-1"))
    lines = [
        b"HTTP/1.1 101 Switching Protocols",
        b"Upgrade: websocket",
        b"Connection: Upgrade",
        b"Sec-WebSocket-Accept: " + token,
    ]
    if subprotocol is not None and choose(environ, [subprotocol]):
        lines.append(b"Sec-WebSocket-Protocol: " + subprotocol.encode("latin-1"))
    return b"\r\n".join([*lines, b"", b""])


def _is_key(key: str) -> bool:
    try:
        return len(key) == 24 and len(b64decode(key, validate=True)) == 16
    except (binascii.Error, ValueError):
        return False


def _tokens(environ: Environ, name: str) -> list[str]:
    return _list(environ.get(name, "").lower())


def _list(value: str) -> list[str]:
    return [item.strip() for item in value.split(",")]
