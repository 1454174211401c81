"""Private Pub and danthes, two gems on Faye: their signatures, and the envelope in which their pages expect messages.

A page is given ``{server, channel, timestamp, signature}`` and sends signature and timestamp along when it subscribes.
A signature of ours is a channel's ticket, which fits into the same place. Theirs is the SHA-1 of secret, channel and
timestamp run together, and two holes come with it: what signs ``/user42`` at 1700000000000 signs ``/user4`` at
21700000000000 as well, which never expires; and Ruby takes ``["/a", "/b"]`` for ``/a/b``. Here a timestamp has
thirteen digits, so there is one way only to part the text, and each channel of an array is asked for by itself.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from longpoll.errors import BadRequest, BadTicket, Forbidden
from longpoll.names import looks_like_ticket, shortened
from longpoll.waiter import Told

# What a subscription to such a page's liking is called in a session, after its channel: no channel has a space.
MARK: Final = " private_pub"
# The event of a script that pages run, which only an application that asks for it publishes.
SCRIPT: Final = "private_pub:eval"
MESSAGE: Final = "message"

_PREFIXES: Final = ("private_pub", "danthes")
# Milliseconds; until the year 2286.
_TIMESTAMP: Final = re.compile(r"[0-9]{13}", re.ASCII)
# Seconds that a web server's clock may be ahead of ours.
SKEW: Final = 60.0

_encode = msgspec.json.Encoder().encode


# -- subscribing


def speaks(ext: Mapping[str, Any]) -> bool:
    """Whether whoever subscribes is such a page."""
    return any(f"{prefix}_signature" in ext for prefix in _PREFIXES)


def signature_of(ext: Mapping[str, Any]) -> Any:
    """What it sent, if it did: a ticket of ours, or their signature."""
    return _sent(ext, "signature")


def ticket_of(ext: Mapping[str, Any]) -> str | None:
    """What stands there, if it is a ticket of ours."""
    signature = signature_of(ext)
    return signature if isinstance(signature, str) and looks_like_ticket(signature) else None


def sign(secret: str, channel: str, timestamp: int) -> str:
    """As the gems do it.

    Args:
        timestamp: in milliseconds since 1970.
    """
    return hashlib.sha1(f"{secret}{channel}{timestamp}".encode(), usedforsecurity=False).hexdigest()


def check(ext: Mapping[str, Any], channel: str, secret: str, expiration: float | None, now: float) -> None:
    """
    Args:
        channel: as it was asked for.
        expiration: seconds that a signature is good for; None: for ever.
        now: in seconds since 1970.

    Raises:
        BadTicket: the gems' signature in it does not let anybody in.
    """
    signature, timestamp = signature_of(ext), _sent(ext, "timestamp")
    if isinstance(timestamp, bool) or not isinstance(timestamp, int | str) or not _TIMESTAMP.fullmatch(str(timestamp)):
        raise BadTicket(f"Incorrect signature: {shortened(timestamp)} is no timestamp of thirteen digits", [channel])
    signed = int(timestamp)
    good = sign(secret, channel, signed)
    if not isinstance(signature, str) or not hmac.compare_digest(signature.encode(errors="replace"), good.encode()):
        raise BadTicket(f"Incorrect signature: it is not that of {shortened(channel)} at {signed}", [channel])
    if signed / 1000 > now + SKEW:
        raise BadTicket("Incorrect signature: it is from the future; set the web server's clock", [channel])
    if expiration is not None and signed / 1000 < now - expiration:
        raise BadTicket("Signature has expired: load the page again for a new one", [channel])


# -- publishing


def holds_token(ext: Mapping[str, Any], secret: str) -> bool:
    """Whether an application of the gems' publishes, which sends the secret itself.

    Raises:
        Forbidden: something was sent for it that is not the secret.
    """
    token = _sent(ext, "token")
    if token is None:
        return False
    if not isinstance(token, str) or not hmac.compare_digest(token.encode(errors="replace"), secret.encode()):
        raise Forbidden("Incorrect token.")
    return True


def opened(data: Any, scripts: bool) -> tuple[str, str]:
    """(event, data as JSON) of what an application of the gems' publishes.

    Args:
        scripts: what pages are to run is let through.

    Raises:
        BadRequest: that is not what they publish.
        Forbidden: it is such a script.
    """
    if not isinstance(data, dict) or ("data" in data) == ("eval" in data):
        raise BadRequest("the data should be {channel, data} or {channel, eval}, as Private Pub sends it")
    if "data" in data:
        return MESSAGE, _encode(data["data"]).decode()
    if not scripts:
        raise Forbidden("scripts for pages to run are not switched on: publish data, and let the page do the rest")
    if not isinstance(data["eval"], str):
        raise BadRequest("eval should be a text")
    return SCRIPT, _encode(data["eval"]).decode()


def enveloped(path: str, told: Told, data: bytes) -> bytes:
    """What such a page is told: which channel it came on stands within, and a script apart from data.

    Args:
        data: the message's, as every Bayeux client gets it.
    """
    kind, content = (b"eval", told.data.encode()) if told.event == SCRIPT else (b"data", data)
    return b'{"channel":' + _encode(path) + b',"' + kind + b'":' + content + b"}"


def _sent(ext: Mapping[str, Any], what: str) -> Any:
    return next((ext[f"{prefix}_{what}"] for prefix in _PREFIXES if f"{prefix}_{what}" in ext), None)
