"""Pusher's HTTP API: what its server libraries ask, and what they are answered."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

import msgspec

from longpoll.dialects.pusher_names import (
    checked_event,
    checked_socket_id,
    checked_target,
    is_cache,
    is_encrypted,
    is_presence,
)
from longpoll.dialects.pusher_words import as_json, as_text
from longpoll.errors import BadRequest, Refused
from queueapi.messages import NewMessage
from queueapi.presence import Crowd, Latest

MAX_CHANNELS: Final = 100  # of one event
MAX_BATCH: Final = 10
# Seconds for which a cache channel remembers.
CACHE_AGE: Final = 1_800.0

USERS, CONNECTIONS, CACHE = "user_count", "subscription_count", "cache"
_ATTRIBUTES: Final = (USERS, CONNECTIONS, CACHE)


class TooLarge(Refused):
    """More data than a message may have."""

    status = 413
    code = "too_large"


class Trigger(NamedTuple):
    """An event to be published on some channels, and what its sender wants to know of them.

    Attributes:
        channels: as the sender calls them; the messages are for those of the same place.
    """

    channels: list[str]
    messages: list[NewMessage]
    info: frozenset[str]


class _Event(msgspec.Struct):
    name: str
    data: msgspec.Raw
    channel: str | None = None
    channels: list[str] | None = None
    socket_id: str | None = None
    info: str | None = None


class _Batch(msgspec.Struct):
    batch: list[_Event]


_decode_event = msgspec.json.Decoder(_Event).decode
_decode_batch = msgspec.json.Decoder(_Batch).decode
_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode


# -- publishing


def read_event(body: bytes, max_data: int) -> Trigger:
    """
    Raises:
        BadRequest, BadChannel, TooLarge: it cannot be published.
    """
    found = _read(_decode_event, body, '{"name": "…", "channels": ["…"], "data": "…"}')
    channels = found.channels if found.channels is not None else [found.channel] if found.channel is not None else []
    return _trigger(found, channels, max_data)


def read_batch(body: bytes, max_data: int) -> list[Trigger]:
    """
    Raises:
        BadRequest, BadChannel, TooLarge: one of them cannot be published; then none is.
    """
    found = _read(_decode_batch, body, '{"batch": [{"channel": "…", "name": "…", "data": "…"}, …]}')
    if not 0 < len(found.batch) <= MAX_BATCH:
        raise BadRequest(f"a batch has 1 to {MAX_BATCH} events, not {len(found.batch)}")
    return [_trigger(one, [] if one.channel is None else [one.channel], max_data) for one in found.batch]


def _trigger(event: _Event, channels: Iterable[str], max_data: int) -> Trigger:
    names = list(dict.fromkeys(channels))
    if not 0 < len(names) <= MAX_CHANNELS:
        raise BadRequest(f"an event is for 1 to {MAX_CHANNELS} channels, not for {len(names)}")
    if len(names) > 1 and any(is_encrypted(name) for name in names):
        raise BadRequest("an event for an encrypted channel is for that one alone: each has a key of its own")
    name = checked_event(event.name)
    raw = bytes(event.data).decode()
    data = as_json(_decode(raw)) if raw.startswith('"') else raw
    if (size := len(data.encode())) > max_data:
        raise TooLarge(f"the data of {name!r} has {size} bytes, and may have {max_data}: store it, and send its id")
    sender = None if event.socket_id is None else checked_socket_id(event.socket_id)
    meta = None if sender is None else _encode({"sender": sender}).decode()
    messages = [NewMessage(checked_target(channel), name, data, meta) for channel in names]
    return Trigger(names, messages, read_info(event.info))


def _read(decode: Any, body: bytes, form: str) -> Any:
    try:
        return decode(body)
    except (msgspec.DecodeError, RecursionError, ValueError) as error:
        raise BadRequest(f"the body should be {form}: {str(error)[:200]}") from None


# -- asking about channels


def read_info(info: str | None) -> frozenset[str]:
    """The attributes that somebody asks for, with commas between them.

    Raises:
        BadRequest: one of them is none.
    """
    asked = frozenset(word.strip() for word in (info or "").split(",") if word.strip())
    if unknown := sorted(asked.difference(_ATTRIBUTES)):
        raise BadRequest(f"info={unknown[0][:50]!r} is no attribute: ask for {', '.join(_ATTRIBUTES)}")
    return asked


def check_info(info: frozenset[str], names: Iterable[str]) -> None:
    """
    Raises:
        BadRequest: one of the channels cannot have one of those attributes.
    """
    for name in names:
        if USERS in info and not is_presence(name):
            raise BadRequest(f"info={USERS} is for presence channels, whose names begin with presence-")
        if CACHE in info and not is_cache(name):
            raise BadRequest(f"info={CACHE} is for cache channels, whose names begin with cache- or private-cache-")


def attributes(info: frozenset[str], crowd: Crowd, latest: Latest | None = None) -> dict[str, object]:
    """Of one channel, what was asked for."""
    found: dict[str, object] = {}
    if USERS in info:
        found[USERS] = crowd.users
    if CONNECTIONS in info:
        found[CONNECTIONS] = crowd.connections
    if CACHE in info:
        found[CACHE] = None if latest is None else _cached(latest)
    return found


def _cached(latest: Latest) -> dict[str, object]:
    return {"data": as_text(latest.message.data), "ttl": max(0, round(CACHE_AGE - latest.age))}


def write(answer: Mapping[str, object]) -> bytes:
    """An answer: libraries take none without JSON for one."""
    return _encode(answer)
