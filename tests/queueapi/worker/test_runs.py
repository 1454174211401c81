"""What is raised in running jobs, and when. In a process of its own, as everything that gevent has patched."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from .test_consumer import PROLOGUE

Run = Callable[[str], str]

MORE = """
from queueapi import Cancelled, HardTimeout, Iteration, SoftTimeout, array_enumerator
import psycopg

class Told(Job, kind="told"):
    n: int
    def run(self):
        log.append(self.n)
        try:
            gate.wait()
        except BaseException as error:
            log.append(type(error).__name__)
            raise

class Walk(Iteration, kind="walk"):
    n: int
    def build_enumerator(self, cursor):
        return array_enumerator(range(self.n), cursor)
    def each_iteration(self, item):
        log.append(item)
        gevent.sleep(0.01)

def finished():
    return rows("select state, error ->> 'type' from queueapi.finished order by id")

def waiting():
    return rows("select state, attempt, error ->> 'type' from queueapi.jobs order by id")
"""


@pytest.fixture
def run(dsn: str, python: Callable[..., Any]) -> Run:
    return lambda body: str(python(PROLOGUE + MORE + body, dsn, patched=True))


def test_a_hint_makes_it_look_at_once_and_the_row_decides(run: Run) -> None:
    run("""
one, two = queue.push_all([Told(1), Told(2)])
start()
until(lambda: len(log) == 2, "both run")
store2 = Store(Dedicated(open_))
assert store2.cancel(one.id, 60.0)
for payload in (f"cancel {one.id}", f"cancel {two.id}", "cancel", "cancel x", "", "cancel 99999999999999999999"):
    consumer.heard(payload)
until(lambda: finished() == [("cancelled", "Cancelled")], "the one is cancelled")
assert log.count("Cancelled") == 1
gate.set()
until(lambda: len(finished()) == 2, "the other is done")
stop()
assert finished()[1] == ("done", None)
""")


def test_without_a_hint_it_is_found_in_a_second_or_two(run: Run) -> None:
    run("""
queue.push(Told(1))
start()
until(lambda: log == [1], "it runs")
rows_ = open_(); rows_.execute("update queueapi.jobs set cancelled_at = now()"); rows_.close()
until(lambda: finished() == [("cancelled", "Cancelled")], "it is cancelled")
stop()
""")


def test_what_was_claimed_and_cancelled_before_it_began_does_not_begin(run: Run) -> None:
    run("""
queue.push_all([Wait(1), Wait(2)])
start()
until(lambda: len(log) == 2, "both slots are taken")
handle = queue.push(Told(3))
(job,) = Store(Dedicated(open_)).claim(["default"], 1, 77, worker, 30.0)
consumer._slots.put((job, time.monotonic()))
handle.cancel()
consumer.heard(f"cancel {handle.id}")
until(lambda: consumer._runs._doomed, "it has looked")
gate.set()
until(lambda: len(finished()) == 3, "all end")
stop()
assert ("cancelled", "Cancelled") in finished()
assert 3 not in log
""")


def test_a_job_that_holds_on_is_told_only_once(run: Run) -> None:
    run("""
class Deaf(Job, kind="deaf"):
    def run(self):
        log.append("begun")
        while not gate.is_set():
            try:
                gate.wait()
            except BaseException as error:
                log.append(type(error).__name__)

handle = queue.push(Deaf())
start()
until(lambda: log, "it runs")
handle.cancel()
consumer.heard(f"cancel {handle.id}")
until(lambda: len(log) == 2, "it is told")
for _ in range(3):
    consumer.heard(f"cancel {handle.id}")
    gevent.sleep(0.1)
gate.set()
until(finished, "it ends")
stop()
assert log == ["begun", "Cancelled"]
assert finished() == [("done", None)]
""")


@pytest.mark.parametrize(("option", "error"), [("timeout", "SoftTimeout"), ("hard_timeout", "HardTimeout")])
def test_a_time_limit_is_raised_in_the_job_and_its_timers_end_with_it(run: Run, option: str, error: str) -> None:
    run(f"""
queue.push(Told(1), {option}=0.05)
queue.push(Note(2), {option}=0.05)
start()
until(lambda: waiting(), "it has failed")
until(lambda: waiting() == [("scheduled", 1, "{error}")], "it waits for its next attempt")
gevent.sleep(0.1)
stop()
assert set(log) == {{1, 2, "{error}"}}
assert finished() == [("done", None)]
assert supervisors.limited() == []
assert not board._words[5]
""")


def test_a_hard_deadline_stands_on_the_board_while_the_job_runs(run: Run) -> None:
    run("""
queue.push(Told(1), hard_timeout=60)
queue.push(Told(2), timeout=60)
start()
until(lambda: len(log) == 2, "both run")
(held,) = supervisors.limited()
assert 50 < held.deadline - time.monotonic() <= 60
gate.set()
until(lambda: len(finished()) == 2, "both are done")
stop()
assert supervisors.limited() == []
""")


def test_a_worker_that_stops_lets_a_walk_leave_at_once_and_waits_for_the_others(run: Run) -> None:
    run("""
queue.push(Walk(1000))
queue.push(Wait(-5))
start()
until(lambda: log.count(3) == 1, "it walks")
gevent.spawn_later(0.5, gate.set)
ended, left = stop(grace=20)
assert ended and left == []
((state, attempt, cursor),) = rows("select state, attempt, cursor #>> '{}' from queueapi.jobs")
assert (state, attempt) == ("available", 0)
import json
at, count = json.loads(cursor)
assert count == at + 1 >= 4
assert finished() == [("done", None)]
""")


def test_the_place_of_a_walk_is_stored_with_its_progress(run: Run) -> None:
    run("""
queue.push(Walk(1000))
start()
until(lambda: rows("select from queueapi.progress where cursor is not null and done > 5"), "it is stored")
stop()
""")
