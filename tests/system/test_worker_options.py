"""What ``queueapi-work`` can be told, with real processes."""

from __future__ import annotations

import json
import os
import re
import signal
from pathlib import Path

import psutil
import pytest
import workshop

from queueapi import Queue, State
from tests.system.conftest import Sql, Start, Worker, all_done, until

pytestmark = pytest.mark.system


def titles(worker: Worker) -> list[str]:
    return [" ".join(psutil.Process(pid).cmdline()).strip() for pid in (worker.process.pid, *worker.pids())]


# -- being replaced


@pytest.mark.parametrize(("slots", "most"), [(1, 1), (2, 5)])
def test_a_process_ends_after_so_many_jobs_and_the_next_goes_on(
    slots: int, most: int, start: Start, queue: Queue, sql: Sql
) -> None:
    queue.push_all(workshop.Noted(n) for n in range(4 * most))
    worker = start("-c", slots, "--max-jobs", most, "--burst")
    assert worker.wait(60) == 0
    assert sql("select count(*) from queueapi.finished where state = 'done' and attempt = 1") == [(4 * most,)]
    ran = [count for (count,) in sql("select count(*) from ran group by pid")]
    assert ran == [most] * 4
    assert "Traceback" not in worker.log
    assert "ended by itself" not in worker.log


def test_a_process_that_has_grown_finishes_what_it_runs_while_another_works(
    start: Start, queue: Queue, sql: Sql
) -> None:
    worker = start("-c", 2, "--max-memory", "220M", "--grace", 1).ready()
    (grown,) = worker.pids()
    long = queue.push(workshop.Growing(1, 200, 9.0))
    worker.said(r"worker process \d+ has \d+ MB of memory, more than 220: it finishes what it runs", 20)
    until(lambda: [pid for pid in worker.pids() if pid != grown], "another works")
    assert long.state() == State.RUNNING
    assert queue.push(workshop.Noted(2)).wait(20)["pid"] != grown
    assert long.wait(20) == grown, "longer than the grace, which is for stopping"
    until(lambda: grown not in worker.pids(), "the old one is gone")
    assert queue.push(workshop.Noted(3)).wait(20)["attempt"] == 1
    assert "ended by itself" not in worker.log


def test_who_retires_has_the_grace_when_all_are_to_stop_and_its_jobs_go_back(
    start: Start, queue: Queue, sql: Sql
) -> None:
    worker = start("-c", 1, "--max-jobs", 1, "--grace", 0.5).ready()
    (old,) = worker.pids()
    long = queue.push(workshop.Noted(1, 60.0))
    until(lambda: [pid for pid in worker.pids() if pid != old], "another has taken its place")
    assert queue.push(workshop.Noted(2)).wait(20)["pid"] != old
    assert old in worker.pids()
    worker.signal(signal.SIGTERM)
    assert worker.wait(20) == 0
    assert sql("select id, state, attempt from queueapi.jobs") == [(long.id, "available", 0)]
    assert worker.left_behind() == []


def test_who_is_killed_while_it_retires_has_its_jobs_released(start: Start, queue: Queue, sql: Sql) -> None:
    worker = start("-c", 1, "--max-jobs", 1).ready()
    (old,) = worker.pids()
    long = queue.push(workshop.Noted(1, 4.0))
    until(lambda: [pid for pid in worker.pids() if pid != old], "another has taken its place")
    os.kill(old, signal.SIGKILL)
    assert long.wait(30)["attempt"] == 2
    assert len(worker.pids()) <= 2, "its place was taken once"


JOBS = """
import queueapi

class Says(queueapi.Job, kind="tests.says"):
    def run(self):
        return {word!r}
"""


def test_a_changed_file_starts_the_processes_anew_and_a_broken_one_waits_for_the_next_change(
    start: Start, queue: Queue, sql: Sql, tmp_path: Path
) -> None:
    def save(text: str) -> None:
        half = tmp_path / "half"
        half.write_text(text)
        os.utime(half, (0, next(times)))  # whatever the clock of the file system can tell apart
        half.rename(tmp_path / "reloaded.py")

    times = iter(range(1_000_000_000, 1_000_000_100))
    save(JOBS.format(word="first"))
    environment = {"PYTHONPATH": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
    worker = start("-c", 1, "--reload", modules=("reloaded",), **environment).ready()
    namespace: dict[str, type] = {}
    exec(JOBS.format(word="here"), {"__name__": "reloaded"}, namespace)
    says = namespace["Says"]
    assert queue.push(says()).wait(20) == "first"
    save(JOBS.format(word="second"))
    worker.said(r"reloaded\.py has changed: starting anew")
    until(lambda: queue.push(says()).wait(20) == "second", "the new code runs")
    save("1 / 0")
    worker.said("reloaded cannot be imported: ZeroDivisionError")
    save(JOBS.format(word="third"))
    until(lambda: queue.push(says()).wait(20) == "third", "it runs again")


# -- signals


@pytest.mark.parametrize("number", [signal.SIGTSTP, signal.SIGUSR2])
@pytest.mark.parametrize("to_all", [False, True], ids=["supervisor", "all"])
def test_quiet_claims_nothing_until_it_may_go_on(
    number: signal.Signals, to_all: bool, start: Start, queue: Queue, sql: Sql
) -> None:
    worker = start("-c", 2, "-p", 2).ready()
    running = queue.push(workshop.Noted(1, 2.0))
    until(lambda: running.state() == State.RUNNING, "it runs")
    (worker.signal_group if to_all else worker.signal)(number)
    worker.said("quiet: no more jobs are claimed until CONT")
    until(lambda: sum(", quiet, " in title for title in titles(worker)) == 3, "all say so")
    waiting = queue.push_all(workshop.Noted(n) for n in (2, 3))
    assert running.wait(10)["attempt"] == 1, "what runs goes on"
    (killed, _) = worker.pids()
    os.kill(killed, signal.SIGKILL)
    until(lambda: len(set(worker.pids()) - {killed}) == 2, "another has taken its place")
    until(lambda: sum(", quiet, " in title for title in titles(worker)) == 3, "which is quiet, too")
    assert [handle.state() for handle in waiting] == [State.AVAILABLE] * 2
    worker.signal(signal.SIGCONT)
    for handle in waiting:
        assert handle.wait(10)["attempt"] == 1
    worker.said("jobs are claimed again")


def test_a_quiet_worker_stops_like_any_other(start: Start, queue: Queue, sql: Sql) -> None:
    worker = start().ready()
    worker.signal(signal.SIGTSTP)
    worker.said("quiet")
    worker.signal(signal.SIGTERM)
    assert worker.wait(15) == 0


def test_ttin_shows_what_every_greenlet_does_also_beside_a_job_that_computes(
    start: Start, queue: Queue, sql: Sql
) -> None:
    worker = start("-c", 3).ready()
    sleeping = queue.push(workshop.Noted(1, 60.0))
    until(lambda: sql("select count(*) from ran") == [(1,)], "it runs")
    spinning = queue.push(workshop.Spinning(2, 60.0))
    until(lambda: sql("select count(*) from ran") == [(2,)], "both run")
    worker.signal_group(signal.SIGTTIN)
    who = rf"job {sleeping.id} \(workshop.Noted\), attempt 1 of 25, for "
    found = worker.said(rf"(?s)what goes on here:.*?{who}.*?self.work.*?time.sleep\(self.seconds\)")
    assert f"job {spinning.id} (workshop.Spinning)" in worker.log
    assert "while time.monotonic() < until" in worker.log
    assert "queueapi/loop.py" in worker.log, "and what is no job's"
    assert worker.log.count("what goes on here") == 1, found.group()


def test_every_process_has_a_number_and_says_what_it_does(start: Start, queue: Queue, sql: Sql) -> None:
    worker = start("-c", 3, "-p", 2, "-q", "mail", "-q", "default").ready()
    queue["mail"].push(workshop.Noted(1, 5.0))
    until(lambda: any("1 of 3 busy, mail default" in title for title in titles(worker)), "one says it")
    said = sorted(titles(worker))
    assert said[0] == "queueapi-work: supervisor of 2 processes, mail default"
    assert re.fullmatch(r"queueapi-work: worker 1: [01] of 3 busy, mail default", said[1])
    assert re.fullmatch(r"queueapi-work: worker 2: [01] of 3 busy, mail default", said[2])


# -- logs


def test_json_logs_are_an_object_a_line(start: Start, queue: Queue, sql: Sql) -> None:
    worker = start("-c", 1, "--log-format", "json", "-v").ready()
    queue.push(workshop.Noted(7)).wait(10)
    dead = queue.push(workshop.Raising("base"), max_attempts=1)
    until(all_done(sql, 2), "both have ended")
    worker.said("is dead")
    worker.signal(signal.SIGTERM)
    assert worker.wait(10) == 0
    said = [json.loads(line) for line in worker.log.splitlines()]
    assert {"supervisor", "worker 1"} == {line["process"] for line in said}
    (line,) = [line for line in said if line.get("state") == "dead"]
    assert (line["event"], line["job"], line["kind"], line["level"]) == (
        "finished", dead.id, "workshop.Raising", "error",
    )  # fmt: skip
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["time"])
