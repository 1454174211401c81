"""Channel names, and who may have them.

A channel has one name in the log, whoever publishes and whoever listens. A name that begins with a slash is a path, as
in Bayeux, and the same channel as that name without the first slash and with dots for the others: ``/messages/new``
is ``messages.new``. A dash would read as well and not do: ``/user/1-2`` and ``/user/1/2`` would be one channel, and a
ticket for either would open both.

A job's channel goes by its ticket alone; so does that of a batch, which is a job's in all but what stands behind it:
its id has a minus before it. A message channel goes by its name if it is public, and by a ticket that names it if it
begins with ``private-`` or ``presence-`` (Pusher's convention, which people know). ``/news/*`` listens to all that are
one level below, ``/news/**`` to all below at any depth; to private ones only if it begins as they do.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Final, NamedTuple

from longpoll.errors import BadChannel, BadTicket, Forbidden, Refused
from queueapi import tickets
from queueapi.errors import TicketRefused
from queueapi.signing import Signer

# What Pusher allows and what Bayeux allows, and the slashes and colons of routes.
_NAME: Final = re.compile(r"[A-Za-z0-9_\-=@,.;:/!~()$]{1,200}", re.ASCII)
_PATH: Final = re.compile(r"(?=.{2,201}\Z)(?:/[A-Za-z0-9_\-!~()$@]+)+", re.ASCII)
_PATTERN: Final = re.compile(r"(?=.{2,201}\Z)(?:/[A-Za-z0-9_\-!~()$@]+)*/\*\*?", re.ASCII)
_PRIVATE: Final = ("private-", "presence-")
# What the servers say to one another. No client subscribes to it, or publishes there.
RESERVED: Final = "longpoll:"
# What tickets begin with: a ticket cut in half must be refused, not taken for the name of a silent channel.
JOB, BATCH, CHANNEL = "job", "batch", "channel"
_TICKETS: Final = (f"{JOB}.", f"{BATCH}.", f"{CHANNEL}.")
_ID: Final = re.compile(r"[0-9]{1,19}", re.ASCII)
_LARGEST_ID: Final = 2**63 - 1  # what PostgreSQL would refuse must not reach the one statement that reads for all
# The channels of jobs and batches in dialects whose clients subscribe by name.
_STATES: Final = {"jobs.": 1, "private-job-": 1, "batches.": -1, "private-batch-": -1}

# A job, a batch below zero, or a key -> whether the application lets somebody have it; None: it does not say.
Allowed = Callable[[int | str], bool | None]
# A key -> whether it takes a ticket to listen to it.
Private = Callable[[str], bool]


class Channels(NamedTuple):
    """What one request asks for: pairs of the thing and the text that asked for it, which replies repeat. A job that is
    below zero is a batch; a log is a channel's name or a pattern, see :func:`keys`."""

    jobs: tuple[tuple[int, str], ...]
    logs: tuple[tuple[str, str], ...]


def checked_channel(name: object) -> str:
    """The channel's name in the log: of a path, the flat name that it stands for.

    Raises:
        BadChannel: it is empty, too long, has other characters, looks like a ticket, or is a job's or the servers' own.
    """
    if isinstance(name, str) and _PATH.fullmatch(name):
        flat = name[1:].replace("/", ".")
    elif isinstance(name, str) and _NAME.fullmatch(name) and not name.startswith((*_TICKETS, "/")):
        flat = name
    else:
        raise BadChannel(
            f"{shortened(name)} cannot be the name of a channel: use 1 to 200 letters, digits and _-=@,.;:!~()$ "
            f"or a path such as /news/local, and begin otherwise than with {' or '.join(_TICKETS)}",
            [name] if isinstance(name, str) else [],
        )
    if flat.startswith(RESERVED) or state_of(flat) is not None:
        whose = "the servers' own" if flat.startswith(RESERVED) else "that of a job's state, which goes by its ticket"
        raise BadChannel(f"{shortened(name)} cannot be the name of a channel: it is {whose}", [name])
    return flat


@lru_cache(maxsize=10_000)
def checked_pattern(name: str) -> str:
    """The key of what may be a pattern: of ``/news/*`` it is ``news.*``, of a channel its name in the log.

    Raises:
        BadChannel: neither a pattern nor a channel has that name.
    """
    return name[1:].replace("/", ".") if _PATTERN.fullmatch(name) else checked_channel(name)


@lru_cache(maxsize=10_000)
def keys(channel: str) -> tuple[str, ...]:
    """What one can listen to so as to hear that channel: its own name, and the patterns that match it."""
    if channel.startswith(RESERVED):
        return (channel,)
    parts = channel.split(".")
    above = [".".join(parts[:depth]) + "." if depth else "" for depth in range(len(parts))]
    if is_private(channel):  # a pattern that does not say "private-" must not bring what does
        above = above[1:]
    direct = [f"{above[-1]}*"] if above else []
    return (channel, *direct, *(f"{prefix}**" for prefix in above))


def is_pattern(key: str) -> bool:
    """Whether that key is a pattern's."""
    return key.endswith("*")


def is_private(channel: str) -> bool:
    """Whether it takes a ticket to listen to that channel or pattern, by its name."""
    return channel.startswith(_PRIVATE)


def meets(key: str, other: str) -> bool:
    """Whether there can be a channel that both of these bring: channels' names, or patterns' keys."""
    if not (is_pattern(key) and is_pattern(other)):
        return key in keys(other) or other in keys(key)
    prefix, beside = key.rstrip("*"), other.rstrip("*")
    if key.endswith("**"):
        return beside.startswith(prefix) or (other.endswith("**") and prefix.startswith(beside))
    return prefix.startswith(beside) if other.endswith("**") else prefix == beside


def looks_like_ticket(text: str) -> bool:
    """Whether it begins as tickets do."""
    return text.startswith(_TICKETS)


def path_of(channel: str) -> str | None:
    """The channel's name in Bayeux; None if it can have none there."""
    path = "/" + channel.replace(".", "/")
    return path if _PATH.fullmatch(path) else None


def state_of(channel: str) -> int | None:
    """The job whose state that channel is, or the batch, below zero; None if it is a channel of messages."""
    for prefix, sign in _STATES.items():
        rest = channel.removeprefix(prefix)
        if rest != channel and _ID.fullmatch(rest) and int(rest) <= _LARGEST_ID:
            return sign * int(rest)
    return None


def resolve(
    asked: Iterable[str], signer: Signer, allowed: Allowed = lambda thing: None, private: Private = is_private
) -> Channels:
    """What the tickets and names stand for.

    Args:
        allowed: True where no ticket is needed, False where none helps; None: the rules above hold.
        private: where one is needed.

    Raises:
        BadTicket, BadChannel, Forbidden: some are refused; the error names all of the first kind that was met.
    """
    jobs: list[tuple[int, str]] = []
    logs: list[tuple[str, str]] = []
    refused: list[tuple[str, Refused]] = []
    for text in dict.fromkeys(asked):
        try:
            thing = _one(text, signer, allowed, private)
        except (BadTicket, BadChannel, Forbidden) as error:
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


def named(
    name: str, ticket: str | None, signer: Signer, allowed: Allowed, private: Private = is_private
) -> int | str:
    """What a client may listen to that asks for it by name: a job, a batch (below zero), or a key of channels.

    Args:
        ticket: what it brought along; it must be for that very thing.

    Raises:
        BadTicket, BadChannel, Forbidden: it may not.
    """
    flat = name[1:].replace("/", ".") if name.startswith("/") else name
    state = state_of(flat)
    thing: int | str = checked_pattern(name) if state is None else state
    verdict = allowed(thing)
    if verdict is False:
        raise Forbidden(f"nobody may listen to {shortened(name)} but whom the application lets", [name])
    if verdict:
        return thing
    if ticket is not None and opened(ticket, signer) != thing:
        raise BadTicket(f"the ticket is for something else than {shortened(name)}", [name])
    if ticket is None and (isinstance(thing, int) or private(thing)):
        raise BadTicket(f"{shortened(name)} takes a ticket that names it, and none was sent", [name])
    return thing


def opened(ticket: str, signer: Signer) -> int | str:
    """What a ticket is for: a job, a batch (below zero), or the key of a channel or pattern.

    Raises:
        BadTicket: it is none, it is signed otherwise, or its time is over.
        BadChannel: nothing can have the name that it is for.
    """
    try:
        found = signer.verify(ticket)
        if found.purpose == JOB:
            return tickets.parsed(found.name).id
    except TicketRefused as error:
        raise BadTicket(str(error), [ticket]) from error
    if found.purpose == BATCH:
        return -_batch_id(found.name)
    if found.purpose == CHANNEL:
        # By its path, if it has one: as a path, /job/x is a channel's name, and job.x looks like a ticket.
        return found.name if is_pattern(found.name) else checked_channel(path_of(found.name) or found.name)
    raise BadTicket(f"a ticket for a {shortened(found.purpose)} opens no channel", [ticket])


def _one(text: str, signer: Signer, allowed: Allowed, private: Private) -> int | str:
    has_ticket = looks_like_ticket(text)
    thing = opened(text, signer) if has_ticket else checked_pattern(text)
    verdict = allowed(thing)
    if verdict is False:
        raise Forbidden(f"nobody may listen to {shortened(text)} but whom the application lets")
    if verdict is None and not has_ticket and isinstance(thing, str) and private(thing):
        raise BadTicket(
            f"the channel {shortened(text)} takes a ticket: subscribe with channels[{shortened(text)}].ticket()"
        )
    return thing


def _batch_id(name: str) -> int:
    if not _ID.fullmatch(name) or int(name) > _LARGEST_ID:
        raise BadTicket(f"the ticket is for the batch {shortened(name)}, and no batch can have that id")
    return int(name)


def shortened(name: object) -> str:
    """What somebody gave for a name, as a sentence can show it."""
    text = repr(name)
    return text if len(text) <= 80 else f"{text[:60]}…{text[-1]}"
