"""How workers start, stop, and are stopped."""

from __future__ import annotations

import os
import re
import signal
import time
from pathlib import Path

import psutil
import pytest
import workshop

from queueapi import Queue, State
from tests.system.conftest import Sql, Start, all_done, until

pytestmark = pytest.mark.system


def running(sql: Sql, count: int) -> None:
    until(lambda: sql("select count(*) from ran") == [(count,)], f"{count} have begun")


def test_the_first_sigterm_lets_running_jobs_finish_and_begins_no_other(start: Start, queue: Queue, sql: Sql) -> None:
    worker = start("-c", 2, "-p", 2).ready()
    queue.push_all(workshop.Noted(n, 1.0) for n in range(10))
    running(sql, 4)
    worker.pids()
    worker.signal(signal.SIGTERM)
    assert worker.wait(10) == 0
    assert worker.left_behind() == []
    assert sql("select count(*) from ran") == sql("select count(*) from ended") == [(4,)]
    assert sql("select state, count(*), max(attempt) from queueapi.jobs group by 1") == [("available", 6, 0)]
    assert sql("select count(*) from queueapi.workers") == [(0,)]
    assert sql("select count(*) from queueapi.sleepers") == [(0,)]


def test_what_has_not_ended_within_the_grace_is_returned_uncharged(start: Start, queue: Queue, sql: Sql) -> None:
    worker = start("-c", 3, "--grace", 1).ready()
    queue.push(workshop.Noted(0, 60.0))
    queue.push(workshop.Stubborn(1))
    queue.push(workshop.Deadlocked(2))
    running(sql, 3)
    worker.pids()
    began = time.monotonic()
    worker.signal(signal.SIGTERM)
    assert worker.wait(15) == 0
    assert time.monotonic() - began >= 1.0
    assert worker.left_behind() == []
    assert sql("select state, attempt, error from queueapi.jobs") == [("available", 0, None)] * 3
    assert len(re.findall("returned unfinished, the attempt is not charged", worker.log)) == 3


def test_the_second_sigterm_returns_everything_now(start: Start, queue: Queue, sql: Sql) -> None:
    worker = start("-c", 2, "--grace", 60).ready()
    queue.push_all(workshop.Noted(n, 60.0) for n in range(2))
    running(sql, 2)
    worker.signal(signal.SIGTERM)
    worker.said("stopping: running jobs have 60 s to finish")
    worker.signal(signal.SIGTERM)
    assert worker.wait(10) == 0
    worker.said("stopping now")
    assert sql("select state, attempt from queueapi.jobs") == [("available", 0)] * 2


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_one_signal_to_the_whole_group_is_one_signal(
    number: signal.Signals, start: Start, queue: Queue, sql: Sql
) -> None:
    # Ctrl-C in a terminal, and systemd, tell every process at once.
    worker = start("-c", 2, "-p", 2).ready()
    queue.push_all(workshop.Noted(n, 1.5) for n in range(4))
    running(sql, 4)
    worker.signal_group(number)
    assert worker.wait(10) == 0
    assert sql("select count(*) from queueapi.finished where state = 'done' and attempt = 1") == [(4,)]
    assert "Traceback" not in worker.log


def test_ctrl_c_while_the_processes_are_still_starting_is_no_traceback(start: Start, queue: Queue, sql: Sql) -> None:
    for delay in (0.0, 0.1, 0.2, 0.3):
        worker = start("-p", 3)
        until(worker.pids, "processes start")
        time.sleep(delay)  # any moment of their start
        worker.signal_group(signal.SIGINT)
        assert worker.wait(15) == 0
        assert "Traceback" not in worker.log, worker.log
        assert worker.left_behind() == []


def test_a_killed_supervisor_leaves_no_process_behind_and_another_runs_its_jobs(
    start: Start, queue: Queue, sql: Sql
) -> None:
    first = start("-c", 3, "-p", 2, "--lease", 3).ready()
    queue.push_all([workshop.Noted(1, 60.0), workshop.Noted(2, 60.0)])
    running(sql, 2)
    queue.push(workshop.Spinning(3, 60.0))
    running(sql, 3)
    assert len(first.pids()) == 2
    first.signal(signal.SIGKILL)
    first.wait()
    start("-c", 1, "-p", 3, "--lease", 3).ready()
    until(lambda: first.left_behind() == [], "no process is left", 20)
    running(sql, 6)
    assert sql("select n from ran group by n having count(distinct pid) <> 2") == []


def test_a_job_that_computes_in_python_keeps_its_lease_and_its_neighbours_theirs(
    start: Start, queue: Queue, sql: Sql
) -> None:
    worker = start("-c", 4, "--lease", 1).ready()
    neighbours = queue.push_all(workshop.Noted(n, 0.3) for n in range(3))
    running(sql, 3)
    handles = [
        *neighbours,
        queue.push(workshop.Spinning(3, 4.0)),
        *queue.push_all(workshop.Noted(n) for n in (4, 5, 6)),
    ]
    other = start("-c", 4, "--lease", 1).ready()
    for handle in handles:
        assert handle.wait(20)["attempt"] == 1
    assert sql("select n from ran group by n having count(*) > 1") == []
    assert "lost" not in worker.log + other.log


def test_what_waits_behind_a_job_that_computes_is_run_by_others_uncharged(start: Start, queue: Queue, sql: Sql) -> None:
    worker = start("-c", 4, "-p", 1).ready()
    # Claimed together: the first keeps the process from ever beginning the others.
    handles = queue.push_all([workshop.Grinding(0, 6.0), *(workshop.Noted(n) for n in range(1, 4))], max_attempts=1)
    until(lambda: handles[0].state() == State.RUNNING, "it runs")
    start("-c", 4).ready()
    for handle in handles[1:]:
        assert handle.wait(5)["attempt"] == 1
    assert handles[0].state() == State.RUNNING
    worker.said("kept from all else by a job that computes without a pause; 3 that had not begun go to others")
    handles[0].wait(20)
    assert sql("select count(*) from ran") == [(3,)]


@pytest.mark.parametrize("job", [workshop.Hashing(1, 4.0), workshop.Matching(1, 4.0)], ids=["freely", "greedily"])
def test_a_job_that_computes_in_c_keeps_its_lease(job: object, start: Start, queue: Queue, sql: Sql) -> None:
    start("-c", 2, "--lease", 1.5).ready()
    handle = queue.push(job)
    running(sql, 1)
    start("-c", 2, "--lease", 1.5).ready()
    assert handle.wait(30)["attempt"] == 1
    assert sql("select count(*) from ran") == [(1,)]


def test_a_job_that_computes_for_ever_is_killed_when_the_grace_is_over(start: Start, queue: Queue, sql: Sql) -> None:
    worker = start("-c", 2, "--grace", 0.5, "--lease", 2).ready()
    queue.push(workshop.Spinning(1, 600.0))
    running(sql, 1)
    worker.pids()
    worker.signal(signal.SIGTERM)
    worker.said("stopping: ")
    worker.signal(signal.SIGTERM)
    assert worker.wait(20) == 0
    worker.said("did not stop in time and was killed")
    assert worker.left_behind() == []
    assert sql("select state, attempt from queueapi.jobs") == [("available", 0)]


def test_whatever_a_job_raises_is_its_own_affair(start: Start, queue: Queue, sql: Sql) -> None:
    worker = start("-c", 3).ready()
    pids = worker.pids()
    whats = ["exit", "keyboard", "killed", "timeout", "base", "unspeakable", "surrogate", "memory"]
    handles = {what: queue.push(workshop.Raising(what), max_attempts=1) for what in whats}
    for what, handle in handles.items():
        until(lambda handle=handle: handle.state() == State.DEAD, f"{what} is dead")
    assert handles["exit"].status()["error"] == {"type": "SystemExit", "message": "3"}
    for what in ("greenlet", "thread"):
        assert queue.push(workshop.Raising(what), max_attempts=1).wait(10) is None
    # All slots are still there, and the same process.
    queue.push_all(workshop.Noted(n, 1.0) for n in range(3))
    until(lambda: sql("select count(*) from ran where n not in (select n from ended)") == [(3,)], "three run at once")
    assert worker.pids() == pids
    assert "\x1b" not in worker.log


def test_a_job_that_waits_for_itself_holds_up_nobody_else(start: Start, queue: Queue, sql: Sql) -> None:
    start("-c", 2).ready()
    stuck = queue.push(workshop.Deadlocked(0))
    running(sql, 1)
    for n in range(1, 4):
        assert queue.push(workshop.Noted(n)).wait(10)["n"] == n
    assert stuck.state() == State.RUNNING


def test_results_of_a_megabyte_each_are_taken_in_portions(start: Start, queue: Queue, sql: Sql) -> None:
    queue.push_all(workshop.Large(n, 999_000) for n in range(120))
    too_large = queue.push(workshop.Large(0, 1_000_001))
    worker = start("-c", 20)
    until(all_done(sql, 121), "all are finished", 60)
    assert sql("select sum(length(result::text)) from queueapi.finished") == [(120 * 999_002,)]
    assert too_large.status()["error"]["type"] == "NotSerializable"
    (pid,) = worker.pids()
    assert psutil.Process(pid).memory_info().rss < 400_000_000


def test_progress_that_could_not_be_stored_is_made_fit_and_stops_nobody(start: Start, queue: Queue, sql: Sql) -> None:
    start("-c", 2).ready()
    handle = queue.push(workshop.Reporting(1))
    shown = until(lambda: handle.status()["progress"], "it shows progress")
    assert shown["message"] == "half of ? and a NUL \N{REPLACEMENT CHARACTER}"
    handle.wait(10)
    assert handle.status()["attempt"] == 1


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        (None, "there is no module 'broken' to import jobs from"),
        ("1 / 0", r"broken cannot be imported: ZeroDivisionError: division by zero \(.*broken.py, line 1\)"),
        ("import nosuchthing", "broken cannot be imported: ModuleNotFoundError: No module named 'nosuchthing'"),
        ("raise SystemExit(0)", "broken cannot be imported: SystemExit: 0"),
        ("x = 1", "broken define no jobs: derive a class from queueapi.Job"),
    ],
    ids=["missing", "failing", "dependency", "exiting", "jobless"],
)
def test_a_module_that_cannot_be_imported_is_one_sentence_and_exit_code_2(
    source: str | None, sentence: str, start: Start, tmp_path: Path
) -> None:
    if source is not None:
        (tmp_path / "broken.py").write_text(source)
    worker = start("-p", 3, modules=("broken",), PYTHONPATH=str(tmp_path))
    assert worker.wait(20) == 2
    assert re.search(sentence, worker.log), worker.log
    assert worker.log.count("\n") == 1, worker.log


def test_a_module_that_breaks_later_is_tried_again_ever_later(
    start: Start, queue: Queue, sql: Sql, tmp_path: Path
) -> None:
    (tmp_path / "later.py").write_text("from workshop import *")
    path = os.pathsep.join([str(tmp_path), str(Path(__file__).parent)])
    worker = start("-c", 1, modules=("later",), PYTHONPATH=path).ready()
    (tmp_path / "later.py").write_text("1 / 0  # a deployment is under way")
    os.kill(worker.pids()[0], signal.SIGKILL)
    worker.said(r"\(later cannot be imported: .*\); another takes its place in [012] s")
    (tmp_path / "later.py").write_text("from workshop import *")
    assert queue.push(workshop.Noted(1)).wait(30)["attempt"] == 1


def test_a_schema_that_does_not_fit_is_one_sentence_and_exit_code_3(start: Start, sql: Sql) -> None:
    sql("delete from queueapi.migrations where number = (select max(number) from queueapi.migrations)")
    worker = start()
    assert worker.wait(20) == 3
    assert "the database's schema is older than this code" in worker.log
    sql("insert into queueapi.migrations (number, name, sha256) select n, 'later', '' from generate_series(90, 92) n")
    worker = start()
    assert worker.wait(20) == 3
    assert "the database's schema is newer than this code" in worker.log


def test_no_server_is_one_sentence_and_no_traceback(start: Start, unused_port: int) -> None:
    worker = start(DATABASE_URL=f"postgresql://queueapi@127.0.0.1:{unused_port}/nowhere", QUEUEAPI_CONNECT_TIMEOUT="2")
    assert worker.wait(20) == 1
    assert re.fullmatch(r"queueapi: PostgreSQL did not connect: [^\n]+\n", worker.log), worker.log


def test_burst_ends_by_itself_and_leaves_what_is_due_later(start: Start, queue: Queue, sql: Sql) -> None:
    queue.push_all(workshop.Noted(n, 0.05) for n in range(40))
    slow = queue.push(workshop.Noted(40, 1.5))
    failing = queue.push(workshop.Flaky(41))
    later = queue.push(workshop.Noted(42), delay=3600)
    worker = start("-c", 4, "-p", 2, "--burst")
    assert worker.wait(30) == 0
    assert slow.state() == State.DONE
    assert failing.state() == later.state() == State.SCHEDULED
    assert all_done_but(sql, 2) == 41


def all_done_but(sql: Sql, left: int) -> int:
    assert sql("select count(*) from queueapi.jobs") == [(left,)]
    return int(sql("select count(*) from queueapi.finished where state = 'done'")[0][0])


def test_burst_with_nothing_to_do_ends_at_once(start: Start, sql: Sql) -> None:
    worker = start("-p", 2, "--burst")
    assert worker.wait(15) == 0


def test_burst_goes_on_after_a_process_died(start: Start, queue: Queue, sql: Sql) -> None:
    queue.push(workshop.Deadly(0), max_attempts=2)
    handles = queue.push_all(workshop.Noted(n, 0.3) for n in range(1, 5))
    worker = start("-c", 5, "--burst")
    assert worker.wait(30) == 0
    assert [handle.state() for handle in handles] == [State.DONE] * 4


@pytest.fixture
def unused_port() -> int:
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])
