"""Bayeux, as Faye's and CometD's clients speak it: what messages say. How they are answered is another file.

A request is an array of messages, or one of them. Those on ``/meta/...`` are about the session, all others are
published; each is answered by one on the same channel with the same id.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from longpoll.dialects import private_pub
from longpoll.dialects.native import MAX_TICKET
from longpoll.errors import BadRequest, Refused

HANDSHAKE, CONNECT, DISCONNECT = "/meta/handshake", "/meta/connect", "/meta/disconnect"
SUBSCRIBE, UNSUBSCRIBE = "/meta/subscribe", "/meta/unsubscribe"
META, SERVICE = "meta", "service"
POLLING: Final = ("long-polling", "callback-polling", "cross-origin-long-polling")
STREAM, SOCKET = "eventsource", "websocket"
TYPES: Final = (*POLLING, STREAM, SOCKET)
# Of one request. A page that has been away sends its subscriptions at once.
MAX_MESSAGES: Final = 500
# Objects within objects. Data that is deeper than that is there to break something.
MAX_DEPTH: Final = 60
MAX_ID: Final = 100

CLIENT: Final = re.compile(r"[0-9a-f]{40}", re.ASCII)
_SEGMENTS: Final = r"(?:/[A-Za-z0-9\-_!~()$@]+)"
_CHANNEL: Final = re.compile(_SEGMENTS + "+", re.ASCII)
_PATTERN: Final = re.compile(_SEGMENTS + r"*/\*\*?", re.ASCII)
_VERSION: Final = re.compile(r"1(?:\.[A-Za-z0-9][A-Za-z0-9\-_]*)*", re.ASCII)
# What Faye's clients can read in an error.
_UNSPEAKABLE: Final = re.compile(r"[^A-Za-z0-9\-_!~()$@ /*.]")
_SENTENCES: Final = {
    300: "Version mismatch",
    301: "Connection types not supported",
    400: "Bad request",
    401: "Unknown client",
    402: "Missing required parameter",
    403: "Forbidden channel",
    405: "Invalid channel",
    407: "Failed to publish",
}

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode


class Message(NamedTuple):
    """One of a request. ``channel`` and ``client`` are empty where there is none."""

    channel: str
    client: str
    fields: Mapping[str, Any]

    @property
    def ext(self) -> Mapping[str, Any]:
        """What extensions have to say."""
        ext = self.fields.get("ext")
        return ext if isinstance(ext, dict) else {}

    @property
    def id(self) -> str | None:
        """The client's number for it, as JSON; None: it has none."""
        id_ = self.fields.get("id")
        return None if id_ is None else _encode(id_).decode()

    @property
    def names_client(self) -> bool:
        """Whether a client of ours can have that id."""
        return CLIENT.fullmatch(self.client) is not None


class Wrong(Exception):
    """A message that cannot be done: ``error`` is what its client is told, ``refused`` what else is known of it."""

    def __init__(self, code: int, *about: str, refused: Refused | None = None) -> None:
        self.error = error_text(code, *about)
        self.refused = refused
        super().__init__(self.error)


def error_text(code: int, *about: str) -> str:
    """An error as Bayeux words it: ``403:/x:Forbidden channel``."""
    return f"{code}:{','.join(_UNSPEAKABLE.sub('_', word)[:100] for word in about)}:{_SENTENCES[code]}"


# -- reading


def read(text: str | bytes) -> list[Message]:
    """The messages of a request.

    Raises:
        BadRequest: it holds something else.
    """
    try:
        found = _decode(text)
    except (msgspec.DecodeError, RecursionError, ValueError) as error:
        raise BadRequest(f"the messages should be a JSON array: {str(error)[:200]}") from None
    messages = found if isinstance(found, list) else [found]
    if len(messages) > MAX_MESSAGES:
        raise BadRequest(f"a request has at most {MAX_MESSAGES} messages, not {len(messages)}")
    if _is_deeper(messages, MAX_DEPTH):
        raise BadRequest(f"nothing here is nested deeper than {MAX_DEPTH}")
    return [_message(message) for message in messages]


def _message(found: object) -> Message:
    if not isinstance(found, dict):
        raise BadRequest("each message should be a JSON object")
    id_ = found.get("id")
    if not isinstance(id_, str | int | float | None) or len(str(id_)) > MAX_ID:
        raise BadRequest(f"a message's id is a text of at most {MAX_ID} characters")
    channel, client = found.get("channel"), found.get("clientId")
    return Message(channel if isinstance(channel, str) else "", client if isinstance(client, str) else "", found)


def _is_deeper(found: object, depth: int) -> bool:
    level = [found]
    for _ in range(depth + 1):
        level = [
            child
            for value in level
            if isinstance(value, list | dict)
            for child in (value if isinstance(value, list) else value.values())
        ]
        if not level:
            return False
    return True


def family(name: str) -> str:
    """The first part of a channel's name."""
    return name.split("/", 2)[1] if name.startswith("/") else ""


def is_channel(name: str) -> bool:
    """Whether messages can be published under that name."""
    return _CHANNEL.fullmatch(name) is not None


def check_handshake(message: Message, types: Sequence[str]) -> None:
    """
    Args:
        types: the connection types that are offered.

    Raises:
        Wrong: it does not get a session.
    """
    version, minimum = (message.fields.get(name) for name in ("version", "minimumVersion"))
    asked = message.fields.get("supportedConnectionTypes")
    if version is None:
        raise Wrong(402, "version")
    for given in (version, minimum):
        if given is not None and not (isinstance(given, str) and _VERSION.fullmatch(given)):
            raise Wrong(300, str(given))
    if not isinstance(asked, list) or not asked:
        raise Wrong(402, "supportedConnectionTypes")
    if not any(name in types for name in asked):
        raise Wrong(301, *(str(name) for name in asked[:10]))


def check_connect(message: Message) -> str:
    """The connection type.

    Raises:
        Wrong: something is missing.
    """
    kind = message.fields.get("connectionType")
    if not kind:
        raise Wrong(402, "connectionType")
    if kind not in TYPES:
        raise Wrong(301, str(kind))
    return str(kind)


def subscriptions(message: Message) -> list[str]:
    """What it is about to listen to, or no more.

    Raises:
        Wrong: nothing, or what nobody can listen to.
    """
    asked = message.fields.get("subscription")
    names: list[Any] = asked if isinstance(asked, list) else [asked]
    if not asked or not all(isinstance(name, str) for name in names):
        raise Wrong(402, "subscription")
    for name in names:
        if not is_channel(name) and not _PATTERN.fullmatch(name):
            raise Wrong(405, name)
        if family(name) in (META, SERVICE):
            raise Wrong(403, name)
    return names


def check_publication(message: Message) -> None:
    """
    Raises:
        Wrong: it can be published nowhere.
    """
    if not message.channel:
        raise Wrong(402, "channel")
    if not is_channel(message.channel):
        raise Wrong(405, message.channel)
    if "data" not in message.fields:
        raise Wrong(402, "data")


def data_of(message: Message) -> str:
    """What is published, as JSON."""
    return _encode(message.fields["data"]).decode()


def wants_acks(message: Message) -> bool:
    """Whether a handshake's client counts what it gets."""
    return message.ext.get("ack") is True


def ack_of(message: Message) -> int | None:
    """The number of the last answer that the client has, if it counts."""
    ack = message.ext.get("ack")
    return ack if isinstance(ack, int) and not isinstance(ack, bool) else None


def ticket_of(message: Message) -> str | None:
    """What a subscribe brings along for a job or a private channel."""
    ticket = message.ext.get("ticket", private_pub.ticket_of(message.ext))
    return ticket if isinstance(ticket, str) and len(ticket) <= MAX_TICKET else None


def wait_of(message: Message, hold: float) -> float:
    """Seconds until a connect is to be answered at the latest."""
    advice = message.fields.get("advice")
    timeout = advice.get("timeout") if isinstance(advice, dict) else None
    if isinstance(timeout, int | float) and not isinstance(timeout, bool):
        return min(max(0, timeout), hold * 1000) / 1000  # it may be larger than any float
    return hold
