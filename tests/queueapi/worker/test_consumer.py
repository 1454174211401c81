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
from queueapi.executor import Executor
from queueapi.interrupts import Interrupted
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


def test_what_is_void_is_not_begun_but_returned(run: Run) -> None:
    run("""
queue.push_all([Wait(1), Wait(2)])
start()
until(lambda: len(log) == 2, "both slots are busy")
consumer._rate._per_second = 1000.0  # so that some are fetched ahead
consumer._rate._since = time.monotonic() + 60
queue.push_all(Note(n) for n in (3, 4, 5))
consumer.loop.wake()
until(lambda: consumer._slots.waiting == 3, "three are fetched ahead")
supervisors.make_void()
gate.set()
until(lambda: sum(name == "returned" for name, _ in heard) == 3, "they are returned")
until(lambda: {3, 4, 5} <= set(log), "and claimed anew")
stop()
assert sorted(n for n in log if n > 2) == [3, 4, 5], "none ran twice"
assert rows("select distinct attempt from queueapi.finished") == [(1,)], "and none was charged twice"
""")


def test_what_was_fetched_and_waits_behind_long_jobs_is_returned(run: Run) -> None:
    run("""
queue.push_all([Wait(1), Wait(2)])
start()
until(lambda: len(log) == 2, "both slots are busy")
consumer._rate._per_second = 1000.0
queue.push_all(Note(n) for n in (3, 4))
consumer.loop.wake()
until(lambda: consumer._slots.waiting == 2, "two are fetched ahead")
until(lambda: states() == [("available", 0, 2), ("running", 1, 2)], "they are returned")
gate.set()
until(lambda: {3, 4} <= set(log), "they run later")
stop()
""")


def test_a_claim_whose_answer_was_cut_off_is_returned_and_nothing_is_charged(run: Run) -> None:
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


def test_who_stops_returns_what_has_not_begun_and_lets_the_rest_end(run: Run) -> None:
    run("""
queue.push_all([Wait(1), Wait(2)])
start()
until(lambda: len(log) == 2, "both run")
consumer._rate._per_second = 1000.0
queue.push_all(Note(n) for n in (3, 4))
consumer.loop.wake()
until(lambda: consumer._slots.waiting == 2, "two are fetched ahead")
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

consumer._runs._executor = Broken(kinds, 1000)
queue.push_all(Wait(n) for n in range(5))
queue.push(Note(9))
start()
until(lambda: log == [9], "the slots live on")
stop()
assert rows("select state, count(*)::int from queueapi.finished group by 1 order by 1") == [("dead", 5), ("done", 1)]
""")


@pytest.mark.parametrize("rest", ["gevent.sleep(0.01)", "pass"], ids=["after it waited", "at once"])
def test_what_a_careless_job_leaves_running_hits_nobody_else(run: Run, rest: str) -> None:
    run(f"""
LEAVE = [
    lambda: gevent.Timeout.start_new(0.3, RuntimeError("stray")),
    lambda: gevent.spawn_later(0.3, gevent.getcurrent().kill),
    lambda: gevent.spawn_later(0.3, gevent.getcurrent().throw, RuntimeError("stray")),
    lambda: gevent.spawn_later(0.3, gevent.getcurrent().switch),
]

class Careless(Job, kind="careless"):
    n: int
    def run(self):
        LEAVE[self.n]()
        {rest}
        log.append("careless")

start()
queue.push_all(Careless(n) for n in range(4))
until(lambda: log.count("careless") == 4, "all have run")
queue.push_all([Wait(1), Wait(2)])  # in the slots of these
until(lambda: len(log) == 6, "both slots are used again")
gevent.sleep(0.5)  # by now what was left has come
assert consumer.busy == 2, heard
gate.set()
queue.push_all(Note(n) for n in range(3, 40))
until(lambda: set(range(3, 40)) <= set(log), "and again")
stop()
assert rows("select distinct state, attempt from queueapi.finished") == [("done", 1)]
""")


def test_a_slot_needs_one_greenlet_for_short_jobs_and_another_where_they_wait(run: Run) -> None:
    run("""
class Who(Job, kind="who"):
    rest: bool
    def run(self):
        log.append(id(gevent.getcurrent()))
        seen.append(weakref.ref(gevent.getcurrent()))
        if self.rest:
            gevent.sleep(0.001)

import gc, weakref
seen = []
finisher.start()
consumer._slots.open()
def runs(rest):
    from queueapi.claims import Claimed
    for n in range(20):
        consumer._slots.put((Claimed(n, 1, "default", "who", '{"rest": %s}' % rest, 1, 1), time.monotonic()))
    until(lambda: len(log) == 20, "all have run")

runs("false")
assert len(set(log)) <= 2, "one for each slot"
log.clear()
runs("true")
assert len(set(log)) <= 4, "two for each slot: the hub lets go of one while the other runs"
assert all(ref() is not None for ref in seen), "and none was thrown away"
stop()
until(lambda: gc.collect() is not None and not any(ref() for ref in seen), "all are gone")
""")


def test_a_slot_that_is_ended_by_force_is_opened_anew(run: Run) -> None:
    run("""
start()
for slot in list(consumer._slots._slots):
    slot.kill()
queue.push_all(Note(n) for n in range(10))
until(lambda: len(log) == 10, "they run")
stop()
""")


def test_a_job_that_raises_our_own_interruption_has_failed(run: Run) -> None:
    run("""
class Forger(Job, kind="forger", max_attempts=1):
    def run(self):
        raise Interrupted

queue.push(Forger())
start()
until(lambda: rows("select state from queueapi.finished") == [("dead",)], "it is dead")
stop()
""")


def test_who_watches_a_job_is_told_that_it_runs_and_nobody_else_is(run: Run) -> None:
    run("""
import psycopg
watched, other = queue.push_all([Wait(1), Wait(2)])
ear = psycopg.connect(DSN, autocommit=True)
ear.execute("listen queueapi_jobs")
ear.execute("insert into queueapi.watches values (%s, gen_random_uuid())", (watched.id,))
start()
(notice,) = ear.notifies(timeout=10, stop_after=1)
assert notice.payload == str(watched.id)
assert watched.state() == "running"
gate.set()
until(lambda: len(log) == 4, "both end")
stop()
ear.close()
""")


def test_a_row_that_was_tried_as_often_as_a_number_can_say_does_not_stop_its_queue(run: Run) -> None:
    run("""
odd, fine = queue.push_all([Note(1), Note(2)])
with open_() as connection:
    connection.execute("update queueapi.jobs set attempt = 32767 where id = %s", (odd.id,))
start()
until(lambda: set(log) == {1, 2}, "both run")
stop()
assert rows("select state, count(*)::int from queueapi.finished group by 1") == [("done", 2)]
""")


@pytest.mark.parametrize(
    "damage",
    [
        """options = '["no object"]'""",
        """options = '{"timeout": "soon"}'""",
        """options = '{"hard_timeout": []}'""",
        "limit_keys = '{NULL}'",
        "limit_keys = '{{a},{b}}'",
    ],
)
def test_a_row_whose_options_cannot_be_read_fails_and_does_not_stop_its_neighbours(run: Run, damage: str) -> None:
    run(f"""
odd, *fine = queue.push_all([Note(1), Note(2), Note(3)])
with open_() as connection:
    connection.execute('''update queueapi.jobs set {damage} where id = %s''', (odd.id,))
start()
until(lambda: set(log) == {{2, 3}}, "the others run")
until(lambda: rows("select state from queueapi.jobs") == [("scheduled",)], "the odd one waits for its next attempt")
stop()
[(attempt, error)] = rows("select attempt, error from queueapi.jobs")
assert attempt == 1 and error["type"] == "Unreadable", error
assert "the row of this job cannot be read" in error["message"], error
assert [name for name, _ in heard if name == "loop_failed"] == []
""")
