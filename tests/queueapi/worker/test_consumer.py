"""The consumer as it is: in a process that gevent has patched, against a real database, with real greenlets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

pytestmark = pytest.mark.system

Run = Callable[[str], str]

# A consumer with its finisher, without a supervisor; jobs by name; and what the tests look at.
PROLOGUE = """
import sys, time, os, gevent, threading
from uuid import UUID
from queueapi import Job, Queue, Settings
from queueapi.events import Events
from queueapi.executor import Executor, Interrupted
from queueapi.kinds import kinds
from queueapi.postgres.connection import connect
from queueapi.postgres.sessions import Dedicated
from queueapi.postgres.store import Store
from queueapi.runtime import Runtime
from queueapi.worker.board import Board, create
from queueapi.worker.consumer import Consumer
from queueapi.worker.finisher import Finisher
from queueapi.worker.sleeper import Sleeper

DSN = sys.argv[1]
settings = Settings(database_url=DSN, concurrency=2, poll=0.2, lease=30.0)
runtime = Runtime(settings)
queue = Queue(lambda: runtime)
gate = gevent.event.Event()
log, heard = [], []

class Note(Job, kind="note"):
    n: int
    def run(self):
        log.append(self.n)

class Wait(Job, kind="wait"):
    n: int
    def run(self):
        log.append(self.n)
        gate.wait()
        log.append(-self.n)

class Line(Dedicated):
    cut_after = None
    def run(self, verb, params):
        rows = super().run(verb, params)
        if verb == self.cut_after:
            self.cut_after = None
            self.close()
            from queueapi import StoreUnavailable
            raise StoreUnavailable("cut after")
        return rows

def open_():
    return connect(DSN, "tests", 5)

fd = create(4000)
board, supervisors = Board(fd), Board(fd)
events = Events(lambda name, fields: heard.append((name, fields)))
line = Line(open_)
store = Store(line)
worker = UUID(int=7)
finisher = Finisher(Dedicated(open_), 3600.0, board, events)
sleeper = Sleeper(store, "queueapi_wake_it", settings.queues, settings.poll)
consumer = Consumer(store, finisher, Executor(kinds, 1_000_000), board, settings, worker, sleeper, events)

def start():
    finisher.start()
    consumer.start()

def until(condition, what):
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, f"{what}: {log} {heard}"
        gevent.sleep(0.005)

def stop(grace=5.0):
    consumer.stop_claiming()
    ended = consumer.join(grace)
    left = consumer.interrupt_all()
    assert finisher.flush(5.0)
    runtime.pool.close()
    line.close()
    return ended, left

def rows(statement):
    with open_() as connection:
        return connection.execute(statement).fetchall()

def states():
    return rows("select state, attempt, count(*)::int from queueapi.jobs group by 1, 2 order by 1, 2")
"""


@pytest.fixture
def run(dsn: str, python: Callable[..., Any]) -> Run:
    return lambda body: str(python(PROLOGUE + body, dsn, patched=True))


def test_jobs_begin_in_order_in_as_many_slots_as_there_are_and_all_are_finished(run: Run) -> None:
    run("""
queue.push_all(Wait(n) for n in range(1, 6))
start()
until(lambda: len(log) == 2, "two begin")
gevent.sleep(0.05)
assert log == [1, 2] and consumer.busy == 2, log
gate.set()
until(lambda: len(log) == 10, "all end")
stop()
assert [n for n in log if n > 0] == [1, 2, 3, 4, 5]
assert states() == []
assert rows("select state, count(*)::int from queueapi.finished group by 1") == [("done", 5)]
assert supervisors.held() == [], "the board is clean"
""")


def test_the_board_shows_what_runs(run: Run) -> None:
    run("""
ids = [handle.id for handle in queue.push_all([Wait(1), Wait(2)])]
start()
until(lambda: len(log) == 2, "both begin")
assert {held.id for held in supervisors.held()} == set(ids)
assert rows("select distinct token from queueapi.jobs") == [(supervisors.held()[0].token,)]
gate.set()
stop()
""")


def test_a_job_whose_lease_is_lost_is_ended_and_its_slot_goes_on(run: Run) -> None:
    run("""
handle = queue.push(Wait(1))
start()
until(lambda: log == [1], "it runs")
(held,) = supervisors.held()
rows_before = rows("update queueapi.jobs set token = token + 1, worker = null returning 1")
supervisors.mark_lost(held)
until(lambda: any(name == "lease_lost" for name, _ in heard), "it is ended")
assert log == [1], "it was interrupted, not let through"
queue.push_all(Note(n) for n in (2, 3))
until(lambda: {2, 3} <= set(log), "the slots go on")
stop()
assert states() == [("running", 1, 1)]
""")


def test_what_is_void_is_not_begun_but_put_back(run: Run) -> None:
    run("""
queue.push_all([Wait(1), Wait(2)])
start()
until(lambda: len(log) == 2, "both slots are busy")
consumer._rate._per_second = 1000.0  # so that some are fetched ahead
consumer._rate._since = time.monotonic() + 60
queue.push_all(Note(n) for n in (3, 4, 5))
consumer.loop.wake()
until(lambda: consumer._fetched.qsize() == 3, "three are fetched ahead")
supervisors.take_back()
gate.set()
until(lambda: sum(name == "put_back" for name, _ in heard) == 3, "they are put back")
until(lambda: {3, 4, 5} <= set(log), "and claimed anew")
stop()
assert sorted(n for n in log if n > 2) == [3, 4, 5], "none ran twice"
assert rows("select distinct attempt from queueapi.finished") == [(1,)], "and none was charged twice"
""")


def test_what_was_fetched_and_waits_behind_long_jobs_goes_back(run: Run) -> None:
    run("""
queue.push_all([Wait(1), Wait(2)])
start()
until(lambda: len(log) == 2, "both slots are busy")
consumer._rate._per_second = 1000.0
queue.push_all(Note(n) for n in (3, 4))
consumer.loop.wake()
until(lambda: consumer._fetched.qsize() == 2, "two are fetched ahead")
until(lambda: states() == [("available", 0, 2), ("running", 1, 2)], "they go back")
gate.set()
until(lambda: {3, 4} <= set(log), "they run later")
stop()
""")


def test_a_claim_whose_answer_was_cut_off_is_given_back_and_nothing_is_charged(run: Run) -> None:
    run("""
queue.push_all(Note(n) for n in (1, 2))
line.cut_after = "claim_jobs"
start()
until(lambda: set(log) == {1, 2}, "they run all the same")
stop()
assert rows("select distinct attempt from queueapi.finished") == [(1,)]
assert [name for name, _ in heard if name.startswith("store")] == ["store_lost", "store_back"]
""")


def test_drained_is_said_when_nothing_is_left_and_not_while_something_runs(run: Run) -> None:
    run("""
queue.push(Wait(1))
start()
until(lambda: log == [1], "it runs")
gevent.sleep(0.6)  # three polls
assert not consumer.drained.is_set()
gate.set()
assert consumer.drained.wait(10)
assert rows("select count(*)::int from queueapi.finished") == [(1,)], "its outcome is written"
stop()
""")


def test_drained_is_said_of_an_empty_queue(run: Run) -> None:
    run("""
start()
assert consumer.drained.wait(10)
stop()
""")


def test_who_stops_gives_back_what_has_not_begun_and_lets_the_rest_end(run: Run) -> None:
    run("""
queue.push_all([Wait(1), Wait(2)])
start()
until(lambda: len(log) == 2, "both run")
consumer._rate._per_second = 1000.0
queue.push_all(Note(n) for n in (3, 4))
consumer.loop.wake()
until(lambda: consumer._fetched.qsize() == 2, "two are fetched ahead")
gevent.spawn_later(0.2, gate.set)
assert stop() == (True, [])
assert sorted(log) == [-2, -1, 1, 2]
assert states() == [("available", 0, 2)]
assert rows("select count(*)::int from queueapi.sleepers") == [(0,)]
""")


def test_who_must_stop_now_interrupts_and_gives_up_on_what_holds_on(run: Run) -> None:
    run("""
class Hold(Job, kind="hold"):
    def run(self):
        log.append("hold")
        while True:
            try:
                gate.wait()
                return
            except BaseException:
                pass

queue.push_all([Wait(1), Hold()])
start()
until(lambda: len(log) == 2, "both run")
ended, left = stop(grace=0.0)
assert not ended
assert [job.kind for job in left] == ["hold"]
assert states() == [("available", 0, 2)]
""")


def test_no_more_is_claimed_than_outcomes_can_be_written(run: Run) -> None:
    run("""
queue.push_all(Note(n) for n in range(3000))
consumer.start()  # nobody writes outcomes
until(lambda: finisher.waiting >= 1000, "outcomes pile up")
gevent.sleep(0.5)
assert finisher.waiting < 1000 + 500 + 2, finisher.waiting
running = rows("select count(*)::int from queueapi.jobs where state = 'running'")[0][0]
assert running == finisher.waiting == len(supervisors.held())
finisher.start()
until(lambda: rows("select count(*)::int from queueapi.finished") == [(3000,)], "all are written")
stop()
assert supervisors.held() == []
""")


def test_an_executor_that_raises_costs_the_job_and_not_the_slot(run: Run) -> None:
    run("""
class Broken(Executor):
    def execute(self, claimed, reporter=None):
        if claimed.kind == "wait":
            raise SystemExit("out of a result's own code")
        return super().execute(claimed, reporter)

consumer._executor = Broken(kinds, 1000)
queue.push_all(Wait(n) for n in range(5))
queue.push(Note(9))
start()
until(lambda: log == [9], "the slots live on")
stop()
assert rows("select state, count(*)::int from queueapi.finished group by 1 order by 1") == [("dead", 5), ("done", 1)]
""")
