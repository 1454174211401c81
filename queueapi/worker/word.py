"""Who has the word: which job's code runs at this moment, on the board for the day on which the process dies.

Greenlets take turns, and only at switches: so at every switch the job whose turn it is is noted. Should the process
die then – a fault in C, ``os._exit``, out of memory – the supervisor knows which of forty jobs did it.
"""

from __future__ import annotations

import greenlet

from queueapi import reporting
from queueapi.worker.board import NOBODY, Board


def note_switches(board: Board) -> None:
    """Keep the board's word true in this thread, from now on.

    A job is told by the context in which its greenlets run, so those that it started count as it. This costs 0.3 µs at
    each switch, and a job that never waits has none: :meth:`Board.hold` has said that it begins.
    """
    give, current = board.give_word, reporting.current

    def traced(event: str, switch: object) -> None:
        reporter = current()
        give(NOBODY if reporter is None else reporter.row)

    greenlet.settrace(traced)
