"""Pusher's protocol, versions 5 to 7: what its clients say, over a websocket or in its place.

A frame is ``{"event": …, "channel": …, "data": …}``. Names of events that begin with ``pusher:`` are the protocol's.
What clients are told is in :mod:`longpoll.dialects.pusher_words`.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import msgspec

from longpoll.dialects.pusher_names import checked_user_id
from longpoll.errors import BadRequest
from longpoll.names import shortened

OLDEST, NEWEST = 5, 7  # the versions that are spoken
# Bytes of what is told of a member: everybody who joins is sent that of all.
MAX_INFO: Final = 2_048

# Close codes. 4000 to 4099: do not come back; 4100 to 4199: in a second; 4200 to 4299: at once.
UNKNOWN_APP: Final = 4001
BAD_VERSION: Final = 4006
OTHER_VERSION: Final = 4007
NO_VERSION: Final = 4008
NOT_WELCOME: Final = 4009
COME_BACK_LATER: Final = 4100
COME_BACK: Final = 4200
# Not a close code: why a client event was not passed on.
CLIENT_EVENT: Final = 4301


class Frame(NamedTuple):
    """What a client says. ``data`` is JSON."""

    event: str
    channel: str | None
    data: str


class Subscribe(msgspec.Struct):
    """The data of ``pusher:subscribe``, and of ``pusher:unsubscribe``."""

    channel: str
    auth: str | None = None
    channel_data: str | None = None


class SignIn(msgspec.Struct):
    """The data of ``pusher:signin``."""

    auth: str
    user_data: str


class Person(NamedTuple):
    """A member of a channel, or the user of a connection. ``info`` is JSON: what others are told."""

    id: str
    info: str | None


class Meta(msgspec.Struct):
    """What a message brings along beside its data. ``internal``: a server says it, about the channel."""

    sender: str | None = None
    user_id: str | None = None
    internal: bool = False


class _Frame(msgspec.Struct):
    event: str
    channel: str | None = None
    data: msgspec.Raw = msgspec.Raw(b"null")


class _Member(msgspec.Struct):
    user_id: str | int
    user_info: msgspec.Raw = msgspec.Raw(b"null")


class _User(msgspec.Struct):
    id: str
    user_info: msgspec.Raw = msgspec.Raw(b"null")


_decode = msgspec.json.Decoder().decode
_decode_frame = msgspec.json.Decoder(_Frame).decode
_decode_member = msgspec.json.Decoder(_Member).decode
_decode_user = msgspec.json.Decoder(_User).decode
_decode_meta = msgspec.json.Decoder(Meta).decode
_UNREADABLE: Final = (msgspec.DecodeError, RecursionError, ValueError)


def read_frame(text: str) -> Frame:
    """
    Raises:
        BadRequest: it is no frame.
    """
    try:
        found = _decode_frame(text)
    except _UNREADABLE as error:
        raise BadRequest(f'a frame should be {{"event": "…", "data": {{…}}}}: {str(error)[:200]}') from None
    return Frame(found.event, found.channel, bytes(found.data).decode())


def read_subscribe(data: str) -> Subscribe:
    """
    Raises:
        BadRequest: it is not of that form, or too long.
    """
    found: Subscribe = _read(data, Subscribe, '{"channel": "…", "auth": "…", "channel_data": "…"}')
    return found


def read_sign_in(data: str) -> SignIn:
    """
    Raises:
        BadRequest: it is not of that form.
    """
    found: SignIn = _read(data, SignIn, '{"auth": "…", "user_data": "…"}')
    return found


def read_member(channel_data: str) -> Person:
    """
    Raises:
        BadRequest: that is nobody.
    """
    try:
        found = _decode_member(channel_data)
    except _UNREADABLE as error:
        raise BadRequest(f'channel_data should be {{"user_id": "…", "user_info": {{…}}}}: {str(error)[:200]}') from None
    return Person(checked_user_id(found.user_id), _info(found.user_info))


def read_user(user_data: str) -> Person:
    """
    Raises:
        BadRequest: that is nobody.
    """
    try:
        found = _decode_user(user_data)
    except _UNREADABLE as error:
        raise BadRequest(f'user_data should be {{"id": "…", "user_info": {{…}}}}: {str(error)[:200]}') from None
    return Person(checked_user_id(found.id), _info(found.user_info))


def read_meta(meta: str) -> Meta:
    """Whoever wrote it: what cannot be read says nothing."""
    try:
        return _decode_meta(meta)
    except _UNREADABLE:
        return Meta()


def _read(data: str, what: Any, form: str) -> Any:
    try:
        inner = _decode(data)
        return msgspec.convert(_decode(inner) if isinstance(inner, str) else inner, what)
    except _UNREADABLE as error:
        raise BadRequest(f"its data should be {form}: {str(error)[:200]}") from None


def _info(raw: msgspec.Raw) -> str | None:
    text = bytes(raw).decode()
    if len(text) > MAX_INFO:
        raise BadRequest(f"user_info may have {MAX_INFO} bytes, and has {len(text)}: send what others need to see")
    return None if text == "null" else text


def version_refused(protocol: object) -> tuple[int, str] | None:
    """The close code and why, of a client that speaks another version; None if it does not."""
    if protocol is None or protocol == "":
        return NO_VERSION, "the address should say protocol=7"
    if not isinstance(protocol, str) or not (protocol.isascii() and protocol.isdecimal()) or len(protocol) > 3:
        return BAD_VERSION, f"protocol={shortened(protocol)} is no version: say protocol=7"
    if not OLDEST <= int(protocol) <= NEWEST:
        return OTHER_VERSION, f"protocol={protocol} is not spoken here: {OLDEST} to {NEWEST} are"
    return None
