"""Channel names, and who may have them.

A job's channel goes by its ticket alone; so does that of a batch, which is a job's in all but what stands behind it:
its id has a minus before it. A message channel goes by its name if it is public, and by a ticket that names it if it
begins with ``private-`` or ``presence-`` (Pusher's convention, which people know).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final, NamedTuple

from longpoll.errors import BadChannel, BadTicket
from queueapi import tickets
from queueapi.errors import TicketRefused
from queueapi.signing import Signer

# Pusher's characters, and the slashes and colons of Bayeux and of routes.
_NAME: Final = re.compile(r"[A-Za-z0-9_\-=@,.;:/]{1,200}", re.ASCII)
_PRIVATE: Final = ("private-", "presence-")
# What tickets begin with: a ticket cut in half must be refused, not taken for the name of a silent channel.
JOB, BATCH, CHANNEL = "job", "batch", "channel"
_TICKETS: Final = (f"{JOB}.", f"{BATCH}.", f"{CHANNEL}.")
_ID: Final = re.compile(r"[0-9]{1,19}", re.ASCII)
_LARGEST_ID: Final = 2**63 - 1  # what PostgreSQL would refuse must not reach the one statement that reads for all


class Channels(NamedTuple):
    """What one request asks for: pairs of the thing and the text that asked for it, which replies repeat. A job that is
    below zero is a batch."""

    jobs: tuple[tuple[int, str], ...]
    logs: tuple[tuple[str, str], ...]


def checked_channel(name: object) -> str:
    """The name, if a message channel can have it.

    Raises:
        BadChannel: it is empty, too long, has other characters, or looks like a ticket.
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name) or name.startswith(_TICKETS):
        raise BadChannel(
            f"{shortened(name)} cannot be the name of a channel: use 1 to 200 letters, digits and _ - = @ , . ; : / "
            f"and begin otherwise than with {' or '.join(_TICKETS)}",
            [name] if isinstance(name, str) else [],
        )
    return name


def is_private(channel: str) -> bool:
    """Whether it takes a ticket to listen to that channel."""
    return channel.startswith(_PRIVATE)


def resolve(asked: Iterable[str], signer: Signer) -> Channels:
    """What the tickets and names stand for.

    Raises:
        BadTicket, BadChannel: some are refused; the error names all of the first kind that was met.
    """
    jobs: list[tuple[int, str]] = []
    logs: list[tuple[str, str]] = []
    refused: list[tuple[str, BadTicket | BadChannel]] = []
    for text in dict.fromkeys(asked):
        try:
            thing = _one(text, signer)
        except (BadTicket, BadChannel) as error:
            refused.append((text, error))
            continue
        if isinstance(thing, int):
            jobs.append((thing, text))
        else:
            logs.append((thing, text))
    if refused:
        first = refused[0][1]
        raise type(first)(str(first), [text for text, error in refused if type(error) is type(first)])
    return Channels(tuple(jobs), tuple(logs))


def _one(text: str, signer: Signer) -> int | str:
    if not text.startswith(_TICKETS):
        if is_private(text):
            raise BadTicket(
                f"the channel {shortened(text)} takes a ticket: subscribe with channels[{shortened(text)}].ticket()"
            )
        return checked_channel(text)
    try:
        ticket = signer.verify(text)
    except TicketRefused as error:
        raise BadTicket(str(error)) from error
    if ticket.purpose == CHANNEL:
        return checked_channel(ticket.name)
    if ticket.purpose == BATCH:
        return -_batch_id(ticket.name)
    try:
        return tickets.parsed(ticket.name).id
    except TicketRefused as error:
        raise BadTicket(str(error)) from error


def _batch_id(name: str) -> int:
    if not _ID.fullmatch(name) or int(name) > _LARGEST_ID:
        raise BadTicket(f"the ticket is for the batch {shortened(name)}, and no batch can have that id")
    return int(name)


def shortened(name: object) -> str:
    """What somebody gave for a name, as a sentence can show it."""
    text = repr(name)
    return text if len(text) <= 80 else f"{text[:60]}…{text[-1]}"
