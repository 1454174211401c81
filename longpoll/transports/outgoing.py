"""What a reply that goes on has to say: parts that are written at one end and sent at the other."""

from __future__ import annotations

from collections.abc import Callable

Part = bytes | bytearray | memoryview


class Outgoing:
    """The parts of one reply, in the order in which they were written; the base of those that go on.

    1. Parts are put in, by any thread or greenlet. Nobody waits for the client.
    2. A server attaches itself, is woken when there is something, and takes what there is.
    3. When nothing more can reach the client, `on_gone` is called: once, whoever ended it.

    No lock guards this, as none guards a held reply: adding to a list and taking off its front are one atomic
    step each, there is one who takes, and each side writes its own slot before it reads the other's.
    """

    __slots__ = ("_ongoing", "_parts", "_wake", "abandoned", "on_gone", "over")

    def __init__(self, on_gone: Callable[[], object] | None) -> None:
        self.over = False
        self.abandoned = False
        self.on_gone = on_gone
        self._ongoing = True
        self._parts: list[Part | None] = []  # None: there will be no more
        self._wake: Callable[[], object] | None = None

    # -- 1. whoever writes

    def put(self, part: Part) -> None:
        if not self.over:
            self._parts.append(part)
            self._awake()

    def put_last(self, *parts: Part) -> None:
        if not self.over:
            self.over = True
            self._parts.extend((*parts, None))  # in one step: what another thread adds now stands behind the None
            self._awake()

    def abandon(self) -> None:
        """Nothing more can reach the client. What was not sent is dropped, and whoever wrote it is told, once.

        A server says so when the client left or has been told everything. Said by anybody else it cuts the
        client off.
        """
        self.over = True
        try:
            del self._ongoing  # one atomic step: it succeeds for exactly one caller
        except AttributeError:
            return
        self.abandoned = True
        self._awake()
        self._wake = None
        on_gone, self.on_gone = self.on_gone, None
        if on_gone is not None:
            on_gone()

    def _awake(self) -> None:
        wake = self._wake
        if wake is not None:
            wake()

    # -- 2. whoever sends

    def attach(self, wake: Callable[[], object]) -> None:
        """Has *wake* called whenever there is something to take; from any thread. Take once after this."""
        self._wake = wake

    def take(self) -> tuple[list[Part], bool]:
        """What was written since the last time, and whether there will be no more."""
        found = self._parts[:]
        del self._parts[: len(found)]
        parts: list[Part] = []
        for part in found:
            if part is None:
                return parts, True
            parts.append(part)
        return parts, False
