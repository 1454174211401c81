"""A WSGI response body that goes on: its parts are sent as they are written.

Any WSGI server iterates it and so waits, one thread a stream. `longpoll.server` keeps it instead, which costs
no thread and no greenlet.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Final

from longpoll.transports.outgoing import Outgoing

# What may wait to be iterated, in bytes and in parts; our own server counts by itself.
MOST_BYTES: Final = 1024 * 1024
MOST_PARTS: Final = 1000


class StreamReply(Outgoing):
    """One stream's reply: a head now, then parts, until its end.

    Nothing here waits for the client: what its socket does not take is kept for it, and a client that reads too
    slowly is cut off.
    """

    __slots__ = ("_woken",)

    def __init__(self, on_gone: Callable[[], object] | None = None, prelude: bytes = b"") -> None:
        """
        Args:
            on_gone: called once when nothing more can reach the client: it left, was cut off, or has been sent
                the end. Under our server in a greenlet of its own, never inside a call of `write` or `end`.
            prelude: sent before anything else.
        """
        super().__init__(on_gone)
        self._woken: threading.Event | None = None  # made by whoever iterates
        if prelude:
            self.write(prelude)

    def write(self, data: bytes) -> None:
        """Sends *data*, all of it or, if the client is gone, nothing; from any thread or greenlet, in order."""
        if not data:
            return  # an empty chunk would end the body
        self.put(data)
        if self._woken is not None and self._is_full():
            self.abandon()

    def end(self) -> None:
        """Ends the reply properly, after all that was written; from any thread or greenlet."""
        self.put_last()

    def close(self) -> None:
        """WSGI's "done with it"."""
        self.abandon()

    def __iter__(self) -> Iterator[bytes]:
        """Waits, blocking the calling thread, and yields the parts as they come."""
        self._woken = woken = threading.Event()
        self.attach(woken.set)
        done = False
        while not done:
            woken.clear()
            parts, done = self.take()
            for part in parts:
                yield bytes(part)
            if self.abandoned:
                return
            if not parts and not done:
                woken.wait()

    def _is_full(self) -> bool:
        waiting = [part for part in self._parts[: MOST_PARTS + 1] if part is not None]
        return len(waiting) > MOST_PARTS or sum(map(len, waiting)) > MOST_BYTES
