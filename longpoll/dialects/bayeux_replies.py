"""Bayeux, as Faye's and CometD's clients understand it: how messages are answered, and what came on channels.

What came is ``{"channel": "/news", "data": ...}`` and follows the answer to a ``/meta/connect``. It bears no id, which
an old client of Faye's would take for its own, and no clientId, which is nobody else's business.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, Final

import msgspec

from longpoll.dialects import private_pub
from longpoll.dialects.bayeux import Message, Wrong
from longpoll.names import path_of
from longpoll.waiter import News, Told

VERSION: Final = "1.0"
# Messages may be missing: the cursor could not be honoured, or there is no such session any more.
RESET: Final = {"longpoll": {"reset": True}}

_encode = msgspec.json.Encoder().encode


def answer(message: Message, **more: object) -> dict[str, Any]:
    """It is done."""
    told = _reply(message, True)
    told.update(more)
    return told


def refusal(message: Message, wrong: Wrong, **more: object) -> dict[str, Any]:
    """It is not."""
    told = _reply(message, False) | {"error": wrong.error} | more
    if "subscription" in message.fields:
        told["subscription"] = message.fields["subscription"]
    if wrong.refused is not None:  # a sentence for people, where errors have only a code
        told["ext"] = {"longpoll": {"code": wrong.refused.code, "message": str(wrong.refused)}}
    return told


def _reply(message: Message, successful: bool) -> dict[str, Any]:
    told: dict[str, Any] = {"channel": message.channel, "successful": successful}
    for name, given in (("id", message.fields.get("id")), ("clientId", message.client)):
        if given:
            told[name] = given
    return told


@lru_cache(maxsize=16)
def advice(hold: float, reconnect: str = "retry", interval: float = 0.0) -> Mapping[str, Any]:
    """How to go on: whole each time, since CometD's clients forget what the last one said. In seconds."""
    return {"reconnect": reconnect, "interval": round(interval * 1000), "timeout": round(hold * 1000)}


def events(news: News) -> list[msgspec.Raw]:
    """What came, each message once, however many of the client's subscriptions it matches."""
    told: list[msgspec.Raw] = []
    seen: set[tuple[str, str]] = set()
    for one in news.messages:
        asked = one.channel.removesuffix(private_pub.MARK)
        path = path_of(one.name) if one.name else asked
        if path is not None and (path, one.id) not in seen:
            seen.add((path, one.id))
            told.append(_event(path, one, enveloped=asked != one.channel))
    return told


@lru_cache(maxsize=16)  # of a megabyte each, perhaps; thousands are told the same one after another
def _event(path: str, told: Told, enveloped: bool) -> msgspec.Raw:
    data = told.data.encode()
    if told.event != "message":
        data = b'{"event":' + _encode(told.event) + b',"data":' + data + b"}"
    if enveloped:
        data = private_pub.enveloped(path, told, data)
    return msgspec.Raw(b'{"channel":' + _encode(path) + b',"data":' + data + b"}")


def write(told: Iterable[object]) -> bytes:
    """The messages as they are sent."""
    return _encode(told)
