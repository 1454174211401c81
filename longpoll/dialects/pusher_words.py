"""What clients of Pusher's protocol are told. What they say is in :mod:`longpoll.dialects.pusher`.

Data that servers send is JSON in a text, which clients read once more; what cannot be read so is a text as it is.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Final

import msgspec

from longpoll.dialects.pusher import Person

# Seconds of silence after which a client asks whether we are still there.
ACTIVITY_TIMEOUT: Final = 120
SUCCEEDED: Final = "pusher_internal:subscription_succeeded"

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


# -- data: JSON in the log, a text on the wire


def as_json(text: str) -> str:
    """A message's data for the log: the JSON that it is, or a text that is none, as JSON."""
    return text if _is_json(text) else _encode(text).decode()


def as_text(json: str) -> str:
    """The same back."""
    if json.startswith('"'):
        text = _decode(json)
        if isinstance(text, str) and not _is_json(text):
            return text
    return json


def _is_json(text: str) -> bool:
    try:
        _decode(text)
    except (msgspec.DecodeError, RecursionError, ValueError):
        return False
    return True


# -- what clients are told


def word(event: str, channel: str, data: str, user_id: str | None = None) -> str:
    """A message; the same for all who are told it, and so worded once. ``data`` is JSON."""
    return (
        _word_short(event, channel, data, user_id) if len(data) < 4_096 else _word_long(event, channel, data, user_id)
    )


def _word(event: str, channel: str, data: str, user_id: str | None) -> str:
    frame: dict[str, object] = {"event": event, "channel": channel, "data": as_text(data)}
    if user_id is not None:
        frame["user_id"] = user_id
    return _encode(frame).decode()


_word_short = lru_cache(maxsize=64)(_word)
_word_long = lru_cache(maxsize=4)(_word)


def established(socket_id: str) -> str:
    """The first that a client is told."""
    return _about("pusher:connection_established", {"socket_id": socket_id, "activity_timeout": ACTIVITY_TIMEOUT}, None)


def pong() -> str:
    """The answer to ``pusher:ping``."""
    return '{"event":"pusher:pong","data":{}}'


def succeeded(channel: str, members: str | None = None) -> str:
    """A subscription begins; in a presence channel with :func:`members_of`."""
    return _encode({"event": SUCCEEDED, "channel": channel, "data": members or "{}"}).decode()


def members_of(roll: Iterable[tuple[str, str | None]]) -> str:
    """All members, as :func:`succeeded` tells them. Once for all who come together."""
    members = {user_id: msgspec.Raw((info or "null").encode()) for user_id, info in roll}
    return _encode({"presence": {"ids": list(members), "hash": members, "count": len(members)}}).decode()


def member(person: Person) -> str:
    """A member who comes or goes, as the log has it."""
    return _encode({"user_id": person.id, "user_info": msgspec.Raw((person.info or "null").encode())}).decode()


def cache_miss(channel: str) -> str:
    """Nothing was said of late in a cache channel."""
    return word("pusher:cache_miss", channel, "{}")


def signed_in(user_data: str) -> str:
    """The connection is that user's."""
    return _about("pusher:signin_success", {"user_data": user_data}, None)


def refused(channel: str, kind: str, sentence: str, status: int) -> str:
    """A subscription does not begin."""
    return _about("pusher:subscription_error", {"type": kind, "error": sentence, "status": status}, channel)


def error(code: int | None, sentence: str) -> str:
    """Something else does not."""
    return _encode({"event": "pusher:error", "data": {"code": code, "message": sentence}}).decode()


def _about(event: str, data: object, channel: str | None) -> str:
    frame: dict[str, object] = {"event": event, "data": _encode(data).decode()}
    return _encode(frame if channel is None else {**frame, "channel": channel}).decode()
