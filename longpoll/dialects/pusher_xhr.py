"""Pusher's protocol without websockets: a client posts to hear, and posts again to speak.

What it hears comes in lines: ``o`` opens, ``a[…]`` has frames in it, ``h`` says that there are none, ``c[…]`` closes.
Who was told ``o`` before and is told it again knows that its connection is lost, and makes another.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import msgspec

from longpoll.errors import BadRequest

OPEN: Final = b"o{}\n"
HEARTBEAT: Final = b"h\n"
# Before the first line of a stream, for proxies and browsers that show nothing of it before they have two kilobytes.
PRELUDE: Final = b"h" * 2048 + b"\n"
# Characters of a stream after which its client, once it has read all that there is, asks for another.
LONGEST_STREAM: Final = 256 * 1024
# Frames of one request: clients send them one by one.
MAX_FRAMES: Final = 100

_NUMBER: Final = re.compile(r"[0-9]{1,3}", re.ASCII)
_NAME: Final = re.compile(r"[0-9A-Za-z_-]{4,64}", re.ASCII)

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(list[str | dict[str, msgspec.Raw]]).decode


def frames(texts: Sequence[str]) -> bytes:
    """A line with frames, or none."""
    return b"a" + _encode(texts) + b"\n"


def closed(code: int, reason: str) -> bytes:
    """The last line of a connection. What becomes of it depends on the code, as with a websocket."""
    return b"c" + _encode([code, reason]) + b"\n"


def characters(line: bytes) -> int:
    """How much longer a client takes a stream to be for that line: a pair of surrogates is two."""
    return len(line.decode().encode("utf-16-le")) // 2


def checked_session(key: str, number: str, name: str) -> str:
    """What a connection is called, of its application's key and the two parts of its address.

    Raises:
        BadRequest: no client makes such an address.
    """
    if not _NUMBER.fullmatch(number) or not _NAME.fullmatch(name):
        raise BadRequest("the address should end in a number below 1000, a name of 4 letters or more, and what to do")
    return f"{key}/{number}/{name}"


def read_send(body: bytes) -> list[str]:
    """What a client says: frames; none, if it only shows that it is there.

    Raises:
        BadRequest: it is not of that form.
    """
    try:
        found = _decode(body)
    except (msgspec.DecodeError, RecursionError, ValueError) as error:
        raise BadRequest(f'the body should be ["…"], frames in texts: {str(error)[:200]}') from None
    if len(found) > MAX_FRAMES:
        raise BadRequest(f"a request has at most {MAX_FRAMES} frames, not {len(found)}")
    return [one if isinstance(one, str) else _encode(one).decode() for one in found]
