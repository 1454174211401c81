"""Reads and writes on a plain non-blocking socket. Only `send_all` ever waits."""

from __future__ import annotations

import _socket
import errno
from collections.abc import Sequence
from time import monotonic
from typing import TYPE_CHECKING

from gevent.socket import wait

if TYPE_CHECKING:
    from gevent._types import _Loop

READ, WRITE = 1, 2  # the event loop's masks
AT_ONCE = 64  # parts given to one system call; the kernel's limit is 1024

Part = bytes | bytearray | memoryview


def read(socket: _socket.socket, size: int) -> bytes | None:
    """At most *size* bytes. None: nothing there yet. Empty: the client is gone."""
    try:
        return socket.recv(size)
    except BlockingIOError:
        return None
    except OSError:
        return b""


def send(socket: _socket.socket, parts: Sequence[Part]) -> list[Part] | None:
    """Sends what the socket takes at once and returns the rest; None if the client is gone.

    Nothing is copied: all who wait for one event share its bytes.
    """
    if len(parts) == 1:
        return _send_one(socket, parts[0])
    left = list(parts)
    while left:
        try:
            sent = socket.sendmsg(left[:AT_ONCE])
        except BlockingIOError:
            break
        except OSError:
            return None
        done = 0
        while done < len(left) and sent >= len(left[done]):
            sent -= len(left[done])
            done += 1
        del left[:done]
        if sent:
            left[0] = memoryview(left[0])[sent:]
            break
    return left


def _send_one(socket: _socket.socket, part: Part) -> list[Part] | None:
    try:
        sent = socket.send(part)
    except BlockingIOError:
        return [part]
    except OSError:
        return None
    return [] if sent == len(part) else [memoryview(part)[sent:]]


def send_all(loop: _Loop, socket: _socket.socket, data: Part, timeout: float) -> None:
    """Sends all of *data*, waiting in the calling greenlet if it must.

    Raises BrokenPipeError if the client is gone, or has not read enough of it after *timeout* seconds.
    """
    rest = _send_or_raise(socket, [data])
    if rest:
        _send_slowly(loop, socket, rest, timeout)


def _send_slowly(loop: _Loop, socket: _socket.socket, rest: Sequence[Part], timeout: float) -> None:
    too_slow = BrokenPipeError(errno.EPIPE, "the client reads too slowly")
    deadline = monotonic() + timeout
    writable = loop.io(socket.fileno(), WRITE)
    try:
        while rest:
            left = deadline - monotonic()
            if left <= 0:
                raise too_slow
            wait(writable, timeout=left, timeout_exc=too_slow)
            rest = _send_or_raise(socket, rest)
    finally:
        writable.close()


def _send_or_raise(socket: _socket.socket, parts: Sequence[Part]) -> list[Part]:
    rest = send(socket, parts)
    if rest is None:
        raise BrokenPipeError(errno.EPIPE, "the client is gone")
    return rest
