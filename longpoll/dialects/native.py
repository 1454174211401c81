"""The native dialect: what ``longpoll.js`` speaks, and what anybody can speak with an HTTP client.

``{"channels": [ticket or name, ...], "cursor": null or "...", "wait": 25}`` is answered by
``{"messages": [{"channel", "event", "data", "id"}, ...], "cursor": "...", "reset": false}``. A GET says the same in
its query, with ``channels`` as a JSON array. Who brings several cursors together, joined by ``|``, is told what any of
them has not seen.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from longpoll.errors import BadRequest, Refused
from longpoll.jobbook import JobState
from longpoll.names import looks_like_ticket
from longpoll.waiter import News, Told

# Seconds. Below the 30 after which some proxies give up; and what a client may ask for at most.
WAIT: Final = 25.0
LONGEST_WAIT: Final = 50.0
# Channels of one request. A page that shows more jobs than that cannot be read.
MAX_CHANNELS: Final = 200
MAX_TICKET: Final = 600
# Characters: two hundred jobs' versions, and a snapshot with hundreds of transactions under way.
MAX_CURSOR: Final = 20_000


class Ask(NamedTuple):
    """A request, read."""

    channels: list[str]
    cursor: str | None
    wait: float


class _Body(msgspec.Struct):
    channels: list[str]
    cursor: str | None = None
    wait: float = WAIT


class _OneTicket(msgspec.Struct):
    ticket: str


_decode_ticket = msgspec.json.Decoder(_OneTicket).decode
_decode_body = msgspec.json.Decoder(_Body).decode
_decode_names = msgspec.json.Decoder(list[str]).decode
_encode = msgspec.json.Encoder().encode


def read_body(body: bytes) -> Ask:
    """The request that a POST carries.

    Raises:
        BadRequest: it is not of that form.
    """
    try:
        found = _decode_body(body)
    except (msgspec.DecodeError, RecursionError, ValueError) as error:
        raise BadRequest(
            f'the body should be {{"channels": ["..."], "cursor": null, "wait": 25}}: {_said(error)}'
        ) from None
    return _checked(found.channels, found.cursor, found.wait)


def read_query(query: Mapping[str, Any]) -> Ask:
    """The request that a GET carries. Other parameters than ours are left alone.

    Raises:
        BadRequest: it is not of that form.
    """
    channels, cursor, wait = (query.get(name) for name in ("channels", "cursor", "wait"))
    if not isinstance(channels, str):
        raise BadRequest('the query should have channels=["..."], a JSON array')
    try:
        names = _decode_names(channels)
    except (msgspec.DecodeError, RecursionError, ValueError) as error:
        raise BadRequest(f"channels should be a JSON array of texts: {_said(error)}") from None
    if not isinstance(cursor, str | None) or not isinstance(wait, str | None):
        raise BadRequest("cursor and wait should be given once")
    try:
        seconds = WAIT if wait is None else float(wait)
    except ValueError:
        raise BadRequest(f"wait should be a number of seconds, not {str(wait)[:40]!r}") from None
    return _checked(names, cursor or None, seconds)


def read_ticket(body: bytes) -> str:
    """The one ticket that a request to cancel carries.

    Raises:
        BadRequest: it is not of that form.
    """
    try:
        return _decode_ticket(body).ticket
    except (msgspec.DecodeError, RecursionError, ValueError) as error:
        raise BadRequest(f'the body should be {{"ticket": "..."}}: {_said(error)}') from None


def write_cancelled(cancelled: bool) -> bytes:
    """The reply to that: whether the job will not run, or was told to stop. If not, it had ended."""
    return _encode({"cancelled": cancelled})


def _checked(channels: list[str], cursor: str | None, wait: float) -> Ask:
    if not 0 < len(channels) <= MAX_CHANNELS:
        raise BadRequest(f"a request is for 1 to {MAX_CHANNELS} channels, not for {len(channels)}")
    if any(len(channel) > MAX_TICKET for channel in channels):
        raise BadRequest(f"no ticket and no channel's name has more than {MAX_TICKET} characters")
    if cursor is not None and len(cursor) > MAX_CURSOR:
        raise BadRequest(f"no cursor of ours has more than {MAX_CURSOR} characters")
    if not math.isfinite(wait) or wait < 0:
        raise BadRequest(f"wait should be a number of seconds from 0 to {LONGEST_WAIT:.0f}, not {wait}")
    return Ask(channels, cursor, min(wait, LONGEST_WAIT))


def write_news(news: News) -> bytes:
    """The reply to a poll."""
    return _encode({"messages": [_worded(told) for told in news.messages], "cursor": news.cursor, "reset": news.reset})


def _worded(told: Told) -> dict[str, object]:
    data = msgspec.Raw(told.data.encode())
    message: dict[str, object] = {"channel": told.channel, "event": told.event, "data": data, "id": told.id}
    if told.channel.endswith("*") or (told.name and looks_like_ticket(told.channel)):
        # A pattern asked for it, or a ticket, which may be for one: which channel it came on is news.
        message["name"] = told.name
    return message


def write_job(state: JobState) -> bytes:
    """The reply to a look at a job: its data, and the event that a poll would have brought."""
    return b'{"event":' + _encode(state.event) + b"," + state.data.encode()[1:]


def write_error(code: str, sentence: str, status: int, channels: Sequence[str] = ()) -> bytes:
    """The reply to what is refused. The status stands in it too: over JSONP the real one cannot be read."""
    return _encode({"error": {"code": code, "message": sentence, "status": status, "channels": channels}})


def write_refusal(refused: Refused) -> bytes:
    """The same, of an error."""
    return write_error(refused.code, str(refused), refused.status, refused.channels)


def _said(error: Exception) -> str:
    return str(error)[:200]
