"""The last messages of channels, without waiting: GET /history?channel=news&count=20&age=3600."""

from __future__ import annotations

from typing import Any, TypeVar

import falcon

from longpoll import past
from longpoll.dialects import native
from longpoll.endpoints.requests import callback_of
from longpoll.errors import BadChannel, BadRequest
from longpoll.names import Channels, is_pattern, shortened
from longpoll.services import Services
from longpoll.transports import jsonp
from longpoll.waiter import News, Told
from queueapi.messages import Message

# As many as one poll can ask for, whose cursor this is.
MAX_CHANNELS = native.MAX_CHANNELS

N = TypeVar("N", int, float)


class History:
    """GET /history: what a page that is opened late shows first. The reply has the form of a poll's, and its cursor is
    the one to poll with: then nothing is missing in between, and nothing comes twice."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        callback = callback_of(req, resp)
        asked = _names(req.params.get("channel"))
        count, age = _number(req, "count", int), _number(req, "age", float)
        channels = self._services.door.listen(self._services.visitor(req, "native"), asked)
        names = _only_channels(channels)
        found, cursor = past.read(self._services.runtime, list(names), count, age)
        told = [_told(message, asked) for message, _ in found for asked in names[message.channel]]
        body = native.write_news(News(told, cursor, False))
        resp.data = body if callback is None else jsonp.wrap(callback, body)


def _names(asked: Any) -> list[str]:
    names = asked if isinstance(asked, list) else [asked]
    if not all(isinstance(name, str) and len(name) <= native.MAX_TICKET for name in names):
        raise BadRequest("the query should have channel=, once for each channel: its name, or a ticket for it")
    if len(names) > MAX_CHANNELS:
        raise BadRequest(f"a request is for 1 to {MAX_CHANNELS} channels, not for {len(names)}")
    return names


def _number(req: falcon.Request, name: str, kind: type[N]) -> N | None:
    text = req.params.get(name)
    if text is None:
        return None
    try:
        number = kind(text) if isinstance(text, str) else kind(-1)
    except ValueError:
        number = kind(-1)
    if not 0 <= number < 2**31:
        raise BadRequest(f"{name} should be a number, given once and not below zero, not {shortened(text)}")
    if name == "age" and not number:
        raise BadRequest("age should be a number of seconds above zero")
    return number


def _only_channels(channels: Channels) -> dict[str, list[str]]:
    """Each channel's name in the log, and the texts that asked for it."""
    names: dict[str, list[str]] = {}
    for _, asked in channels.jobs:
        raise BadChannel(f"{shortened(asked)} is for a job: the first poll tells its state", [asked])
    for key, asked in channels.logs:
        if is_pattern(key):
            raise BadChannel(f"{shortened(asked)} is a pattern, and only channels have a history", [asked])
        names.setdefault(key, []).append(asked)
    return names


def _told(message: Message, asked: str) -> Told:
    return Told(asked, message.event, message.data, str(message.id), message.channel, message.meta)
