"""What a session listens to, and from when on: what was published before is not for it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

from longpoll.cursor import Cursor, Snapshot, decode, encode
from longpoll.names import Channels
from longpoll.waiter import News


class Subscription(NamedTuple):
    """One of them. ``thing`` is a job, a batch below zero, or the key of channels; ``since`` is a cursor."""

    thing: int | str
    since: str | None = None


# By the channel as it was asked for.
Subscriptions = Mapping[str, Subscription]


def load(text: str) -> dict[str, Subscription]:
    """As they are in the table."""
    return {asked: Subscription._make(given) for asked, given in json.loads(text).items()}


def dump(subscriptions: Subscriptions) -> str:
    """As they are written there."""
    return json.dumps(subscriptions)


def channels_of(subscriptions: Subscriptions) -> Channels:
    """What to wait for."""
    things = [(subscription.thing, asked) for asked, subscription in subscriptions.items()]
    return Channels(
        tuple((thing, asked) for thing, asked in things if isinstance(thing, int)),
        tuple((thing, asked) for thing, asked in things if isinstance(thing, str)),
    )


def beginning(cursor: str, snapshot: str) -> str | None:
    """From when on somebody listens who has that cursor, and subscribes at that moment of the database."""
    known = decode(cursor)
    return None if known is None else encode(known.epoch, Snapshot.parse(snapshot), {})


class Beginnings:
    """1. leaves out of what came what a subscription is too young for; 2. forgets those that everything has come past.

    A session's cursor is that of all its channels, and may be half a minute old when another is added.
    """

    def __init__(self, subscriptions: Subscriptions) -> None:
        found = ((asked, decode(one.since or "")) for asked, one in subscriptions.items())
        self._by_asked: dict[str, Cursor] = {asked: since for asked, since in found if since is not None}

    def trim(self, news: News) -> News:
        """Without what is older than its subscription."""
        upto = decode(news.cursor) if self._by_asked and news.messages else None
        if upto is None:
            return news
        kept = []
        for told in news.messages:
            since = self._by_asked.get(told.channel)
            # Of another database, or another life of it, its transactions mean nothing.
            if not (told.xid and since and since.epoch == upto.epoch and since.snapshot.sees(told.xid)):
                kept.append(told)
        return news if len(kept) == len(news.messages) else replace(news, messages=kept)

    def pass_by(self, cursor: str) -> None:
        """All before that cursor has been received."""
        known = decode(cursor) if self._by_asked else None
        if known is not None:
            self._by_asked = {
                asked: since
                for asked, since in self._by_asked.items()
                if since.epoch == known.epoch and not known.snapshot.covers(since.snapshot)
            }
