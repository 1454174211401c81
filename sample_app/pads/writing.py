"""An update's way in: checked, kept, and told to everybody who has the text open, in one transaction."""

from __future__ import annotations

import base64
from typing import Any, Final

from longpoll import Channel, Channels
from queueapi import Queue
from sample_app.db import Connection
from sample_app.pads import store, text
from sample_app.pads.job import CompactPad

LARGEST: Final = 256 * 1024  # bytes of one update: more than a whole text pasted at once
MOST: Final = 4 * 1024 * 1024  # bytes of all updates of a text: everything that was ever written in it
_INLINE: Final = 48 * 1024  # bytes that go with the message itself; what is larger is fetched
_MANY: Final = 100  # updates from which on they are merged: some minutes of two people's typing


class PadFull(ValueError):
    """The text takes no more: whoever wrote this should begin another."""


def pad_channel(channels: Channels, pad_id: int) -> Channel:
    """Where everything about a text is told: updates, comments, hints. Private: a page that shows it has the ticket."""
    return channels[f"private-pad-{pad_id}"]


def write(
    conn: Connection, channels: Channels, queue: Queue, pad_id: int, update: bytes, about: dict[str, Any]
) -> None:
    """Append an update. No lock and no version: the sum is the same in whatever order they come.

    Args:
        about: goes with the message: who wrote, and what the writing page needs to know its own again.

    Raises:
        UpdateRefused: it is no update.
        PadFull: there is no more room.
    """
    text.check(update)
    number, size = store.measure(conn, pad_id)
    if size + len(update) > MOST:
        raise PadFull(f"this text takes at most {MOST:,} bytes of changes, and has {size:,}: begin another one")
    store.add_update(conn, pad_id, update)
    encoded = base64.b64encode(update).decode() if len(update) <= _INLINE else None
    pad_channel(channels, pad_id).publish("update", {"update": encoded, **about}, conn=conn)
    if number >= _MANY:
        queue.push(CompactPad(pad_id), conn=conn)
