"""Whose turn it is stands on the board at every moment."""

from __future__ import annotations

from collections.abc import Callable


def test_the_board_says_whose_turn_it_is_also_in_greenlets_that_a_job_started(python: Callable[..., str]) -> None:
    said = python(
        """
import contextvars, gevent, gevent.pool
from queueapi import reporting
from queueapi.worker.board import Board, create
from queueapi.worker.word import note_switches

fd = create(10)
board, supervisors = Board(fd), Board(fd)
note_switches(board, gevent.get_hub())
told = []

def tell():
    held = supervisors.speaker()
    told.append(None if held is None else held.id)

def deeper():
    gevent.sleep(0.01)
    tell()

def child():
    tell()
    gevent.spawn(deeper).join()

def job(id_):
    reporter = reporting.Reporter(lambda _: None, lambda _: None)
    reporter.row = board.hold(id_, 1)
    reporting.use(reporter)
    tell()
    gevent.sleep(0.02 * id_)
    tell()
    gevent.spawn(child).join()
    gevent.pool.Pool(1).spawn(child).join()
    tell()

def run(*jobs):
    told.clear()
    gevent.joinall([gevent.spawn(contextvars.copy_context().run, job, id_) for id_ in jobs])
    tell()
    print(told)

run(5)
gevent.spawn(tell).join()
print(told[-1])
gevent.get_hub().loop.run_callback(tell)
gevent.sleep(0.01)
print(told[-1])
run(1, 9)
print(sorted(set(told), key=str))
""",
        patched=True,
    )
    alone, greenlet, hub, _, both = said.splitlines()
    assert alone == "[5, 5, 5, 5, 5, 5, 5, None]"
    assert (greenlet, hub) == ("None", "None")
    assert both == "[1, 9, None]"
