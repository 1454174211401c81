"""What Pusher's protocol calls things: channels and what their names say of them, connections, users."""

from __future__ import annotations

import re
from typing import Final

from longpoll.errors import BadChannel, BadRequest
from longpoll.names import RESERVED, checked_channel, shortened, state_of

PRESENCE: Final = "presence-"
PRIVATE: Final = "private-"
ENCRYPTED: Final = "private-encrypted-"
# What clients call the channel of their own user.
TO_USER: Final = "#server-to-user-"
# Events whose names begin so come from clients.
CLIENT: Final = "client-"

_CHANNEL: Final = re.compile(r"[-a-zA-Z0-9_=@,.;]{1,200}", re.ASCII)
_CACHE: Final = re.compile(r"(?:private-|private-encrypted-|presence-)?cache-")
_SOCKET_ID: Final = re.compile(r"[0-9]{1,20}\.[0-9]{1,20}", re.ASCII)
# Ids are the application's own, and have whatever characters it likes; with what stands before them in the log they are
# as long as a channel's name may be.
_USER_ID: Final = re.compile("[^\0-\x1f\x7f\ud800-\udfff]{1,180}")
# The protocol's own; and in the log, what only one connection or one user's connections hear.
_EVENT: Final = re.compile("(?!pusher:|pusher_internal:)[^\0\ud800-\udfff]{1,200}")
_USERS: Final = f"{RESERVED}user:"
_FALLBACKS: Final = f"{RESERVED}fallback:"


def checked_name(name: object) -> str:
    """A channel's name, which is its name in the log as well.

    Raises:
        BadChannel: it is none of Pusher's, or not to be had.
    """
    if not isinstance(name, str) or not _CHANNEL.fullmatch(name):
        raise BadChannel(
            f"{shortened(name)} cannot be the name of a channel: use 1 to 200 letters, digits and _-=@,.;",
            [name] if isinstance(name, str) else [],
        )
    return name if state_of(name) is not None else checked_channel(name)


def checked_target(name: object) -> str:
    """The channel in the log that somebody publishes on by that name: a channel, or a user's connections.

    Raises:
        BadChannel: it is neither.
    """
    if isinstance(name, str) and name.startswith(TO_USER):
        user_id = name.removeprefix(TO_USER)
        if not _USER_ID.fullmatch(user_id):
            raise BadChannel(f"{shortened(name)} is no user's channel: an id has 1 to 180 characters", [name])
        return user_channel(user_id)
    return checked_channel(checked_name(name))


def checked_event(name: object) -> str:
    """
    Raises:
        BadRequest: no event can have that name.
    """
    if not isinstance(name, str) or not _EVENT.fullmatch(name):
        raise BadRequest(
            f"{shortened(name)} cannot be the name of an event: use 1 to 200 characters of text, which do not begin "
            "with pusher: or pusher_internal:"
        )
    return name


def checked_socket_id(text: object) -> str:
    """
    Raises:
        BadRequest: it is none.
    """
    if not isinstance(text, str) or not _SOCKET_ID.fullmatch(text):
        raise BadRequest(f"{shortened(text)} is no socket_id: it should be one such as 123.456")
    return text


def checked_user_id(text: object) -> str:
    """A user's or member's id; a number stands for its digits.

    Raises:
        BadRequest: it is none.
    """
    if isinstance(text, int) and not isinstance(text, bool) and abs(text) < 10**20:
        return str(text)
    if not isinstance(text, str) or not _USER_ID.fullmatch(text):
        raise BadRequest(f"{shortened(text)} is no user's id: it should be a text of 1 to 180 characters")
    return text


def is_presence(channel: str) -> bool:
    """Whether the channel knows its members."""
    return channel.startswith(PRESENCE)


def is_encrypted(channel: str) -> bool:
    """Whether nobody but its subscribers can read what is said there."""
    return channel.startswith(ENCRYPTED)


def is_cache(channel: str) -> bool:
    """Whether those who come are told the last message."""
    return _CACHE.match(channel) is not None


def is_signed(channel: str) -> bool:
    """Whether it takes a signature to subscribe: to what is private, and to a job's state under any of its names."""
    return channel.startswith((PRIVATE, PRESENCE)) or state_of(channel) is not None


def takes_client_events(channel: str) -> bool:
    """Whether clients that subscribe to it may publish there."""
    return channel.startswith((PRIVATE, PRESENCE)) and not is_encrypted(channel) and state_of(channel) is None


def user_channel(user_id: str) -> str:
    """The channel in the log of all connections that are signed in as that user."""
    return _USERS + user_id


def fallback_channel(session: str) -> str:
    """The channel in the log of one connection without a websocket: what its client says in requests of their own."""
    return _FALLBACKS + session
