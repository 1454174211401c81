"""A WSGI response body that is not there yet.

Any WSGI server iterates it and so waits, one thread a poll. `longpoll.server` parks it instead, which costs
no thread and no greenlet.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

Deliver = Callable[[bytes], object]


class HeldReply:
    """One held poll's reply.

    1. `answer` decides it, or `abandon` does; the first of all calls wins, the others do nothing.
    2. `park` asks for the answer to be delivered; iterating waits for it. A server does one of the two.

    No lock guards this: a callback of an event loop may not wait for one. Each decision is the deletion of a
    slot instead, which is one atomic step, and each side writes its own slot before it reads the other's.
    """

    __slots__ = ("_deliver", "_forget", "_gone", "_undecided", "_undelivered", "_woken", "body")

    def __init__(self, forget: Callable[[], object] | None = None) -> None:
        """*forget* is called once if the poll is abandoned, and never if it is answered."""
        self.body: bytes | None = None
        self._forget = forget
        self._deliver: Deliver | None = None
        self._woken: threading.Event | None = None  # made by whoever iterates: 5,000 parked polls need none
        self._gone = False
        self._undecided = True
        self._undelivered = True

    def answer(self, body: bytes) -> None:
        """Replies with *body*; from any thread or greenlet. The delivery happens inside this call."""
        if not self._take("_undecided"):
            return
        self._forget = None
        self.body = body
        deliver = self._deliver
        if deliver is not None and self._take("_undelivered"):
            self._deliver = None
            deliver(body)
        self._wake()

    def abandon(self) -> None:
        """The client left: nobody will read an answer; whoever would have given one is told to forget it."""
        if not self._take("_undecided"):
            return
        self._gone = True
        self._deliver = None
        forget, self._forget = self._forget, None
        self._wake()
        if forget is not None:
            forget()

    def park(self, deliver: Deliver) -> bool:
        """Has ``deliver(body)`` called once, by whoever answers.

        Returns False if the answer is there already: iterate instead, *deliver* will not be called.
        """
        self._deliver = deliver
        if self.body is None or not self._take("_undelivered"):
            return True
        self._deliver = None
        return False

    def __iter__(self) -> Iterator[bytes]:
        """Waits, blocking the calling thread, and yields the body; nothing if the poll was abandoned."""
        self._woken = woken = threading.Event()
        if self.body is None and not self._gone:
            woken.wait()
        if self.body is not None:
            yield self.body

    def close(self) -> None:
        """WSGI's "done with it". Before an answer that means that there is no one left to read one."""
        self.abandon()

    def _take(self, token: str) -> bool:
        """True for exactly one caller."""
        try:
            delattr(self, token)
        except AttributeError:
            return False
        return True

    def _wake(self) -> None:
        if self._woken is not None:
            self._woken.set()
