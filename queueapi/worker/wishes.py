"""What a person asks of a running supervisor, by signals: to be quiet, to go on, to show what goes on."""

from __future__ import annotations

import signal
from collections.abc import Iterable
from types import FrameType

from queueapi.events import Events
from queueapi.worker.child import Child


class Wishes:
    """1. TSTP or USR2: no process claims any more, what they have they run; 2. CONT: they claim again; 3. TTIN: each
    says what all its greenlets are doing.

    Attributes:
        quiet: the first is wished.
    """

    def __init__(self, events: Events) -> None:
        self.quiet = False
        self._show_stacks = False
        self._events = events
        self._told = False

    def catch(self) -> None:
        """Hear signals from now on."""
        for number in (signal.SIGTSTP, signal.SIGUSR2, signal.SIGCONT, signal.SIGTTIN):
            signal.signal(number, self._heard)

    def _heard(self, number: int, frame: FrameType | None) -> None:
        if number == signal.SIGTTIN:
            self._show_stacks = True
        else:
            self.quiet = number != signal.SIGCONT

    def pass_on(self, children: Iterable[Child]) -> None:
        """Tell the processes, also those that have begun to work since."""
        if self._told != self.quiet:
            self._told = self.quiet
            self._events.emit("quiet" if self.quiet else "resumed")
        show, self._show_stacks = self._show_stacks, False
        for child in children:
            if child.worked_since is not None and child.quiet != self.quiet:
                child.be_quiet(self.quiet)
            if show:
                child.show_stacks()
