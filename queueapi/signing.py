"""Tickets: what a browser holds to see one thing, and nothing else.

A ticket is ``<purpose>.<name>.<expires>.<signature>``. The signature is HMAC-SHA256 over every field with its
length before it, so that no two different lists of fields are ever the same bytes: Private Pub's plain
concatenation signed ``/u/12`` and ``/u/1`` alike.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import time
from typing import Final, NamedTuple

from queueapi.errors import SettingsError, TicketRefused

# Less than the hash's own block of 32 bytes would make the secret, not SHA-256, the thing to guess.
MINIMUM_SECRET: Final = 32

_CENTURY: Final = 3_155_760_000  # seconds

_TICKET: Final = re.compile(r"([a-z]{1,16})\.([A-Za-z0-9_-]{1,340})\.([0-9]{1,12})\.([A-Za-z0-9_-]{43})", re.ASCII)


class Ticket(NamedTuple):
    """What a verified ticket names. ``expires`` is in seconds since 1970."""

    purpose: str
    name: str
    expires: int


class Signer:
    """Signs and verifies tickets with one secret, and verifies with older ones while they are being replaced.

    Args:
        secrets: the first signs; all verify. Text of at least 32 bytes each.

    Raises:
        SettingsError: no secret, or one that is too short.
    """

    def __init__(self, *secrets: str) -> None:
        self._keys = [secret.encode() for secret in secrets]
        if not self._keys:
            raise SettingsError(
                "QUEUEAPI_SECRET is not set, and tickets cannot be signed without it: "
                'set it to the output of  python -c "import secrets; print(secrets.token_urlsafe(32))"'
            )
        for key in self._keys:
            if len(key) < MINIMUM_SECRET:
                raise SettingsError(
                    f"QUEUEAPI_SECRET has {len(key)} bytes, and fewer than {MINIMUM_SECRET} can be guessed: "
                    'set it to the output of  python -c "import secrets; print(secrets.token_urlsafe(32))"'
                )

    def sign(self, purpose: str, name: str, expires_in: float) -> str:
        """A ticket for one thing, good for that many seconds from now.

        Raises:
            SettingsError: no ticket can be made of these.
        """
        if not -_CENTURY < expires_in < _CENTURY:
            raise SettingsError(f"expires={expires_in!r} must be a number of seconds, and less than a century")
        ticket = _ticket(self._keys[0], purpose, name, int(time.time() + expires_in))
        if not _TICKET.fullmatch(ticket):
            raise SettingsError(f"no ticket can be made for the {purpose} {name[:50]!r}: a name takes 1 to 255 bytes")
        return ticket

    def verify(self, text: str) -> Ticket:
        """What the ticket names.

        Raises:
            TicketRefused: malformed, signed otherwise, or expired.
        """
        parts = _TICKET.fullmatch(text)
        if not parts:
            raise TicketRefused("this is not a ticket: it has another form")
        purpose, coded, expires_text, _ = parts.groups()
        try:
            name = base64.urlsafe_b64decode(coded + "=" * (-len(coded) % 4)).decode()
        except ValueError:
            raise TicketRefused("this is not a ticket: its name cannot be read") from None
        expires = int(expires_text)
        # The whole text, so that there is one way only to write a ticket. Against every key, also after one that
        # fits: the time it takes tells nobody which that was.
        good = False
        for key in self._keys:
            good |= hmac.compare_digest(text, _ticket(key, purpose, name, expires))
        if not good:
            raise TicketRefused(
                "the ticket's signature is wrong: it was signed with another QUEUEAPI_SECRET, or altered"
            )
        if expires < time.time():
            raise TicketRefused("the ticket has expired: load the page again for a new one")
        return Ticket(purpose, name, expires)


def _ticket(key: bytes, purpose: str, name: str, expires: int) -> str:
    return f"{purpose}.{_coded(name.encode())}.{expires}.{_signature(key, purpose, name, expires)}"


def _signature(key: bytes, purpose: str, name: str, expires: int) -> str:
    message = bytearray(b"queueapi ticket 1")
    for kind, field in ((b"s", purpose.encode()), (b"s", name.encode()), (b"i", b"%d" % expires)):
        message += kind + len(field).to_bytes(4, "big") + field
    return _coded(hmac.new(key, bytes(message), hashlib.sha256).digest())


def _coded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
