"""The frames that a websocket's server sends."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from wsproto.frame_protocol import FrameProtocol

GOING_AWAY: Final = 1001
TEXT_ONLY: Final = 1003
TOO_BIG: Final = 1009
FAILED: Final = 1011
TRY_LATER: Final = 1013
NO_CODE: Final = 1005  # never sent: noted of a client that closed without one

_CODES: Final = frozenset({1000, 1001, 1002, 1003, *range(1007, 1015), *range(3000, 5000)})


@lru_cache(maxsize=4)
def text(text: str | bytes) -> bytes:
    """The frame of a whole message. One shared object for all who are told the same, one after another.

    Raises:
        ValueError: it cannot be written as UTF-8, or is not.
    """
    return bytes(_writer().send_data(text if isinstance(text, str) else str(text, "utf-8")))


def ping(payload: bytes = b"") -> bytes:
    """
    Raises:
        ValueError: it is longer than 125 bytes.
    """
    return bytes(_writer().ping(payload))


def pong(payload: bytes) -> bytes:
    return bytes(_writer().pong(payload))


def close(code: int, reason: str = "") -> bytes:
    """*reason* is cut at 123 bytes; with NO_CODE there is neither in the frame."""
    return bytes(_writer().close(code, reason) if code != NO_CODE else _writer().close())


def checked_code(code: int) -> int:
    """
    Raises:
        ValueError: the close code is none that may be sent.
    """
    if code not in _CODES:
        raise ValueError(f"{code} is no close code: 1000 is the usual, and 4000 to 4999 are free to use")
    return code


def _writer() -> FrameProtocol:
    # A new one each time: it has a state, and whoever writes does so from any thread.
    return FrameProtocol(client=False, extensions=[])
