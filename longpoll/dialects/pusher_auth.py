"""Pusher's signatures: HMAC-SHA256 in lower-case hexadecimal digits, by the application's secret.

Of a subscription the application signs ``socket_id:channel``, of a member ``socket_id:channel:channel_data``, of a user
``socket_id::user::user_data``; of a request, method, path and query in lines; of a webhook, its body. The fields of the
first are told apart by what they may hold: no socket id and no channel's name has a colon.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qsl

from longpoll.errors import BadRequest, Refused

# Seconds that a request's time may be off. Within them a request can be sent again by whoever has seen it: the protocol
# has nothing against that but TLS.
TOLERANCE: Final = 600
_MOST_FIELDS: Final = 100
_SECONDS: Final = re.compile(r"[0-9]{1,12}", re.ASCII)


class BadSignature(Refused, PermissionError):
    """What should be signed by the application is not, or not any more."""

    status = 401
    code = "bad_signature"


class Keys:
    """An application's key, which everybody knows, and its secret.

    1. signs; 2. verifies, in a time that does not tell where a signature is wrong.
    """

    def __init__(self, key: str, secret: str) -> None:
        self.key = key
        self._secret = secret.encode()

    # -- 1. signing

    def channel(self, socket_id: str, channel: str, channel_data: str | None = None) -> str:
        """What lets a connection subscribe to a channel; as a member, if there is data."""
        return f"{self.key}:{self._sign(_channel(socket_id, channel, channel_data))}"

    def user(self, socket_id: str, user_data: str) -> str:
        """What signs a connection in as a user."""
        return f"{self.key}:{self._sign(_user(socket_id, user_data))}"

    def body(self, body: bytes) -> str:
        """What shows where a webhook comes from."""
        return hmac.new(self._secret, body, hashlib.sha256).hexdigest()

    # -- 2. verifying

    def allows_channel(self, auth: str, socket_id: str, channel: str, channel_data: str | None = None) -> bool:
        """Whether that is :meth:`channel`'s."""
        return _same(auth, self.channel(socket_id, channel, channel_data))

    def allows_user(self, auth: str, socket_id: str, user_data: str) -> bool:
        """Whether that is :meth:`user`'s."""
        return _same(auth, self.user(socket_id, user_data))

    def check_request(self, method: str, path: str, query: str, body: bytes, now: float) -> dict[str, str]:
        """The query of a request that is signed; what belongs to the signature is left out.

        Args:
            path: decoded.
            query: as it came.
            now: seconds since 1970.

        Raises:
            BadSignature, BadRequest: it is not.
        """
        fields = _fields(query)
        if fields.get("auth_version") != "1.0":
            raise BadSignature("auth_version should be 1.0")
        if not _same(fields.get("auth_key", ""), self.key):
            raise BadSignature("auth_key is not this application's: it should be that of LONGPOLL_PUSHER_KEY")
        signed = "\n".join((method, path, _canonical(fields)))
        if not _same(fields.get("auth_signature", ""), self._sign(signed)):
            raise BadSignature(
                "auth_signature is wrong: the request should be signed by LONGPOLL_PUSHER_SECRET, over these lines: "
                f"{signed[:1000]!r}"
            )
        if (body or "body_md5" in fields) and not _same(fields.get("body_md5", ""), _md5(body)):
            raise BadSignature("body_md5 should be the MD5 of the body, in lower-case hexadecimal digits")
        sent = fields.get("auth_timestamp", "")
        if not _SECONDS.fullmatch(sent) or abs(now - int(sent)) > TOLERANCE:
            raise BadSignature(
                f"auth_timestamp is {sent[:20]!r}, and should be within {TOLERANCE} s of {now:.0f}: set the clock"
            )
        return {name: value for name, value in fields.items() if not name.startswith("auth_") and name != "body_md5"}

    def _sign(self, text: str) -> str:
        return self.body(text.encode("utf-8", "surrogatepass"))


def shared_secret(channel: str, master_key: bytes) -> str:
    """The key of an encrypted channel, for those who may subscribe; servers have the master key alone."""
    return base64.b64encode(hashlib.sha256(channel.encode() + master_key).digest()).decode()


def _channel(socket_id: str, channel: str, channel_data: str | None) -> str:
    return f"{socket_id}:{channel}" if channel_data is None else f"{socket_id}:{channel}:{channel_data}"


def _user(socket_id: str, user_data: str) -> str:
    return f"{socket_id}::user::{user_data}"


def _fields(query: str) -> dict[str, str]:
    try:
        pairs = parse_qsl(query, keep_blank_values=True, errors="strict", max_num_fields=_MOST_FIELDS)
    except ValueError:
        raise BadRequest(f"the query should be UTF-8, and have {_MOST_FIELDS} fields at most") from None
    fields = {name.lower(): value for name, value in pairs}
    if len(fields) < len(pairs):  # which of two were signed, and which read?
        raise BadRequest("each field of the query should be given once")
    return fields


def _canonical(fields: Mapping[str, str]) -> str:
    return "&".join(f"{name}={value}" for name, value in sorted(fields.items()) if name != "auth_signature")


def _md5(body: bytes) -> str:
    return hashlib.md5(body, usedforsecurity=False).hexdigest()


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode("utf-8", "surrogatepass"), other.encode("utf-8", "surrogatepass"))
